/** Each reason for which a page does not connect, caused for real: what the page says, how soon, and what it lets one copy. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Locator, Page } from 'playwright-core';
import { labRefusal } from './namespaces.ts';
import { CAUSE_NAMES, lineOf, REASON_WITHIN_MS, Troubles, type CauseName, type Trouble } from './reasons.ts';

/** What of the lab is an address or a host. */
const ADDRESS = /\d+\.\d+\.\d+\.\d+|2001:db8|beeline\.test/u;

/** Milliseconds: a limit for what hangs, not a measure. */
const SET_UP_MS = 300_000;

const refusal = await labRefusal();
if (refusal !== null) console.log(`Skipped: ${refusal}`);

describe.skipIf(refusal !== null)('a page that does not connect', () => {
  let troubles: Troubles;
  const all = new Map<CauseName, Trouble>();

  beforeAll(async () => {
    troubles = await Troubles.open();
    for (const trouble of await troubles.causeAll()) all.set(trouble.name, trouble);
    for (const trouble of all.values()) console.log(lineOf(trouble));
  }, SET_UP_MS);
  afterAll(() => troubles.close());

  function found(name: CauseName): Trouble {
    const trouble = all.get(name);
    if (trouble === undefined) throw new Error(`${name} was not caused.`);
    return trouble;
  }

  test.for(CAUSE_NAMES)('[C10] [C11] gives its reason, keeps it, and lets one copy a report: %s', async (name) => {
    const { code, reasons, silentMs, page } = found(name);
    expect(reasons).toEqual([code]);
    expect(silentMs).toBeLessThanOrEqual(REASON_WITHIN_MS);
    const report = await (await openReport(page)).inputValue();
    expect(report).toContain(`reason: ${code}\n`);
    expect(withoutVersions(report)).not.toMatch(ADDRESS);
  });

  test('[C12] the report tells states, kinds of candidates and codes, and addresses only if asked to', async () => {
    const { page } = found('The server and its relay have different secrets.');
    await openReport(page);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const copied = async (): Promise<string> => {
      await page.getByRole('button', { name: 'Copy report' }).click();
      await page.getByText('Copied', { exact: true }).waitFor();
      return page.evaluate(() => navigator.clipboard.readText());
    };
    const without = await copied();
    expect(withoutVersions(without)).not.toMatch(ADDRESS);
    expect(without).toMatch(/gathered here: .*2 srflx udp IPv4/u);
    expect(without).toMatch(/received: .*1 host udp IPv4/u);
    expect(without).toMatch(/error 401 of turn:\(host\):3478\?transport=udp/u);
    expect(without).toMatch(/\d+ ms: ice checking/u);
    await page.getByRole('checkbox', { name: /network addresses/u }).check();
    expect(await copied()).toMatch(/here: candidate:.* 192\.168\.\d+\.2 [^]*received: candidate:/u);
  });
});

async function openReport(page: Page): Promise<Locator> {
  const report = page.getByRole('textbox', { name: 'Technical report' });
  if (!(await report.isVisible())) await page.getByText('Details', { exact: true }).click();
  await report.waitFor();
  return report;
}

/** The name of a browser holds versions, which look like addresses. */
function withoutVersions(report: string): string {
  return report.replace(/^browser: .*$/mu, '');
}
