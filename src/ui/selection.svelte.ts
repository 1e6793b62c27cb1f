/** Which files of an offer are ticked. Counts are kept as they change: a share may have 100,000 entries. */
export class Selection {
  readonly #sizes: readonly number[];
  readonly #ticked: Uint8Array;
  #count: number;
  #bytes: number;

  /** @param sizes bytes of each entry; all start ticked. */
  constructor(sizes: readonly number[]) {
    this.#sizes = sizes;
    this.#ticked = new Uint8Array(sizes.length).fill(1);
    this.#count = $state(sizes.length);
    this.#bytes = $state(sizes.reduce((sum, size) => sum + size, 0));
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes of the ticked entries. */
  get bytes(): number {
    return this.#bytes;
  }

  get all(): boolean {
    return this.#count === this.#sizes.length;
  }

  has(entry: number): boolean {
    // Every change moves the count, so reading it is enough to be told.
    return this.#count >= 0 && this.#ticked[entry] === 1;
  }

  toggle(entry: number): void {
    const size = this.#sizes[entry];
    if (size === undefined) return;
    const sign = this.#ticked[entry] === 1 ? -1 : 1;
    this.#ticked[entry] = sign === 1 ? 1 : 0;
    this.#bytes += sign * size;
    this.#count += sign;
  }

  setAll(ticked: boolean): void {
    this.#ticked.fill(ticked ? 1 : 0);
    this.#bytes = ticked ? this.#sizes.reduce((sum, size) => sum + size, 0) : 0;
    this.#count = ticked ? this.#sizes.length : 0;
  }

  /** Numbers of the ticked entries, ascending. */
  list(): number[] {
    return [...this.#ticked.keys()].filter((entry) => this.#ticked[entry] === 1);
  }
}
