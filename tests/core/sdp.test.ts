import { describe, expect, it } from 'vitest';
import { answeredAsServer, dtlsFingerprint } from '../../src/core/sdp.ts';
import { refusal } from './refusals.ts';

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

const offerOf = (setup: string, end = '\r\n') =>
  ['v=0', 'm=application 9 x', `a=setup:${setup}`, 'a=mid:0', ''].join(end);

it.each([
  ['an offer that is open to it', offerOf('actpass'), offerOf('active')],
  ['one with bare line feeds', offerOf('actpass', '\n'), offerOf('active', '\n')],
  ['one that is not', offerOf('passive'), offerOf('passive')],
  ['one that has it already', offerOf('active'), offerOf('active')],
  [
    'a line that only ends so',
    offerOf('actpass').replace('a=mid:0', 'i=a=setup:actpass'),
    offerOf('active').replace('a=mid:0', 'i=a=setup:actpass'),
  ],
])('[C1] the side that answers is DTLS server by %s', (_, offer, heard) => {
  expect(answeredAsServer(offer)).toBe(heard);
});
