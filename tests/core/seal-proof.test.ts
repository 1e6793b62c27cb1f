import { describe, expect, it } from 'vitest';
import { transcriptBytes } from '../../src/core/seal.ts';

describe('the transcript', () => {
  const transcript = {
    senderId: 'a',
    receiverId: 'b',
    connection: 'c',
    nonce: 'd',
    receiverFingerprint: 'e',
    senderFingerprint: 'f',
    greeting: [] as readonly string[],
  };

  it('[S6] differs when any field does, and when a letter moves to the next field', () => {
    const texts = [
      transcript,
      ...Object.keys(transcript).map((field) => ({ ...transcript, [field]: field === 'greeting' ? ['x'] : 'x' })),
    ];
    texts.push(
      { ...transcript, senderId: 'ab', receiverId: '' },
      { ...transcript, receiverFingerprint: '', senderFingerprint: 'ef' },
      { ...transcript, greeting: ['x', ''] },
    );
    const written = texts.map((each) => Buffer.from(transcriptBytes(each)).toString());
    expect(new Set(written).size).toBe(texts.length);
    expect(written[0]).toBe('beeline/1 answer\0a\0b\0c\0d\0e\0f\0');
  });
});
