import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseClientMessage } from '../../signal-server/messages.ts';

const DEPTH = 4;

describe('messages of a client', () => {
  it('never throws, and lets nothing through that it cannot write again', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.jsonValue({ maxDepth: 9 }).map((payload) => JSON.stringify({ type: 'OFFER', dst: 'b', payload })),
        ),
        (text) => {
          const parsed = parseClientMessage(text, DEPTH);
          if (parsed.ok && parsed.message.kind === 'relay') expect(JSON.stringify(parsed.message)).toContain('"dst"');
        },
      ),
    );
  });

  it.each([
    [0, true],
    [DEPTH, true],
    [DEPTH + 1, false],
    [30_000, false],
  ])('%i arrays within one another', (depth, ok) => {
    const text = `{"type":"OFFER","dst":"b","payload":${'['.repeat(depth)}1${']'.repeat(depth)}}`;
    expect(parseClientMessage(text, DEPTH).ok).toBe(ok);
  });

  it.each(['a', '-a_', 'A b', '7'.repeat(64), 'b8d4c0de-0000-4000-8000-000000000000'])('sends to %s', (dst) => {
    expect(parseClientMessage(JSON.stringify({ type: 'OFFER', dst }), DEPTH).ok).toBe(true);
  });

  it.each([' a', 'a ', 'a\n', 'é', '7'.repeat(65), '', null, 7, {}])('does not send to %j', (dst) => {
    expect(parseClientMessage(JSON.stringify({ type: 'OFFER', dst }), DEPTH).ok).toBe(false);
  });

  it.each([undefined, null, ''])('takes LEAVE to %j for a goodbye', (dst) => {
    expect(parseClientMessage(JSON.stringify({ type: 'LEAVE', dst }), DEPTH)).toEqual({
      ok: true,
      message: { kind: 'goodbye' },
    });
  });
});
