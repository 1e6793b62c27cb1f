import type { ConnectTrace, Step } from '../core/diagnosis.ts';

/** Entries kept of each list: a browser gathers a few dozen candidates, and a peer could send any number. */
const MAX_ENTRIES = 64;

/** Adds to a trace what is not too much for it. */
export function keep<Entry>(list: Entry[], entry: Entry): void {
  if (list.length < MAX_ENTRIES) list.push(entry);
}

/** Writes down what a connection tells while it is being made. */
export function traceConnection(connection: RTCPeerConnection, trace: ConnectTrace): void {
  const startedAt = performance.now();
  const entered = (of: Step['of'], state: string): void => {
    trace.online = navigator.onLine;
    keep(trace.steps, { of, state, atMs: Math.round(performance.now() - startedAt) });
  };
  connection.addEventListener('icecandidate', ({ candidate }) => {
    if (candidate !== null) keep(trace.gathered, candidate.candidate);
  });
  connection.addEventListener('icecandidateerror', ({ url, errorCode, errorText }) =>
    keep(trace.errors, { url, code: errorCode, text: errorText }),
  );
  connection.addEventListener('icegatheringstatechange', () => entered('gathering', connection.iceGatheringState));
  connection.addEventListener('iceconnectionstatechange', () => entered('ice', connection.iceConnectionState));
  connection.addEventListener('connectionstatechange', () => entered('connection', connection.connectionState));
  let watched: RTCDtlsTransport | undefined;
  // The transport is there once both descriptions are.
  connection.addEventListener('signalingstatechange', () => {
    const transport = connection.sctp?.transport;
    if (transport === watched) return;
    watched = transport;
    transport?.addEventListener('statechange', () => entered('dtls', transport.state));
  });
}
