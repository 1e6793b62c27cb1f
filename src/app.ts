/** The screens, and what they can ask for. */
import { mount } from 'svelte';
import type { Findings } from './core/check.ts';
import { canChoosePlace, choosePlace } from './disk/place.ts';
import { canChooseFiles, chooseFiles, pickDrop, pickFiles } from './disk/sources.ts';
import type { Services } from './flow/services.ts';
import App from './ui/App.svelte';
import { arrived } from './arrived.ts';
import { registerServiceWorker, watchUpdate } from './update.ts';

const sending = () => arrived(import('./share.ts'));
const kept = () => import('./transfers.ts');

const services: Services = {
  share: async (picked) => (await sending()).share(picked),
  receive: async (fragment) => (await arrived(import('./receive.ts'))).receive(fragment),
  returningShare: async (id) => (await sending()).returningShare(id),
  shareAgain: async (id, picked, partly) => (await sending()).shareAgain(id, picked, partly),
  transfers: async () => (await kept()).transfers(),
  linkOf: async (id) => (await kept()).linkOf(id),
  stored: async (id) => (await arrived(import('./stored.ts'))).stored(id),
  forget: async (note) => (await kept()).forget(note),
  pickFiles,
  pickDrop,
  canChooseFiles,
  chooseFiles,
  canChoosePlace,
  choosePlace,
  secure: isSecureContext,
  watchUpdate,
};

/** Looks at what this device can reach. Loaded with the check page. */
const check = async (): Promise<Findings> => {
  registerServiceWorker();
  const [{ probe }, { world }] = await Promise.all([import('./net/probes.ts'), import('./world.ts')]);
  return probe({ ...world, room: () => world.sinks.room() });
};

export function showApp(): void {
  mount(App, { target: document.body, props: { services, check } });
}
