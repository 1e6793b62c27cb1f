/** Notes inside a page what its chip says, how its connections settle, and how long nothing of a file arrives. */
import type { BrowserContext, Page } from 'playwright-core';

/** Milliseconds without another pair after which ICE has made up its mind; the page looks at its path every two seconds. */
const SETTLED_MS = 2_500;

/** A time in which nothing of a file arrived, in milliseconds since 1970. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

interface Recording {
  /** What the chip has said, without the time: each once, in order. */
  readonly shown: string[];
  /** When a connection last changed its pair of candidates, on the page's clock. */
  changedAt: number;
  /** Those of at least 250 ms. */
  readonly gaps: Gap[];
}

declare global {
  interface Window {
    recording: Recording;
  }
}

/** Runs in the page before its own scripts. */
function install(): void {
  const recording: Recording = { shown: [], changedAt: Infinity, gaps: [] };
  window.recording = recording;

  new MutationObserver(() => {
    const chip = document.querySelector('[title^="How the two devices reach each other"]');
    const words = chip?.textContent.split('·')[0]?.trim() ?? '';
    if (words !== '' && recording.shown.at(-1) !== words) recording.shown.push(words);
  }).observe(document, { subtree: true, childList: true, characterData: true });

  let heardAt = Infinity;
  const heard = () => {
    const now = performance.timeOrigin + performance.now();
    if (now - heardAt >= 250) recording.gaps.push({ from: heardAt, to: now });
    heardAt = now;
  };
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(config?: RTCConfiguration) {
      super(config);
      this.addEventListener('connectionstatechange', () => {
        const transport = this.sctp?.transport.iceTransport;
        if (this.connectionState !== 'connected' || transport === undefined) return;
        const changed = () => (recording.changedAt = performance.now());
        changed();
        transport.onselectedcandidatepairchange = changed;
      });
    }

    override createDataChannel(label: string, options?: RTCDataChannelInit): RTCDataChannel {
      const channel = super.createDataChannel(label, options);
      if (label === 'bulk') channel.addEventListener('message', heard);
      return channel;
    }
  };
}

/** For all pages that a browser opens from now on. */
export function record(context: BrowserContext): Promise<unknown> {
  return context.addInitScript(install);
}

export async function settled(page: Page): Promise<void> {
  await page.waitForFunction((ms) => performance.now() - window.recording.changedAt > ms, SETTLED_MS);
}

export function pathsShown(page: Page): Promise<string[]> {
  return page.evaluate(() => window.recording.shown);
}

export function gaps(page: Page): Promise<Gap[]> {
  return page.evaluate(() => window.recording.gaps);
}
