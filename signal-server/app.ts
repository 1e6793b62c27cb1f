import type { IncomingMessage, ServerResponse } from 'node:http';
import { OFFER_PATH } from '../src/core/signaling.ts';
import type { Config } from './env.ts';
import { Gateway } from './gateway.ts';
import type { UpgradeSource } from './gateway.ts';
import { isRead, pathOf, sendJson } from './http.ts';
import { iceEndpoint } from './ice.ts';
import { LIMITS } from './limits.ts';
import type { Limits } from './limits.ts';
import type { Log } from './log.ts';
import { offerEndpoint } from './offer.ts';
import type { StaticFiles } from './static.ts';

/** All that the server does, without a port: `main.ts` gives it one, `dev.ts` puts it into Vite's. */
export interface ServerApp {
  /** Answers a request. One that is not for the server goes to `next` if given, else it gets 404. */
  readonly handle: (request: IncomingMessage, response: ServerResponse, next?: () => void) => void;
  /** Takes a server's upgrades; see `Gateway.attach`. */
  readonly attach: (server: UpgradeSource, foreign: 'refuse' | 'leave') => void;
  /** Turns unhealthy, closes every socket with 1001, and resolves when they are closed, within `limits.closeMs`. */
  readonly close: () => Promise<void>;
}

export interface AppOptions {
  /** The built page; undefined where another server has it. */
  readonly files?: StaticFiles | undefined;
  readonly limits?: Limits;
}

export function createServerApp(config: Config, log: Log, { files, limits = LIMITS }: AppOptions = {}): ServerApp {
  const gateway = new Gateway(config, limits, log);
  const ice = iceEndpoint(config, limits, (id, token) => gateway.session(id, token));
  const offer = offerEndpoint(config, limits, (hello, relay) => gateway.takeOffer(hello, relay));
  let draining = false;

  return {
    handle(request, response, next) {
      const path = pathOf(request);
      if (path === '/healthz') {
        if (isRead(request, response))
          sendJson(response, draining ? 503 : 200, { status: draining ? 'draining' : 'ok' });
      } else if (path === '/api/ice') {
        void ice(request, response);
      } else if (path === `/${OFFER_PATH}`) {
        void offer(request, response);
      } else if (gateway.handle(request, response)) {
        return;
      } else if (next) {
        next();
      } else if (files) {
        files(request, response);
      } else {
        sendJson(response, 404, { error: 'path' });
      }
    },
    attach(server, foreign) {
      gateway.attach(server, foreign);
    },
    async close() {
      draining = true;
      await gateway.close();
    },
  };
}
