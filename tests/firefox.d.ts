declare module '*/firefox.mjs' {
  /** Path of a Firefox, installed if need be. */
  export function ensureFirefox(): string;
}
