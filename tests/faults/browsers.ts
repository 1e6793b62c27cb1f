/**
 * Fault schedules in real browsers: what a person can do to a transfer and what can befall one. The moments are only as exact
 * as a page that shows its progress ten times a second.
 */
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Device } from '../e2e/browser.ts';
import { sha256OfFile, sha256OfZip, writeRandomFile, type TestFile } from '../e2e/files.ts';
import { ReceiverScreen, SenderScreen } from '../e2e/pages.ts';
import { startServer, type ServerProcess } from '../e2e/server.ts';
import { attend, chooseAgain, pressAttending, type Screens, STUCK_MS } from './browser-people.ts';
import { acceptedBytes, type Fault, type FaultKind, type Hit, type Schedule, type Side } from './schedule.ts';
import { closeLanes, failNextWrite, fillDisk, jumpClock, silenceLanes, tapPages, troubleNextMessage } from './tap.ts';

/** Milliseconds up to which somebody who says goodbye has reloaded the page, rather than come back to it. */
const RELOAD_MS = 500;

/** Two people's browsers and a server, for any number of schedules one after another. */
export class Stage {
  private constructor(
    readonly devices: Readonly<Record<Side, Device>>,
    public server: ServerProcess,
  ) {}

  static async open(): Promise<Stage> {
    const [server, sender, receiver] = await Promise.all([startServer(), Device.launch(), Device.launch()]);
    await Promise.all([sender, receiver].map(({ context }) => tapPages(context)));
    return new Stage({ sender, receiver }, server);
  }

  /**
   * Runs a schedule. Rejects when it does not end as it must.
   *
   * @returns what the receiver had to do besides, for a person to read.
   */
  async run(schedule: Schedule): Promise<readonly string[]> {
    const folder = await mkdtemp(join(tmpdir(), 'beeline-faults-'));
    try {
      const files = await Promise.all(
        schedule.sizes.map((bytes, entry) => writeRandomFile(join(folder, `film-${entry}.bin`), bytes)),
      );
      const sender = await SenderScreen.open(this.devices.sender, this.server.url);
      await sender.chooseFiles(files.map(({ path }) => path));
      const link = await sender.link();
      const receiver = await ReceiverScreen.open(this.devices.receiver, link);
      const run = new Run(this, schedule, files, link, { sender, receiver });
      await run.run();
      await this.#clear();
      return run.pressed;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.devices.sender.close(), this.devices.receiver.close(), this.server.stop()]);
  }

  /** Leaves of a transfer nothing but what the browser keeps of every page. */
  async #clear(): Promise<void> {
    for (const { context } of Object.values(this.devices)) {
      const page = await context.newPage();
      for (const other of context.pages()) if (other !== page) await other.close();
      const cdp = await context.newCDPSession(page);
      const storageTypes = 'indexeddb,file_systems,local_storage';
      await cdp.send('Storage.clearDataForOrigin', { origin: this.server.url, storageTypes });
    }
  }
}

/** How a page ends. */
const END = {
  reload: ({ page }) => page.reload(),
  close: ({ page }) => page.close(),
  crash: crashPage,
  kill: ({ device }) => crashBrowser(device),
} as const satisfies Record<string, (screen: SenderScreen | ReceiverScreen) => Promise<unknown>>;

class Run implements Screens {
  sender: SenderScreen;
  receiver: ReceiverScreen;
  readonly accepted: readonly number[];
  readonly met = new Set<FaultKind>();
  readonly pressed: string[] = [];
  /** Numbers of the files that are no longer what is shared. */
  readonly #changed = new Set<number>();
  /** Another page shows the share than the one that had sent. */
  #isSenderNew = false;

  constructor(
    private readonly stage: Stage,
    private readonly schedule: Schedule,
    readonly files: readonly TestFile[],
    private readonly link: string,
    { sender, receiver }: Readonly<Pick<Screens, Side>>,
  ) {
    this.sender = sender;
    this.receiver = receiver;
    this.accepted = schedule.accepted;
  }

  /** From the click on Receive to the comparison of what was saved. */
  async run(): Promise<void> {
    await attend(this, 0);
    const total = acceptedBytes(this.schedule);
    for (const fault of this.schedule.faults) {
      await attend(this, fault.at.bytes / total);
      await setTimeout(fault.at.thenMs);
      if (!(await attend(this, 0))) this.pressed.push(`too late for ${fault.kind}`);
      this.met.add(fault.kind);
      await this.#strike(fault);
    }
    await attend(this, Infinity);
    await this.#judge();
  }

