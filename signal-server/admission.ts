import type { IncomingMessage } from 'node:http';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { WITH_ICE } from '../src/core/signaling.ts';
import { clientAddress } from './address.ts';
import type { Config } from './env.ts';
import { queryOf } from './http.ts';
import type { Limits } from './limits.ts';
import { isPeerId, isToken } from './messages.ts';
import type { Hello } from './peer-socket.ts';

/**
 * Whether a connection may be made. `refused` gets no handshake, only the HTTP status; `full` gets one, because a page can read a
 * close code but no status.
 */
export type Admitted =
  | { readonly kind: 'admitted'; readonly address: string }
  | { readonly kind: 'refused'; readonly status: 403 | 429 | 503; readonly reason: string }
  | { readonly kind: 'full'; readonly reason: string };

/** Counts connections by address, and turns away pages of foreign origins. */
export class Admission {
  readonly #config: Config;
  readonly #limits: Limits;
  readonly #handshakes: RateLimiterMemory;
  readonly #requests: RateLimiterMemory;
  readonly #open = new Map<string, number>();
  #total = 0;

  constructor(config: Config, limits: Limits) {
    const rate = { points: limits.connectsPerMinute, duration: 60 };
    this.#config = config;
    this.#limits = limits;
    this.#handshakes = new RateLimiterMemory(rate);
    this.#requests = new RateLimiterMemory(rate);
  }

  /** Admits a socket and counts it, until `release` is called with its address. */
  async admit(request: IncomingMessage): Promise<Admitted> {
    if (!isOriginAllowed(request, this.#config)) return { kind: 'refused', status: 403, reason: 'origin' };
    const address = clientAddress(request, this.#config.trustedProxies);
    if (!(await within(this.#handshakes, address))) return { kind: 'refused', status: 429, reason: 'connect rate' };
    const open = this.#open.get(address) ?? 0;
    if (open >= this.#limits.socketsPerAddress) return { kind: 'full', reason: 'sockets of one address' };
    if (this.#total >= this.#limits.sockets) return { kind: 'full', reason: 'sockets' };
    this.#open.set(address, open + 1);
    this.#total++;
    return { kind: 'admitted', address };
  }

  /** Counts an HTTP request of the library. */
  async allowsRequest(request: IncomingMessage): Promise<boolean> {
    return within(this.#requests, clientAddress(request, this.#config.trustedProxies));
  }

  release(address: string): void {
    const open = (this.#open.get(address) ?? 0) - 1;
    if (open > 0) this.#open.set(address, open);
    else this.#open.delete(address);
    this.#total--;
  }
}

/**
 * A browser always says where a page comes from. A client that says nothing is no browser and could say anything, so the
 * check is not for it.
 */
export function isOriginAllowed(request: IncomingMessage, { allowedOrigins }: Config): boolean {
  const { origin } = request.headers;
  return allowedOrigins.length === 0 || origin === undefined || allowedOrigins.includes(origin) || fromOwnPage(request);
}

/** Whether a browser says that the request comes from a page of this very server. */
function fromOwnPage({ headers: { origin, host } }: IncomingMessage): boolean {
  return (
    origin !== undefined && host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase()
  );
}

/** Takes a point of a limiter; false when none is left. */
export async function within(limiter: RateLimiterMemory, key: string): Promise<boolean> {
  return limiter.consume(key).then(
    () => true,
    () => false,
  );
}

/**
 * What the URL of a handshake, or of an offer that comes before it, must carry, in the words of peerjs-server where it has
 * them: stock clients show them.
 */
export type Introduction =
  | { readonly ok: true; readonly hello: Hello; readonly wantsIce: boolean }
  | { readonly ok: false; readonly reason: 'key' | 'id' | 'token'; readonly message: string };

/** The key of the server's own page, which is built before `PEERJS_KEY` is known. */
const PAGE_KEY = 'peerjs';

/** Reads id, token and key; a parameter given twice is refused, since two readers may take different ones. */
export function introduction(request: IncomingMessage, key: string): Introduction {
  const query = queryOf(request);
  const one = (name: string): string => {
    const values = query.getAll(name);
    return values.length === 1 ? (values[0] ?? '') : '';
  };
  const [id, token, given] = [one('id'), one('token'), one('key')];
  if (id === '' || token === '' || given === '') {
    const reason = given === '' ? 'key' : id === '' ? 'id' : 'token';
    return { ok: false, reason, message: 'No id, token, or key supplied to websocket server' };
  }
  if (given !== key && !(given === PAGE_KEY && fromOwnPage(request)))
    return { ok: false, reason: 'key', message: 'Invalid key provided' };
  if (!isPeerId(id)) return { ok: false, reason: 'id', message: 'Invalid id provided' };
  if (!isToken(token)) return { ok: false, reason: 'token', message: 'Invalid token provided' };
  return { ok: true, hello: { id, token }, wantsIce: one(WITH_ICE.name) === WITH_ICE.value };
}
