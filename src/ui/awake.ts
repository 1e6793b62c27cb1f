/**
 * Keeps the screen on, where the browser can (Screen Wake Lock API): a phone that locks itself cuts the transfer.
 * @returns what lets it go.
 */
export function stayAwake(): () => void {
  const state: { wanted: boolean; lock: WakeLockSentinel | null } = { wanted: true, lock: null };

  async function take(): Promise<void> {
    if (!('wakeLock' in navigator) || document.visibilityState !== 'visible') return;
    try {
      const lock = await navigator.wakeLock.request('screen');
      if (state.wanted) state.lock = lock;
      else await lock.release();
    } catch {
      // Refused, as with an empty battery: the transfer goes on without it.
    }
  }

  const again = (): void => void take();
  document.addEventListener('visibilitychange', again);
  again();
  return () => {
    state.wanted = false;
    document.removeEventListener('visibilitychange', again);
    void state.lock?.release();
  };
}
