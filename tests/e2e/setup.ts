/** One server for all end-to-end tests. */
import type { TestProject } from 'vitest/node';
import { ensureChromium } from '../chromium.mjs';
import { startServer } from './server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Such as `http://127.0.0.1:40123`, without a slash at the end. */
    baseUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  ensureChromium();
  const server = await startServer();
  project.provide('baseUrl', server.url);
  return () => server.stop();
}
