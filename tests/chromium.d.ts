declare module '*/chromium.mjs' {
  /** Path of a Chromium, installed if need be. */
  export function ensureChromium(): string;
}
