/** What the check page says in each kind of network, of a server that has a relay and of one that has not. */
import type { Device } from '../e2e/browser.ts';
import type { BrowserOptions } from './browser.ts';
import { Internet, KINDS, type Kind } from './internet.ts';

const PORT_WITHOUT_RELAY = 8001;

/** What it shows. */
export interface Checked {
  readonly sentence: string;
  /** Of each row by its name, the verdict as a screen reader has it, and the text. */
  readonly rows: Readonly<Record<string, { readonly verdict: string; readonly text: string }>>;
}

export interface BothChecked {
  readonly relayed: Checked;
  /** Null where that server is out of reach. */
  readonly bare: Checked | null;
}

export class Checks {
  private constructor(
    private readonly net: Internet,
    private readonly bareUrl: string,
  ) {}

  static async open(): Promise<Checks> {
    const net = await Internet.open();
    const { STUN_URLS = '' } = net.relay.serverEnvironment;
    return new Checks(net, await net.serve(PORT_WITHOUT_RELAY, { STUN_URLS }));
  }

  /** @param options what the browser is told by an administrator. */
  async in(kind: Kind, options: BrowserOptions = {}): Promise<BothChecked> {
    const { plug, isIpv6 } = await this.net.place(kind);
    const device = await this.net.device(plug.host, isIpv6, options);
    try {
      const [relayed, bare] = await Promise.all([
        read(device, this.net.baseUrl),
        kind === 'tcp-443' ? null : read(device, this.bareUrl),
      ]);
      return { relayed, bare };
    } finally {
      await device.close();
    }
  }

  close(): Promise<void> {
    return this.net.close();
  }
}

async function read(device: Device, baseUrl: string): Promise<Checked> {
  const page = await device.open(`${baseUrl}/#check`);
  const items = page.getByRole('region', { name: 'What was looked at' }).getByRole('listitem');
  await items.first().waitFor();
  const sentence = await page.getByRole('main').getByRole('status').innerText();
  const rows = await items.evaluateAll((all) =>
    all.map((item) => {
      const [verdict, name, text] = ['.visually-hidden', 'strong', '.muted'].map(
        (part) => item.querySelector(part)?.textContent ?? '',
      );
      return [name ?? '', { verdict: (verdict ?? '').replace(/:$/u, ''), text: text ?? '' }] as const;
    }),
  );
  return { sentence, rows: Object.fromEntries(rows) };
}

export interface CheckOptions {
  /** Prints one line for a person. */
  readonly say: (line: string) => void;
}

/** Prints what it says in all of them. */
export async function run({ say }: CheckOptions): Promise<void> {
  const checks = await Checks.open();
  const tell = (name: string, checked: Checked | null): void => {
    if (checked === null) return;
    say(`${name}: ${checked.sentence}`);
    for (const [row, { verdict, text }] of Object.entries(checked.rows)) say(`    ${row}: ${verdict}. ${text}`);
  };
  try {
    for (const kind of KINDS) {
      const { relayed, bare } = await checks.in(kind);
      tell(`${kind}, with a relay`, relayed);
      tell(`${kind}, without one`, bare);
    }
  } finally {
    await checks.close();
  }
}
