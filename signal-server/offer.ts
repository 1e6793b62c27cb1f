import type { IncomingMessage, ServerResponse } from 'node:http';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { SIGNALING_MAX_BYTES } from '../src/core/signaling.ts';
import { clientAddress } from './address.ts';
import { introduction, isOriginAllowed, within } from './admission.ts';
import type { Config } from './env.ts';
import { readBody, sendJson } from './http.ts';
import type { Limits } from './limits.ts';
import { parseClientMessage } from './messages.ts';
import type { Relay } from './messages.ts';
import type { Hello } from './peer-socket.ts';

/** What becomes of an offer: another session has its id, there is no room where it would wait, or the server ends. */
export type OfferTaken = 'taken' | 'id-taken' | 'full' | 'stopping';

const STATUS = { 'id-taken': 403, full: 503, stopping: 503 } as const;

/**
 * `POST /peerjs/offer` with the query of the client's socket and `{type: "OFFER", dst, payload}`: a page's offer is sooner with its
 * own connection than with a socket that has yet to be opened. It says no more than OFFER would over that socket, and is 204. Errors are
 * `{error}`: 400 for what no socket would be opened with or is no offer, 403 `origin` or `id-taken`, 405, 413, 429 `rate`, 503 `full` or
 * `stopping`. Whoever is told one says it over the socket.
 */
export function offerEndpoint(config: Config, limits: Limits, take: (hello: Hello, relay: Relay) => OfferTaken) {
  const byAddress = new RateLimiterMemory({ points: limits.connectsPerMinute, duration: 60 });

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refuse = (status: number, error: string, headers = {}): void => {
      // What is left of a body must not be taken for the next request.
      sendJson(response, status, { error }, { connection: 'close', ...headers });
    };
    if (request.method !== 'POST') {
      refuse(405, 'method', { allow: 'POST' });
      return;
    }
    if (!isOriginAllowed(request, config)) {
      refuse(403, 'origin');
      return;
    }
    if (!(await within(byAddress, clientAddress(request, config.trustedProxies)))) {
      refuse(429, 'rate', { 'retry-after': '60' });
      return;
    }
    const said = introduction(request, config.key);
    if (!said.ok) {
      refuse(400, said.reason);
      return;
    }
    const text = await readBody(request, SIGNALING_MAX_BYTES);
    if (text === null) {
      refuse(413, 'size');
      return;
    }
    const parsed = parseClientMessage(text, limits.payloadDepth);
    if (!parsed.ok || parsed.message.kind !== 'relay' || parsed.message.type !== 'OFFER') {
      refuse(400, 'offer');
      return;
    }
    const taken = take(said.hello, parsed.message);
    if (taken === 'taken') response.writeHead(204, { 'cache-control': 'no-store' }).end();
    else refuse(STATUS[taken], taken);
  };
}
