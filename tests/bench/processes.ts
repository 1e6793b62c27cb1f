/** Memory and processor time of a browser's processes, as Linux counts them. */
import { readdir, readFile } from 'node:fs/promises';
import type { Device } from '../e2e/browser.ts';

/** Milliseconds between two samples. */
const SAMPLE_MS = 250;

/** Bytes that only the renderers of one browser hold, and that only its main process holds. */
export interface Memory {
  readonly renderers: number;
  readonly browser: number;
}

/** Ids. */
interface Processes {
  readonly all: readonly number[];
  readonly renderers: readonly number[];
  readonly browser: number;
}

/** Milliseconds of the unit of times in /proc: USER_HZ is 100 on every architecture that Chromium runs on. */
const TICK_MS = 10;

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
  const below = [...all].filter(([pid]) => isBelow(pid));
  const renderers = below.filter(([, { command }]) => command.includes('--type=renderer'));
  return { browser, all: [browser, ...below.map(([pid]) => pid)], renderers: renderers.map(([pid]) => pid) };
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

/** Milliseconds of processor time that a process has used, in its code and in the kernel; 0 for one that has just ended. */
async function cpuMsOf(pid: number): Promise<number> {
  const stat = await readOrEmpty(`/proc/${pid}/stat`);
  // proc_pid_stat(5): the name in parentheses may hold anything, and utime and stime are the 12th and 13th field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK_MS;
}

async function cpuMs(device: Device): Promise<Map<number, number>> {
  const { all } = await processesOf(device);
  return new Map(await Promise.all(all.map(async (pid) => [pid, await cpuMsOf(pid)] as const)));
}

/** Processor time of all processes of a browser since a moment. What one used that has ended meanwhile is not counted. */
export class CpuWatch {
  private constructor(
    readonly device: Device,
    readonly before: ReadonlyMap<number, number>,
  ) {}

  static async start(device: Device): Promise<CpuWatch> {
    return new CpuWatch(device, await cpuMs(device));
  }

  /** Milliseconds. */
  async stop(): Promise<number> {
    const now = await cpuMs(this.device);
    return [...now].reduce((sum, [pid, ms]) => sum + ms - (this.before.get(pid) ?? 0), 0);
  }
}
