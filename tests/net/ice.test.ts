import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fetchIce } from '../../src/net/ice.ts';

const BASE = new URL('https://server.example/app/');
const TURN = { urls: ['turn:relay.example:3478?transport=udp'], username: '1800000000:abc', credential: 'c2VjcmV0' };
const STUN = { urls: ['stun:stun.example:3478'] };
const NONE = { iceServers: [], ttl: 0 };

const fetched = vi.fn<typeof fetch>();
beforeEach(() => {
  vi.stubGlobal('fetch', fetched);
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
});
afterEach(() => {
  vi.unstubAllGlobals();
  fetched.mockReset();
});

function answer(body: unknown, status = 200): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  fetched.mockResolvedValue(new Response(text, { status }));
}

describe('asking for STUN and TURN', () => {
  it('goes below the app’s own address, with the token where no log writes it', async () => {
    answer({ iceServers: [STUN, TURN], ttl: 600 });
    expect(await fetchIce(BASE, 'id/?&', 'token')).toEqual({ iceServers: [STUN, TURN], ttl: 600 });
    const [[url, options] = []] = fetched.mock.calls;
    expect(url instanceof URL && url.href).toBe('https://server.example/app/api/ice?id=id%2F%3F%26');
    expect(options?.headers).toEqual({ Authorization: 'Bearer token' });
    expect(options?.signal).toBeInstanceOf(AbortSignal);
  });

  it('takes nothing from the answer that it does not know', async () => {
    answer({ iceServers: [{ ...TURN, credentialType: 'oauth' }], ttl: 1, note: 'x' });
    expect(await fetchIce(BASE, 'id', 't')).toEqual({ iceServers: [TURN], ttl: 1 });
  });

  it.each([
    ['an error', { iceServers: [STUN], ttl: 1 }, 500],
    ['a refusal', { error: 'session' }, 401],
    ['no JSON', '<!doctype html>', 200],
    ['nothing', '', 200],
    ['null', null, 200],
    ['no list', { ttl: 5 }, 200],
    ['one address instead of a list', { iceServers: [{ urls: 'stun:a' }], ttl: 5 }, 200],
    ['too many servers', { iceServers: Array.from({ length: 9 }, () => STUN), ttl: 5 }, 200],
    ['too many addresses', { iceServers: [{ urls: Array.from({ length: 9 }, () => 'stun:a') }], ttl: 5 }, 200],
    ['an address too long', { iceServers: [{ urls: ['s'.repeat(513)] }], ttl: 5 }, 200],
    ['a negative time', { iceServers: [], ttl: -1 }, 200],
  ])('counts %s as none', async (_, body, status) => {
    answer(body, status);
    expect(await fetchIce(BASE, 'id', 't')).toEqual(NONE);
  });

  it('counts a network that fails, or takes too long, as none', async () => {
    fetched.mockRejectedValue(new TypeError('failed to fetch'));
    expect(await fetchIce(BASE, 'id', 't')).toEqual(NONE);
    fetched.mockRejectedValue(new DOMException('too long', 'TimeoutError'));
    expect(await fetchIce(BASE, 'id', 't')).toEqual(NONE);
  });
});
