import { deferred } from '../../src/core/deferred.ts';
import { toHex } from '../../src/core/bytes.ts';
import { BeelineError } from '../../src/core/errors.ts';
import type { Lane, LaneAttempt, LaneFactory } from '../../src/core/ports.ts';
import { dtlsFingerprint } from '../../src/core/sdp.ts';
import type { LaneSignal } from '../../src/core/sealed.ts';
import { realRandom } from '../doubles/clock.ts';
import { FakeLane, fakeSdp } from '../doubles/lanes.ts';

/** One side of a connection being made, as the network sees it. */
export interface End {
  readonly lane: FakeLane;
  /** Its own certificate. */
  readonly fingerprint: string;
  /** The certificate it would accept; null before it was given a description. */
  expects: string | null;
  /** Everything it was told, in order. */
  readonly heard: LaneSignal[];
  readonly open: (lane: Lane) => void;
  isOpen: boolean;
}

/**
 * A network in which two ends meet exactly when each expects the other's certificate, as DTLS sees to it: a description
 * on which a third party put its own certificate leads to the third party, and only if it was applied.
 */
export class CertificateNetwork implements LaneFactory {
  /** Every attempt made, by whom ever. */
  readonly ends: End[] = [];
  /** Every pair that met. */
  readonly met: [End, End][] = [];

  attempt({ initiator, onSignal }: Parameters<LaneFactory['attempt']>[0]): LaneAttempt {
    const { promise, resolve, reject } = deferred<Lane>();
    promise.catch(() => undefined);
    const sdp = fakeSdp(toHex(realRandom.bytes(8)));
    const lane = new FakeLane();
    const end: End = {
      lane,
      fingerprint: dtlsFingerprint(sdp),
      expects: null,
      heard: [],
      open: resolve,
      isOpen: false,
    };
    this.ends.push(end);
    const describe = (kind: 'offer' | 'answer') => {
      onSignal({ kind, sdp });
      for (const host of ['192.0.2.1', '192.0.2.2']) {
        onSignal({
          kind: 'candidate',
          candidate: `candidate:1 1 udp 1 ${host} 5000 typ host`,
          sdpMid: '0',
          sdpMLineIndex: 0,
        });
      }
    };
    if (initiator) queueMicrotask(() => describe('offer'));
    const signal = (signal: LaneSignal) => {
      end.heard.push(signal);
      if (signal.kind === 'candidate') return;
      end.expects = dtlsFingerprint(signal.sdp);
      if (signal.kind === 'offer') queueMicrotask(() => describe('answer'));
      this.#meet();
    };
    const close = () => {
      reject(new BeelineError('connect-failed', 'closed'));
      end.expects = null;
      lane.close();
    };
    return { opened: promise, signal, close };
  }

  #meet(): void {
    for (const a of this.ends) {
      for (const b of this.ends) {
        if (a === b || a.isOpen || b.isOpen || a.expects !== b.fingerprint || b.expects !== a.fingerprint) continue;
        a.isOpen = b.isOpen = true;
        join(a.lane, b.lane);
        this.met.push([a, b]);
        a.open(a.lane);
        b.open(b.lane);
      }
    }
  }
}

function join(a: FakeLane, b: FakeLane): void {
  [a.other, b.other] = [b, a];
  [a.control.peer, b.control.peer] = [b.control, a.control];
  [a.bulk.peer, b.bulk.peer] = [b.bulk, a.bulk];
}
