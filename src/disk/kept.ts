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

/** @throws DOMException where there is no storage, or no room. */
export function setKept(id: string, kept: boolean): void {
  if (kept) localStorage.setItem(markOf(id), '');
  else localStorage.removeItem(markOf(id));
}
