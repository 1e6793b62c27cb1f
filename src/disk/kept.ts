/**
 * Marks of the shares of which this browser keeps something, beside the database: a page that has just been opened reads
 * them at once. Without storage everything counts as kept.
 */
const markOf = (id: string): string => `beeline:kept:${id}`;

export function isKept(id: string): boolean {
  try {
    return localStorage.getItem(markOf(id)) !== null;
  } catch {
    return true;
  }
}

/** Where there is no room for a mark, a later page may be sent a piece that it has. */
export function setKept(id: string, kept: boolean): void {
  try {
    if (kept) localStorage.setItem(markOf(id), '');
    else localStorage.removeItem(markOf(id));
  } catch (error) {
    console.warn('storage: no mark', error);
  }
}
