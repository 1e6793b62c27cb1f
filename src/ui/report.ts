/** What the browser calls itself, and whether it says that there is a network. */
export function thisBrowser(): string {
  return `${navigator.userAgent}; ${navigator.onLine ? 'online' : 'offline'}`;
}
