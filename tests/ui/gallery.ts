/** `?scene=name` shows that scene in the real app; without it, a list of all. */
import { mount } from 'svelte';
import { FRAGMENT } from '../doubles/services.ts';
import { SCENES } from './scenes.ts';

const name = new URLSearchParams(location.search).get('scene') ?? '';
const scene = SCENES[name];
if (scene === undefined) {
  for (const each of Object.keys(SCENES)) {
    const link = document.createElement('a');
    link.href = `?scene=${each}`;
    link.textContent = each;
    document.body.append(link, document.createElement('br'));
  }
} else {
  if (scene.begins === 'check') history.replaceState(null, '', '#check');
  if (scene.begins === 'link') history.replaceState(null, '', `#${FRAGMENT}`);
  const { default: App } = await import('../../src/ui/App.svelte');
  const { findings } = scene;
  const check = findings === undefined ? null : () => Promise.resolve(findings);
  mount(App, { target: document.body, props: { services: scene.services(), check } });
  if (scene.begins === 'files') chooseFile(await filesInput());
}

/** Puts one file into the page's own input, as a person would. */
function chooseFile(input: HTMLInputElement): void {
  const transfer = new DataTransfer();
  transfer.items.add(new File(['a'], 'a.txt'));
  input.files = transfer.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
}

/** The start page loads when it is shown. */
function filesInput(): Promise<HTMLInputElement> {
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => look());
    const look = (): void => {
      const input = document.querySelector<HTMLInputElement>('input[aria-label="Files to send"]');
      if (input === null) return;
      observer.disconnect();
      resolve(input);
    };
    observer.observe(document.body, { childList: true, subtree: true });
    look();
  });
}
