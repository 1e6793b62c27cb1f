import { expect, it } from 'vitest';
import { Confirmation } from '../../src/ui/confirmation.svelte.ts';
import { Selection } from '../../src/ui/selection.svelte.ts';
import { Watched } from '../../src/ui/watched.svelte.ts';
import { Shown } from '../doubles/services.ts';

it('Watched follows its source until it is stopped', () => {
  const source = new Shown({ at: 1 });
  const steps: string[] = [];
  const watched = new Watched(source, (next, previous) => steps.push(`${previous.at}-${next.at}`));
  expect(watched.view.at).toBe(1);
  source.show({ at: 2 });
  expect(watched.view.at).toBe(2);
  watched.stop();
  source.show({ at: 3 });
  expect(watched.view.at).toBe(2);
  expect(steps).toEqual(['1-2']);
});

it('Selection keeps count and bytes of what is ticked', () => {
  const selection = new Selection([10, 0, 5]);
  expect([selection.all, selection.count, selection.bytes]).toEqual([true, 3, 15]);
  selection.toggle(0);
  expect([selection.all, selection.count, selection.bytes, selection.has(0)]).toEqual([false, 2, 5, false]);
  expect(selection.list()).toEqual([1, 2]);
  selection.toggle(0);
  expect([selection.all, selection.bytes, selection.has(0)]).toEqual([true, 15, true]);
  selection.setAll(false);
  expect([selection.count, selection.bytes, selection.list()]).toEqual([0, 0, []]);
  selection.setAll(true);
  expect([selection.count, selection.bytes]).toEqual([3, 15]);
});

it('Selection ignores an entry that is not there', () => {
  const selection = new Selection([1]);
  selection.toggle(7);
  expect([selection.count, selection.bytes]).toEqual([1, 1]);
});

it('Confirmation answers a second question with no while the first is open', async () => {
  const confirmation = new Confirmation();
  const question = { title: 'Leave?', text: '', confirm: 'Leave', keep: 'Stay' };
  const first = confirmation.ask(question);
  expect(await confirmation.ask({ ...question, title: 'Again?' })).toBe(false);
  expect(confirmation.question).toBe(question);
  confirmation.answer(true);
  expect(await first).toBe(true);
  expect(confirmation.question).toBeNull();
});
