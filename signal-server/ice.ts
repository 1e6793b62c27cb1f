import { createHmac } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { IceAnswer } from '../src/core/signaling.ts';
import { clientAddress } from './address.ts';
import { within } from './admission.ts';
import type { Config } from './env.ts';
import { isRead, queryOf, sendJson } from './http.ts';
import type { Limits } from './limits.ts';
import { isPeerId, isToken } from './messages.ts';

/** A TURN user name and password, good until the Unix time in the name. */
export interface TurnCredential {
  readonly username: string;
  readonly credential: string;
}

/**
 * A time-limited TURN credential: `<unix expiry in seconds>:<session>` and base64 of its HMAC-SHA1, as coturn checks with
 * `use-auth-secret`. Source: draft-uberti-behave-turn-rest-00, section 2.2.
 */
export function turnCredential(secret: string, session: string, expiryS: number): TurnCredential {
  const username = `${expiryS}:${session}`;
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
}

/** The servers a session may use, with credentials from `nowS` (Unix seconds) on; empty without configuration. */
export function iceAnswer(config: Config, session: string, nowS: number): IceAnswer {
  const stun = config.stunUrls.length > 0 ? [{ urls: config.stunUrls }] : [];
  if (config.turnUrls.length === 0 || config.turnSecret === undefined) return { iceServers: stun, ttl: 0 };
  const credential = turnCredential(config.turnSecret, session, nowS + config.turnTtlS);
  return { iceServers: [...stun, { urls: config.turnUrls, ...credential }], ttl: config.turnTtlS };
}

/** Finds the live signaling session of an id whose token is given. */
export type FindSession = (id: string, token: string) => { readonly tag: string } | undefined;

/**
 * `GET /api/ice?id=<peer id>` with `Authorization: Bearer <token>`. Only a live signaling session gets an answer, so that the
 * TURN server is no free relay for strangers. Errors are `{error}`: 401 `token` without a token, 403 `session` when id and token
 * are not those of a connected client, 429 `rate`.
 */
export function iceEndpoint(config: Config, limits: Limits, findSession: FindSession) {
  const byAddress = new RateLimiterMemory({ points: limits.icePerMinute.address, duration: 60 });
  const bySession = new RateLimiterMemory({ points: limits.icePerMinute.session, duration: 60 });

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!isRead(request, response)) return;
    if (!(await within(byAddress, clientAddress(request, config.trustedProxies)))) {
      tooMany(response);
      return;
    }
    const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (!isToken(token)) {
      sendJson(response, 401, { error: 'token' }, { 'www-authenticate': 'Bearer' });
      return;
    }
    const id = queryOf(request).get('id');
    const session = isPeerId(id) ? findSession(id, token) : undefined;
    if (!session) {
      sendJson(response, 403, { error: 'session' });
      return;
    }
    if (!(await within(bySession, session.tag))) {
      tooMany(response);
      return;
    }
    sendJson(response, 200, iceAnswer(config, session.tag, Math.floor(Date.now() / 1000)));
  };
}

function tooMany(response: ServerResponse): void {
  sendJson(response, 429, { error: 'rate' }, { 'retry-after': '60' });
}
