import { describe, expect, it, vi } from 'vitest';
import { BeelineError } from '../../src/core/errors.ts';
import type { TransferNote } from '../../src/core/ports.ts';
import type { SharingSession } from '../../src/flow/views.ts';
import { Stage } from '../../src/ui/stage.svelte.ts';
import { FakeAddressBar } from '../doubles/address-bar.ts';
import {
  acceptanceOf,
  deliveryOf,
  ENTRIES,
  FRAGMENT,
  progressOf,
  receivingOf,
  servicesOf,
  sharingOf,
} from '../doubles/services.ts';

const RUNNING = { byMe: false, byPeer: false };
const sending = () => [deliveryOf('1', 'Firefox', { at: 'transferring', pause: RUNNING })];
const arriving = () => receivingOf({ at: 'transferring', pause: RUNNING, seeking: null, ...acceptanceOf(ENTRIES) });
const FINISHED: TransferNote = {
  id: 'a',
  role: 'receiving',
  name: 'report.pdf',
  files: 1,
  totalBytes: 1,
  verifiedBytes: 1,
  state: 'finished',
  updatedAt: 0,
};
const settled = () => new Promise((resolve) => setTimeout(resolve));

async function opened(receiving = arriving()) {
  const bar = new FakeAddressBar(`#${FRAGMENT}`);
  const stage = new Stage(servicesOf({ receiving }), bar);
  await settled();
  return { bar, stage, receiving };
}

async function shared(sharing = sharingOf()) {
  const bar = new FakeAddressBar();
  const stage = new Stage(servicesOf({ sharing }), bar);
  await stage.shareFiles([1]);
  return { bar, stage, sharing };
}

describe('addresses', () => {
  it('no fragment is home, a fragment opens its link', async () => {
    expect(new Stage(servicesOf(), new FakeAddressBar()).screen.at).toBe('home');
    const { stage } = await opened();
    expect(stage.screen.at).toBe('receiving');
  });

  it('a link that is not complete says so and opens nothing', async () => {
    const stage = new Stage(servicesOf(), new FakeAddressBar('#short'));
    await settled();
    expect(stage.screen).toEqual({ at: 'unopened', code: 'link-incomplete' });
  });

  it('the check page has an address of its own, and the way back leads home', () => {
    const bar = new FakeAddressBar();
    const stage = new Stage(servicesOf(), bar);
    bar.location.hash = 'check';
    expect(stage.screen.at).toBe('check');
    bar.back();
    expect(stage.screen.at).toBe('home');
  });

  it('another link replaces one that has nothing to lose', async () => {
    const { bar, stage, receiving } = await opened(receivingOf({ at: 'connecting', attempt: 0, reason: null }));
    bar.location.hash = 'another';
    await settled();
    expect(receiving.asked).toEqual([['close']]);
    expect(stage.screen.at).toBe('receiving');
  });

  it('without a secure context nothing is opened', async () => {
    const receive = vi.fn();
    const stage = new Stage(servicesOf({ secure: false, receive }), new FakeAddressBar(`#${FRAGMENT}`));
    await settled();
    expect(receive).not.toHaveBeenCalled();
    expect(stage.screen.at).toBe('home');
  });
});

describe('sharing', () => {
  it('starts with the files chosen, in an entry of the history of its own', async () => {
    const { bar, stage } = await shared();
    expect(stage.screen.at).toBe('sharing');
    expect(bar.depth).toBe(1);
  });

  it('says what is wrong instead of starting', async () => {
    const share = () => Promise.reject(new BeelineError('too-many-entries'));
    const stage = new Stage(servicesOf({ share }), new FakeAddressBar());
    await stage.shareFiles([1]);
    expect(stage.screen).toMatchObject({
      at: 'home',
      trouble: { sentence: 'There are too many files in this share.' },
    });
    await stage.shareFiles([]);
    expect(stage.screen).toMatchObject({ at: 'home', trouble: { sentence: 'There is no file in there.' } });
  });

  it('a share that was stopped while it began is closed', async () => {
    const sharing = sharingOf();
    let begin: (session: SharingSession) => void = () => undefined;
    const share = () => new Promise<SharingSession>((resolve) => (begin = resolve));
    const stage = new Stage(servicesOf({ share }), new FakeAddressBar());
    const started = stage.shareFiles([1]);
    await settled();
    if (stage.screen.at === 'reading') stage.screen.stop();
    begin(sharing);
    await started;
    expect(stage.screen.at).toBe('home');
    expect(sharing.asked).toEqual([['close']]);
  });

  it('Stop sharing asks only while something is being sent', async () => {
    const idle = await shared();
    await idle.stage.stopSharing();
    expect([idle.stage.screen.at, idle.sharing.asked]).toEqual(['home', [['close'], ['leave']]]);

    const busy = await shared(sharingOf({ deliveries: sending() }));
    const stopped = busy.stage.stopSharing();
    expect(busy.stage.confirmation.question?.confirm).toBe('Stop sharing');
    busy.stage.confirmation.answer(false);
    await stopped;
    expect([busy.stage.screen.at, busy.sharing.asked]).toEqual(['sharing', []]);
  });
});

