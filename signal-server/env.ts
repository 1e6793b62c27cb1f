import * as v from 'valibot';

/** What the environment decides, once, at the start. */
export interface Config {
  /** TCP port; 0 lets the system choose. */
  readonly port: number;
  /** Address to listen on; undefined is every interface, IPv6 and IPv4. */
  readonly host: string | undefined;
  /** The PeerJS key, also the first path segment of `GET /<key>/id`. */
  readonly key: string;
  readonly stunUrls: readonly string[];
  readonly turnUrls: readonly string[];
  /** Shared with coturn's `static-auth-secret`. */
  readonly turnSecret: string | undefined;
  /** Seconds for which a TURN credential is good. */
  readonly turnTtlS: number;
  readonly logLevel: LogLevel;
  /** Origins whose pages may use the server beside its own; empty is any. */
  readonly allowedOrigins: readonly string[];
  /** Proxies in front whose `x-forwarded-for` entries count; 0 ignores the header. */
  readonly trustedProxies: number;
}

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A wrong value in the environment; `message` is one sentence that names the variable. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

const HOST = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])`;
/** RFC 7064 and RFC 7065, which allow no `//`, user or path. */
const STUN_URL = new RegExp(String.raw`^stuns?:${HOST}(?::\d{1,5})?$`);
const TURN_URL = new RegExp(String.raw`^turns?:${HOST}(?::\d{1,5})?(?:\?transport=(?:udp|tcp))?$`);

const integer = (least: number, most: number) =>
  v.pipe(v.string(), v.regex(/^\d{1,9}$/), v.transform(Number), v.integer(), v.minValue(least), v.maxValue(most));

/** Items of a list: what the page reads of STUN and TURN servers, each of at most 512 characters. */
const LIST_MAX = 8;

const list = (valid: (item: string) => boolean) =>
  v.pipe(
    v.string(),
    v.transform((text) => text.split(',').map((item) => item.trim())),
    v.array(v.pipe(v.string(), v.maxLength(512), v.check(valid))),
    v.maxLength(LIST_MAX),
  );

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

const schema = v.object({
  PORT: v.optional(integer(0, 65_535), '8080'),
  HOST: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9.:%_-]{1,255}$/))),
  PEERJS_KEY: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/)), 'peerjs'),
  STUN_URLS: v.optional(list((url) => STUN_URL.test(url))),
  TURN_URLS: v.optional(list((url) => TURN_URL.test(url))),
  TURN_SECRET: v.optional(v.pipe(v.string(), v.maxLength(512))),
  TURN_TTL_S: v.optional(integer(600, 3600), '1800'),
  LOG_LEVEL: v.optional(v.picklist(LOG_LEVELS), 'info'),
  ALLOWED_ORIGINS: v.optional(list(isOrigin)),
  TRUST_PROXY: v.optional(
    v.pipe(
      v.picklist(['false', 'true', '0', '1', '2', '3', '4', '5']),
      v.transform((text) => (text === 'true' ? 1 : text === 'false' ? 0 : Number(text))),
    ),
    '0',
  ),
});

type Variable = keyof typeof schema.entries;

const expected: Readonly<Record<Variable, string>> = {
  PORT: 'a whole number from 0 to 65535',
  HOST: 'an address or a host name to listen on',
  PEERJS_KEY: '1 to 64 letters, digits, "-" or "_"',
  STUN_URLS: 'a comma-separated list of at most 8 such as stun:stun.example.org:3478',
  TURN_URLS: 'a comma-separated list of at most 8 such as turn:turn.example.org:3478?transport=udp',
  TURN_SECRET: 'at most 512 characters',
  TURN_TTL_S: 'a whole number of seconds from 600 to 3600',
  LOG_LEVEL: `one of ${LOG_LEVELS.join(', ')}`,
  ALLOWED_ORIGINS: 'a comma-separated list of at most 8 origins such as https://example.org',
  TRUST_PROXY: '"false", "true", or the number of proxies in front, 0 to 5',
};

/**
 * Reads the configuration from environment variables; an empty one counts as not set.
 * @throws {ConfigError} for a value out of its range, or TURN_URLS without TURN_SECRET.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given: Partial<Record<Variable, string>> = {};
  for (const name of Object.keys(schema.entries) as Variable[]) {
    const value = env[name];
    if (value !== undefined && value.trim() !== '') given[name] = value.trim();
  }
  const parsed = v.safeParse(schema, given);
  if (!parsed.success) {
    const name = v.getDotPath(parsed.issues[0])?.split('.')[0] as Variable;
    throw new ConfigError(`${name} must be ${expected[name]}.`);
  }
  const value = parsed.output;
  if (value.TURN_URLS !== undefined && value.TURN_SECRET === undefined) {
    throw new ConfigError(
      'TURN_SECRET must be set when TURN_URLS is: it signs the credentials that the TURN server checks.',
    );
  }
  return {
    port: value.PORT,
    host: value.HOST,
    key: value.PEERJS_KEY,
    stunUrls: value.STUN_URLS ?? [],
    turnUrls: value.TURN_URLS ?? [],
    turnSecret: value.TURN_SECRET,
    turnTtlS: value.TURN_TTL_S,
    logLevel: value.LOG_LEVEL,
    allowedOrigins: value.ALLOWED_ORIGINS ?? [],
    trustedProxies: value.TRUST_PROXY,
  };
}