  async #strike(fault: Fault): Promise<void> {
    const { sender, receiver } = this;
    switch (fault.kind) {
      case 'drop':
      case 'duplicate':
      case 'delay':
      case 'truncate':
        return troubleNextMessage((fault.way === 'control-to-sender' ? receiver : sender).page, fault);
      case 'corrupt':
        return troubleNextMessage(sender.page, fault);
      case 'close':
        return closeLanes(receiver.page);
      case 'silence':
        await Promise.all([sender, receiver].map(({ page }) => silenceLanes(page)));
        return;
      case 'page-dies':
        return this.#leave(fault.hit, fault.ms, fault.bye ? (fault.ms < RELOAD_MS ? 'reload' : 'close') : 'crash');
      case 'browser-dies':
        return this.#leave(fault.hit, fault.ms, 'kill');
      case 'signaling-down':
        return this.#restartServer(fault.ms);
      case 'freeze':
        await Promise.all(this.#screens(fault.hit).map(({ device }) => device.freeze(fault.ms)));
        return;
      case 'disk-fails':
        return failNextWrite(receiver.page);
      case 'disk-full':
        await fillDisk(receiver.page, fault.ms);
        await setTimeout(fault.ms);
        return;
      case 'source-changed':
        return this.#changeSource(fault.entry);
      case 'clock-jump':
        await Promise.all(this.#screens(fault.hit).map(({ page }) => jumpClock(page, fault.byMs)));
        return;
      case 'pause':
        return this.#pause(fault.hit, fault.ms);
      case 'cancel':
        if (!(await pressAttending(this, receiver.button('Cancel')))) return;
        if (await pressAttending(this, receiver.answer('Cancel transfer'))) await setTimeout(fault.ms);
    }
  }

  #screens(hit: Hit): (SenderScreen | ReceiverScreen)[] {
    return hit === 'both' ? [this.sender, this.receiver] : [this[hit]];
  }

  /** The page ends, and is opened again after a time. */
  async #leave(hit: Hit, ms: number, how: keyof typeof END): Promise<void> {
    const screens = this.#screens(hit);
    await Promise.all(screens.map((screen) => END[how](screen)));
    await setTimeout(ms);
    if (how !== 'reload') await Promise.all([this.#reopen(hit, 'receiver'), this.#reopen(hit, 'sender')]);
    if (hit === 'receiver') return;
    this.#isSenderNew = true;
    await chooseAgain(this.sender, this.files);
  }

  async #reopen(hit: Hit, side: Side): Promise<void> {
    if (hit !== side && hit !== 'both') return;
    if (side === 'receiver') {
      this.receiver = await ReceiverScreen.open(this.stage.devices.receiver, this.link);
      return;
    }
    this.sender = await SenderScreen.open(this.stage.devices.sender, this.stage.server.url);
    await this.sender.button('Resume').click({ timeout: STUCK_MS });
  }

  async #restartServer(ms: number): Promise<void> {
    const { stage } = this;
    const port = Number(new URL(stage.server.url).port);
    await stage.server.stop();
    await setTimeout(ms);
    stage.server = await startServer(port);
  }

  /** Not the last one that is as it was: a sender who comes back with none of its files has nothing to go on with. */
  async #changeSource(entry: number): Promise<void> {
    const file = this.files[entry];
    if (file === undefined || this.#changed.has(entry) || this.#changed.size + 1 >= this.files.length) return;
    this.#changed.add(entry);
    await appendFile(file.path, 'changed');
  }

  async #pause(hit: Hit, ms: number): Promise<void> {
    const buttons = (name: string) =>
      this.#screens(hit).map((screen) =>
        screen === this.sender ? this.sender.receivers.getByRole('button', { name }).first() : screen.button(name),
      );
    for (const button of buttons('Pause')) if (!(await pressAttending(this, button))) return;
    await setTimeout(ms);
    for (const button of buttons('Resume')) await pressAttending(this, button);
  }

  /** Everything accepted is here and the same, or failed because its file had changed, and both sides say so. */
  async #judge(): Promise<void> {
    const saved = await this.#saved();
    for (const entry of this.accepted) {
      const file = this.files[entry];
      if (file === undefined) continue;
      const sum = saved.get(file.name);
      if (sum === undefined && this.#changed.has(entry)) continue;
      if (sum !== file.sha256)
        throw new Error(`${file.name} is ${sum === undefined ? 'missing' : 'not what was sent'}.`);
    }
    // What an earlier page of the sender has confirmed, the present one knows nothing of.
    if (!this.#isSenderNew || !(await isConfirmed(this.receiver))) await this.sender.verified();
  }

  /** SHA-256 of each file that was received, by its name. */
  async #saved(): Promise<ReadonlyMap<string, string>> {
    const { receiver, accepted } = this;
    if (await receiver.heading(/^No file/).isVisible()) return new Map();
    if (await receiver.button('Save as zip').isVisible()) return sha256OfZip(await receiver.saveAsZip());
    const sum = await sha256OfFile(await receiver.save());
    const arrived = accepted.map((entry) => this.files[entry]).find((file) => file?.sha256 === sum);
    if (arrived === undefined) throw new Error('What was saved is none of the files.');
    return new Map([[arrived.name, sum]]);
  }
}

async function crashPage({ device, page }: SenderScreen | ReceiverScreen): Promise<void> {
  const cdp = await device.cdp(page);
  const crashed = page.waitForEvent('crash');
  // Never answered: there is nobody left to answer.
  cdp.send('Page.crash').catch(() => undefined);
  await crashed;
  await page.close();
}

async function crashBrowser(device: Device): Promise<void> {
  await device.crash();
  await tapPages(device.context);
}

/** True when the receiver has heard that the sender knows of the end: it gives up the link's secret then. Rule [R1]. */
function isConfirmed({ page }: ReceiverScreen): Promise<boolean> {
  return page.evaluate(
    () =>
      new Promise<boolean>((resolve) => {
        const opening = indexedDB.open('beeline');
        opening.onsuccess = () => {
          const database = opening.result;
          const reading = database.transaction('receipts').objectStore('receipts').getAll();
          reading.onsuccess = () => {
            const receipts = reading.result as readonly { readonly secret: unknown }[];
            database.close();
            resolve(receipts.some(({ secret }) => secret === null));
          };
        };
      }),
  );
}
