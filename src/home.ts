/** The browser's chance and the page's own address: what the script in the page needs as well. */
import type { Random } from './core/ports.ts';

export const random: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => Math.random(),
};

/** The app's own address. */
export const home = new URL('./', location.href.replace(/#.*$/u, ''));
