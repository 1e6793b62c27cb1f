/** A promise with its two ends; `Promise.withResolvers` needs Safari 17.4 and Node 22. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export function deferred<T>(): Deferred<T> {
  let ends: Pick<Deferred<T>, 'resolve' | 'reject'> | null = null;
  const promise = new Promise<T>((resolve, reject) => {
    ends = { resolve, reject };
  });
  if (ends === null) throw new Error('a promise runs its executor at once');
  return { promise, ...(ends as Pick<Deferred<T>, 'resolve' | 'reject'>) };
}
