/** Mounts the screens on what they can ask for. */
import { mount } from 'svelte';
import { canChoosePlace, choosePlace } from './disk/place.ts';
import { pickDrop, pickFiles } from './disk/sources.ts';
import type { Services } from './flow/services.ts';
import App from './ui/App.svelte';
import { watchUpdate } from './update.ts';

const sessions = () => import('./sessions.ts');

const services: Services = {
  share: async (picked) => (await sessions()).share(picked),
  receive: async (fragment) => (await sessions()).receive(fragment),
  pickFiles,
  pickDrop,
  canChoosePlace,
  choosePlace,
  secure: isSecureContext,
  watchUpdate,
};

mount(App, { target: document.body, props: { services } });
