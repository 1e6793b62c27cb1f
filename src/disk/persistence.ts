/** True if storage was not persistent and is now. Firefox asks the person. */
export async function becomesPersistent(): Promise<boolean> {
  try {
    return !(await navigator.storage.persisted()) && (await navigator.storage.persist());
  } catch {
    return false;
  }
}

/**
 * Asks the browser not to delete what is kept here when it needs room, where it decides that by itself: Chromium and Safari do.
 * Rejects with what the browser threw.
 */
export async function persistUnlessAsking(): Promise<void> {
  if (!(await asksPerson()) && !(await navigator.storage.persisted())) await navigator.storage.persist();
}

/** Chromium calls its own decision a prompt, too. Safari does not know the permission. */
async function asksPerson(): Promise<boolean> {
  if ('userAgentData' in navigator) return false;
  try {
    return (await navigator.permissions.query({ name: 'persistent-storage' })).state === 'prompt';
  } catch (thrown) {
    if (thrown instanceof TypeError) return false;
    throw thrown;
  }
}
