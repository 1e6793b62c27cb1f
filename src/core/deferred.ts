/** A promise with its two ends; `Promise.withResolvers` needs Safari 17.4 and Node 22. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export function deferred<T = undefined>(): Deferred<T> {
  let resolve: (value: T) => void = unset;
  let reject: (error: Error) => void = unset;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** Never called: a promise runs its executor at once. */
function unset(): void {
  throw new Error('deferred before its promise');
}
