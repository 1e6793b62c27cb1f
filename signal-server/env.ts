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
  /** Signs credentials, which coturn checks with its `static-auth-secret`. */
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

/** What the environment asks for cannot be had; `message` is one sentence, which names the variable if it is one’s value. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

export const HOST = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])`;
/** RFC 7064 and RFC 7065, which allow no `//`, user or path. */
const STUN_URL = new RegExp(String.raw`^stuns?:${HOST}(?::\d{1,5})?$`);
const TURN_URL = new RegExp(String.raw`^turns?:${HOST}(?::\d{1,5})?(?:\?transport=(?:udp|tcp))?$`);

/** A whole number in a range, as text. */
export const integer = (least: number, most: number) =>
  v.pipe(v.string(), v.regex(/^\d{1,9}$/), v.transform(Number), v.integer(), v.minValue(least), v.maxValue(most));

/** Items of a list: what the page reads of STUN and TURN servers, each of at most 512 characters. */
const LIST_MAX = 8;

/** Items between commas, each valid. */
export const list = (valid: (item: string) => boolean) =>
  v.pipe(
    v.string(),
    v.transform((text) => text.split(',').map((item) => item.trim())),
    v.array(v.pipe(v.string(), v.maxLength(512), v.check(valid))),
    v.maxLength(LIST_MAX),
  );

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** One or several, of which the first signs and the relay accepts all, while one takes over from another. */
export const secrets = list((secret) => /^[\x21-\x7e]+$/.test(secret));

const entries = {
  PORT: v.optional(integer(0, 65_535), '8080'),
  HOST: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9.:%_-]{1,255}$/))),
  PEERJS_KEY: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/)), 'peerjs'),
  STUN_URLS: v.optional(list((url) => STUN_URL.test(url))),
  TURN_URLS: v.optional(list((url) => TURN_URL.test(url))),
  TURN_SECRET: v.optional(secrets),
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
};

export const SECRETS_EXPECTED =
  'a comma-separated list of at most 8 secrets of at most 512 visible ASCII characters, of which the first signs';

const expected: Readonly<Record<keyof typeof entries, string>> = {
  PORT: 'a whole number from 0 to 65535',
  HOST: 'an address or a host name to listen on',
  PEERJS_KEY: '1 to 64 letters, digits, "-" or "_"',
  STUN_URLS: 'a comma-separated list of at most 8 such as stun:stun.example.org:3478',
  TURN_URLS: 'a comma-separated list of at most 8 such as turn:turn.example.org:3478?transport=udp',
  TURN_SECRET: SECRETS_EXPECTED,
  TURN_TTL_S: 'a whole number of seconds from 600 to 3600',
  LOG_LEVEL: `one of ${LOG_LEVELS.join(', ')}`,
  ALLOWED_ORIGINS: 'a comma-separated list of at most 8 origins such as https://example.org',
  TRUST_PROXY: '"false", "true", or the number of proxies in front, 0 to 5',
};

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the variables that `entries` names; an empty one counts as not set.
 * @param expected says of each what it must be.
 * @throws {ConfigError} for a value that is something else.
 */
export function readVariables<const Entries extends v.ObjectEntries>(
  entries: Entries,
  expected: Readonly<Record<keyof Entries, string>>,
  env: Environment,
): v.InferOutput<v.ObjectSchema<Entries, undefined>> {
  const given: Record<string, string> = {};
  for (const name of Object.keys(entries)) {
    const value = env[name];
    if (value !== undefined && value.trim() !== '') given[name] = value.trim();
  }
  const parsed = v.safeParse(v.object(entries), given);
  if (parsed.success) return parsed.output;
  const name = v.getDotPath(parsed.issues[0])?.split('.')[0] ?? '';
  throw new ConfigError(`${name} must be ${expected[name] ?? 'something else'}.`);
}

/**
 * Reads the server's configuration.
 * @throws {ConfigError} for a value out of its range, or TURN_URLS without TURN_SECRET.
 */
export function readConfig(env: Environment): Config {
  const value = readVariables(entries, expected, env);
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
    turnSecret: value.TURN_SECRET?.[0],
    turnTtlS: value.TURN_TTL_S,
    logLevel: value.LOG_LEVEL,
    allowedOrigins: value.ALLOWED_ORIGINS ?? [],
    trustedProxies: value.TRUST_PROXY,
  };
}
