import { describe, expect, it } from 'vitest';
import { dtlsFingerprint, transcriptBytes } from '../../src/core/seal.ts';
import { refusal } from './refusals.ts';

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

describe('the certificate of a description', () => {
  const pair = (byte: string) => Array.from({ length: 32 }, () => byte).join(':');
  const line = `a=fingerprint:sha-256 ${pair('AB')}`;
  const sdp = (...lines: string[]) => ['v=0', 's=-', ...lines, 'a=setup:actpass', ''].join('\r\n');

  it.each([
    ['once', sdp(line)],
    ['in each section', sdp(line, 'm=application 9 x', line)],
    ['with bare line feeds', sdp(line).replaceAll('\r', '')],
    ['at the very end', `v=0\n${line}`],
  ])('[S7] is found when it is named %s', (_, description) => {
    expect(dtlsFingerprint(description)).toBe(`sha-256 ${pair('AB')}`);
  });

  it.each([
    ['no fingerprint', sdp()],
    ['nothing', ''],
    ['two', sdp(line, `a=fingerprint:sha-256 ${pair('CD')}`)],
    ['another hash', sdp(`a=fingerprint:sha-1 ${pair('AB')}`)],
    ['another hash beside it', sdp(line, `a=fingerprint:sha-512 ${pair('AB')}`)],
    ['small letters', sdp(line.replace(pair('AB'), pair('ab')))],
    ['the hash in capitals', sdp(line.replace('sha-256', 'SHA-256'))],
    ['31 bytes', sdp(line.slice(0, -3))],
    ['33 bytes', sdp(`${line}:AB`)],
    ['more after it', sdp(`${line} x`)],
    ['two spaces', sdp(line.replace(' ', '  '))],
    ['a second line with a tab', sdp(line, `a=fingerprint:sha-256\t${pair('CD')}`)],
    ['a second line with two spaces', sdp(line, `a=fingerprint:sha-256  ${pair('CD')}`)],
    ['a second line with a space first', sdp(line, `a=fingerprint: sha-256 ${pair('CD')}`)],
    ['a second line that is indented', sdp(line, ` a=fingerprint:sha-256 ${pair('CD')}`)],
    ['a second line in capitals', sdp(line, `a=FINGERPRINT:sha-256 ${pair('CD')}`)],
    ['a second line after a space at its end', sdp(line, `a=fingerprint:sha-256 ${pair('CD')} `)],
    ['a second line with a space after the sign', sdp(line, `a= fingerprint:sha-256 ${pair('CD')}`)],
    ['one within another line', sdp(`i=${line}`)],
  ])('[S7] is refused: %s', (_, description) => {
    expect(refusal(() => dtlsFingerprint(description))).toBe('not-authentic');
  });
});
