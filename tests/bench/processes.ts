/** Memory of a browser's processes, as Linux counts it. */
import { readdir, readFile } from 'node:fs/promises';
import type { Device } from '../e2e/browser.ts';

/** Milliseconds between two samples. */
const SAMPLE_MS = 250;

/** Bytes that only the renderers of one browser hold, and that only its main process holds. */
export interface Memory {
  readonly renderers: number;
  readonly browser: number;
}

interface Processes {
  readonly renderers: readonly number[];
  readonly browser: number;
}

/** The processes of the Chromium whose profile lies in the device's folder: its main process, and all below that. */
async function processesOf(device: Device): Promise<Processes> {
  const all = new Map<number, { readonly parent: number; readonly command: string }>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readOrEmpty(`/proc/${name}/status`);
    const parent = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1] ?? 0);
    all.set(Number(name), { parent, command: (await readOrEmpty(`/proc/${name}/cmdline`)).replaceAll('\0', ' ') });
  }
  const isOurs = (command: string) =>
    command.includes(`--user-data-dir=${device.folder}`) && !command.includes('--type=');
  const browser = [...all].find(([, { command }]) => isOurs(command))?.[0];
  if (browser === undefined) throw new Error(`no browser runs in ${device.folder}`);
  const isBelow = (pid: number): boolean => {
    const parent = all.get(pid)?.parent ?? 0;
    return parent === browser || (parent > 1 && isBelow(parent));
  };
  const renderers = [...all].filter(([pid, { command }]) => command.includes('--type=renderer') && isBelow(pid));
  return { browser, renderers: renderers.map(([pid]) => pid) };
}

/** Empty for a process that has just ended. */
function readOrEmpty(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** Bytes of pages that no other process shares. */
async function privateBytes(pid: number): Promise<number> {
  const rollup = await readOrEmpty(`/proc/${pid}/smaps_rollup`);
  const kibibytes = [...rollup.matchAll(/^Private_(?:Clean|Dirty):\s*(\d+) kB/gm)].map((line) => Number(line[1]));
  return kibibytes.reduce((sum, value) => sum + value * 1024, 0);
}

async function sample(device: Device): Promise<Memory> {
  const { browser, renderers } = await processesOf(device);
  const each = await Promise.all(renderers.map(privateBytes));
  return { browser: await privateBytes(browser), renderers: each.reduce((sum, bytes) => sum + bytes, 0) };
}

/** What a transfer added: the highest of all samples less the first. */
export class MemoryWatch {
  #peak: Memory;
  #running = true;
  readonly #sampling: Promise<void>;

  private constructor(
    readonly device: Device,
    readonly before: Memory,
  ) {
    this.#peak = before;
    this.#sampling = this.#sampleOn();
  }

  static async start(device: Device): Promise<MemoryWatch> {
    return new MemoryWatch(device, await sample(device));
  }

  async #sampleOn(): Promise<void> {
    while (this.#running) {
      const { renderers, browser } = await sample(this.device);
      this.#peak = {
        renderers: Math.max(this.#peak.renderers, renderers),
        browser: Math.max(this.#peak.browser, browser),
      };
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  }

  async stop(): Promise<Memory> {
    this.#running = false;
    await this.#sampling;
    return {
      renderers: this.#peak.renderers - this.before.renderers,
      browser: this.#peak.browser - this.before.browser,
    };
  }
}
