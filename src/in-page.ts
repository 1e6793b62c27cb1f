/**
 * The script that stands in the built page itself: asks for the page's files, and with a link dials the sender. Only a
 * script there can look for a link that early; the server allows it by its hash. In development there is none.
 */
import { isFragment } from './core/link.ts';
import { dialLink } from './dial.ts';

/** Paths at the server. */
interface FirstFiles {
  readonly first: string;
  /** What the first script will ask for: that alone would be a round trip more. */
  readonly withLink: readonly string[];
  readonly withoutLink: readonly string[];
}

/** From the build. */
declare const FIRST_FILES: FirstFiles;

/** Milliseconds until the server answered, above which a page loads what a link needs while it dials. */
const FAR_MS = 20;

/** Milliseconds for making an offer, of which a busy phone needs some 100: the page must not wait for ever for its files. */
const OFFER_MS = 1_000;

const hasLink = isFragment(location.hash);

/**
 * What a link needs is here soon enough from a near server, or from the service worker, and would take the processor from the
 * connection before.
 */
const [arrival] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
const isFar =
  arrival !== undefined &&
  arrival.responseStart - arrival.requestStart > FAR_MS &&
  // Missing in a page that is not secure, whatever its type says.
  (navigator as Partial<Navigator>).serviceWorker?.controller == null;

/** Styles are loaded as such: a preloaded one has to be asked for in the same way. */
function load(): void {
  const { first, withLink, withoutLink } = FIRST_FILES;
  const add = (tag: 'script' | 'link', properties: object): void => {
    document.head.append(Object.assign(document.createElement(tag), { crossOrigin: '', ...properties }));
  };
  add('script', { type: 'module', src: first });
  for (const href of hasLink ? (isFar ? withLink : []) : withoutLink)
    add('link', href.endsWith('.css') ? { rel: 'preload', as: 'style', href } : { rel: 'modulepreload', href });
}

// The page's own connection is the one that is open already: it is for the offer first, where others take long to open.
if (hasLink && isFar) {
  dialLink();
  const late = new Promise((resolve) => setTimeout(resolve, OFFER_MS));
  Promise.race([globalThis.dialed?.offer, late]).then(load, load);
} else {
  load();
  dialLink();
}
