/** A disk of a known size, on which a person's whole browser stands, and which a test can fill. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export class SmallDisk {
  private constructor(readonly folder: string) {}

  /** @throws Error where this process may not mount. */
  static async mount(bytes: number): Promise<SmallDisk> {
    const folder = await mkdtemp(join(tmpdir(), 'beeline-small-disk-'));
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]);
    } catch (thrown) {
      await rm(folder, { recursive: true });
      throw thrown;
    }
    return new SmallDisk(folder);
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.folder);
    return bavail * bsize;
  }

  /** Another program takes this much. */
  async fill(bytes: number): Promise<void> {
    await writeFile(this.#filler, Buffer.alloc(bytes));
  }

  /** Deletes what `fill` has put there. */
  async makeRoom(): Promise<void> {
    await rm(this.#filler, { force: true });
  }

  /** To be called when no process uses the disk any more. */
  async unmount(): Promise<void> {
    await run('umount', [this.folder]);
    await rm(this.folder, { recursive: true });
  }

  get #filler(): string {
    return join(this.folder, 'filler');
  }
}
