/**
 * The yardstick of starting: offer, answer and an open channel through Beeline's server, with nothing around them, in a page
 * that is kept as far from others as Beeline's is: that takes the browser some 20 ms, and is not the app's to save.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import type { Device } from '../e2e/browser.ts';
import { momentsOf, type Moments } from './moments.ts';

/** The page's functions, which the driver calls; they live in the page's own script below. */
interface BareWindow extends Window {
  readonly bare: {
    wait(socketUrl: string): Promise<void>;
    /** Resolves with the first message. */
    readonly first: Promise<void>;
  };
}

/**
 * Speaks the PeerJS protocol over a plain WebSocket: fewer messages than the `peerjs` client, and no script to load, so
 * that it is the shortest start there can be. Candidates trickle, and the channel is agreed, so that it opens with the
 * connection. Who waits says one message then.
 * A page with a fragment, the address of its socket and the id of who waits, connects at once.
 */
const PAGE = `<!doctype html><title>bare start</title><link rel="icon" href="data:,"><script>
const AGREED = { negotiated: true, id: 0 };
function dial(socketUrl, onmessage) {
  const socket = new WebSocket(socketUrl);
  return new Promise((resolve) => {
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === 'OPEN') resolve((type, dst, payload) => socket.send(JSON.stringify({ type, dst, payload })));
      else onmessage(message);
    };
  });
}
async function wait(socketUrl) {
  const peers = new Map();
  const say = await dial(socketUrl, async ({ type, src, payload }) => {
    if (type === 'OFFER') {
      const pc = new RTCPeerConnection();
      peers.set(src, pc);
      pc.onicecandidate = ({ candidate }) => { if (candidate) say('CANDIDATE', src, candidate.toJSON()); };
      const channel = pc.createDataChannel('bare', AGREED);
      channel.onopen = () => channel.send('first');
      await pc.setRemoteDescription(payload);
      await pc.setLocalDescription();
      say('ANSWER', src, pc.localDescription.toJSON());
    } else if (type === 'CANDIDATE') {
      await peers.get(src).addIceCandidate(payload);
    }
  });
}
async function connect(socketUrl, dst) {
  const pc = new RTCPeerConnection();
  const channel = pc.createDataChannel('bare', AGREED);
  const first = new Promise((resolve) => { channel.onmessage = () => resolve(); });
  const early = [];
  let answered = false;
  const say = await dial(socketUrl, async ({ type, payload }) => {
    if (type === 'ANSWER') {
      await pc.setRemoteDescription(payload);
      answered = true;
      for (const candidate of early) await pc.addIceCandidate(candidate);
    } else if (type === 'CANDIDATE') {
      if (answered) await pc.addIceCandidate(payload);
      else early.push(payload);
    }
  });
  pc.onicecandidate = ({ candidate }) => { if (candidate) say('CANDIDATE', dst, candidate.toJSON()); };
  await pc.setLocalDescription();
  say('OFFER', dst, pc.localDescription.toJSON());
  return first;
}
const [socketUrl, dst] = location.hash.slice(1).split(',').map(decodeURIComponent);
window.bare = { wait, first: dst ? connect(socketUrl, dst) : null };
</script>`;

export class BarePage {
  private constructor(
    readonly url: string,
    readonly server: Server,
    /** Where the sockets of Beeline's server are, with room for an id at the end. */
    readonly sockets: URL,
  ) {}

  /** @param baseUrl of Beeline's server. */
  static async serve(baseUrl: string): Promise<BarePage> {
    const isolation = (await fetch(baseUrl)).headers.get('cross-origin-opener-policy');
    if (isolation === null)
      throw new Error('The server no longer keeps its page from others: the bare page need not be, either.');
    const server = createServer((_request, response) => {
      response.setHeader('cross-origin-opener-policy', isolation);
      response.setHeader('content-type', 'text/html; charset=utf-8').end(PAGE);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const sockets = new URL('peerjs', `${baseUrl.replace('http', 'ws')}/`);
    return new BarePage(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server, sockets);
  }

  /** One start. @param receiver whose moments are noted. */
  async measure(sender: Device, receiver: Device): Promise<Moments> {
    const id = crypto.randomUUID();
    const waiting = await sender.open(this.url);
    const pages: Page[] = [waiting];
    try {
      await waiting.evaluate((url) => (window as unknown as BareWindow).bare.wait(url), this.#socketUrl(id));
      const fragment = [this.#socketUrl(crypto.randomUUID()), id].map(encodeURIComponent).join(',');
      const connecting = await receiver.open(`${this.url}#${fragment}`);
      pages.push(connecting);
      await connecting.evaluate(() => (window as unknown as BareWindow).bare.first);
      return await momentsOf(connecting);
    } finally {
      await Promise.all(pages.map((page) => page.close()));
    }
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #socketUrl(id: string): string {
    const url = new URL(this.sockets);
    url.search = String(new URLSearchParams({ key: 'peerjs', id, token: crypto.randomUUID() }));
    return url.href;
  }
}
