declare module '*/chromium.mjs' {
  /** Path of a Chromium or Chrome, or null. */
  export function findChromium(): string | null;
  /** Path of a Chromium, installed if need be. */
  export function ensureChromium(): string;
}