describe('leaving', () => {
  it('back asks first, stays on Stay and goes on Leave', async () => {
    const { bar, stage, sharing } = await shared(sharingOf({ deliveries: sending() }));
    bar.back();
    expect(stage.confirmation.question?.confirm).toBe('Leave');
    expect([stage.screen.at, bar.depth]).toEqual(['sharing', 1]);
    stage.confirmation.answer(false);
    await settled();
    expect(stage.screen.at).toBe('sharing');

    bar.back();
    stage.confirmation.answer(true);
    await settled();
    expect([stage.screen.at, bar.depth, sharing.asked]).toEqual(['home', 0, [['leave']]]);
  });

  it('a typed address is a move like back', async () => {
    const { bar, stage, receiving } = await opened();
    bar.location.hash = 'another';
    expect(stage.confirmation.question).not.toBeNull();
    expect(bar.location.hash).toBe(`#${FRAGMENT}`);
    stage.confirmation.answer(true);
    await settled();
    expect(receiving.asked).toEqual([['close']]);
    expect(bar.location.hash).toBe('#another');
  });

  it('files that are verified, not saved and only in memory are asked about', async () => {
    const { stage, receiving } = await opened(
      receivingOf(
        { at: 'finished', confirmed: true, attempt: 0, ...acceptanceOf(ENTRIES) },
        { progress: progressOf(ENTRIES, { fraction: 1 }), sink: { kind: 'memory', inPlace: false } },
      ),
    );
    expect(stage.leaving?.title).toBe('Leave without saving?');
    await receiving.save('zip');
    expect([stage.leaving, stage.running]).toEqual([null, false]);
  });
});

it('what an earlier page has finished has nothing to cancel, nor to lose while it is looked at again', async () => {
  const receiving = receivingOf({ at: 'checking', ...acceptanceOf(ENTRIES) });
  const stage = new Stage(servicesOf({ receiving, linkOf: () => Promise.resolve(null) }), new FakeAddressBar());
  await stage.resume(FINISHED);
  const { screen } = stage;
  expect(screen.at === 'receiving' && screen.reception.transfer).toBeNull();
  expect([stage.leaving, stage.running]).toEqual([null, false]);
});

describe('a single file', () => {
  const one = ENTRIES.slice(0, 1);
  const moving = () => receivingOf({ at: 'transferring', pause: RUNNING, seeking: null, ...acceptanceOf(one) });
  const finished = {
    state: { at: 'finished', confirmed: true, attempt: 0, ...acceptanceOf(one) },
    progress: progressOf(one, { fraction: 1 }),
  } as const;

  it('saves itself once when it has arrived', async () => {
    const { receiving } = await opened(moving());
    receiving.show(finished);
    receiving.show({ path: null });
    expect(receiving.asked).toEqual([['save', 'files']]);
  });

  it('does not when it is in place already', async () => {
    const { receiving } = await opened(moving());
    receiving.show({ ...finished, sink: { kind: 'folder', inPlace: true } });
    expect(receiving.asked).toEqual([]);
  });

  it('does not when it arrived in an earlier page', async () => {
    const { receiving } = await opened(receivingOf({ at: 'checking', ...acceptanceOf(one) }));
    receiving.show(finished);
    expect(receiving.asked).toEqual([]);
  });
});

it('a new version waits until nothing would be lost', async () => {
  const apply = vi.fn();
  const bar = new FakeAddressBar(`#${FRAGMENT}`);
  const receiving = arriving();
  const stage = new Stage(servicesOf({ receiving, watchUpdate: (onready) => onready(apply) }), bar);
  expect(stage.update).toBe(apply);
  await settled();
  expect(stage.update).toBeNull();
  receiving.show({ state: { at: 'cancelled', by: 'peer', kept: true } });
  expect(stage.update).toBe(apply);
});
