/**
 * Numbers as a person reads them. Sizes are decimal (1 kB = 1,000 bytes), as the systems' own file managers show them.
 * The language is the page's own, so that words and numbers agree.
 */
const LANGUAGE = 'en';

const SIZE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const;

const formats = new Map<string, Intl.NumberFormat>();

/** Makes each format once: a list of 10,000 files asks for the same few again and again. */
function unitFormat(unit: string, fractionDigits: number): Intl.NumberFormat {
  const key = `${unit} ${fractionDigits}`;
  const known = formats.get(key);
  if (known !== undefined) return known;
  const made = new Intl.NumberFormat(LANGUAGE, {
    style: 'unit',
    unit,
    unitDisplay: unit === 'byte' ? 'long' : 'short',
    minimumFractionDigits: 0,
    maximumFractionDigits: fractionDigits,
  });
  formats.set(key, made);
  return made;
}

/** The largest unit in which a count of bytes is at least one, and the count in it. */
function scale(bytes: number): readonly [value: number, unit: (typeof SIZE_UNITS)[number]] {
  let value = Math.max(0, bytes);
  let step = 0;
  // 999.5 would be shown as "1,000 kB".
  while (value >= 999.5 && step < SIZE_UNITS.length - 1) {
    value /= 1000;
    step += 1;
  }
  return [value, SIZE_UNITS[step] ?? 'byte'];
}

/** `0 bytes`, `999 bytes`, `1.5 kB`, `120 MB`: three digits at most say enough. */
export function formatBytes(bytes: number): string {
  const [value, unit] = scale(bytes);
  return unitFormat(unit, unit === 'byte' || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2).format(value);
}

/** `12.3 MB/s`. */
export function formatSpeed(bytesPerSecond: number): string {
  const [value, unit] = scale(bytesPerSecond);
  return unitFormat(`${unit}-per-second`, unit === 'byte' || value >= 99.95 ? 0 : 1).format(value);
}

/** Time left, coarser the longer it is, so that it does not flicker: `5 sec`, `40 sec`, `3 min`, `1 hr 20 min`, `2 days`. */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return unitFormat('second', 0).format(Math.max(1, Math.round(seconds)));
  if (seconds < 55) return unitFormat('second', 0).format(Math.ceil(seconds / 5) * 5);
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes < 60) return unitFormat('minute', 0).format(minutes);
  if (minutes >= 48 * 60) return unitFormat('day', 0).format(Math.round(minutes / (24 * 60)));
  const rest = minutes % 60;
  const hours = unitFormat('hour', 0).format(Math.floor(minutes / 60));
  return rest === 0 ? hours : `${hours} ${unitFormat('minute', 0).format(rest)}`;
}

/** `12 ms`; below one millisecond `< 1 ms`. */
export function formatRoundTrip(ms: number): string {
  return ms < 1 ? '< 1 ms' : unitFormat('millisecond', 0).format(ms);
}

const plainNumber = new Intl.NumberFormat(LANGUAGE);
const percentNumber = new Intl.NumberFormat(LANGUAGE, { style: 'percent', maximumFractionDigits: 0 });
const plurals = new Intl.PluralRules(LANGUAGE);

/** A share of the whole, 0 to 1, as a percentage that says 100 % only when nothing is missing. */
export function formatPercent(fraction: number): string {
  return percentNumber.format(Math.floor(Math.min(1, Math.max(0, fraction)) * 100) / 100);
}

/** `10,000`. */
export function formatCount(count: number): string {
  return plainNumber.format(count);
}

/** `1 file`, `10,000 files`. */
export function counted(count: number, one: string, other = `${one}s`): string {
  return `${formatCount(count)} ${plurals.select(count) === 'one' ? one : other}`;
}

/** A path's folders and its name. */
export function splitPath(path: string): { readonly folder: string; readonly name: string } {
  const slash = path.lastIndexOf('/');
  return { folder: path.slice(0, Math.max(0, slash)), name: path.slice(slash + 1) };
}

/**
 * Leaves out the middle of a name too long to show, never half a character: its start tells what it is and its end which
 * kind and number.
 * @param room what fits, in the unit of `widthOf`.
 * @param widthOf width of one character; every character counts one unless told.
 */
export function shortenMiddle(text: string, room: number, widthOf: (symbol: string) => number = () => 1): string {
  const symbols = symbolsOf(text);
  const widths = symbols.map(widthOf);
  if (sum(widths) <= room) return text;
  const tailRoom = room / 3;
  const tail = symbols.slice(symbols.length - fitting(widths.toReversed(), tailRoom));
  const headRoom = room - widthOf('…') - sum(widths.slice(symbols.length - tail.length));
  const head = symbols.slice(0, fitting(widths, headRoom));
  return `${head.join('')}…${tail.join('')}`;
}

/** Characters as a person counts them. Segmenting is slow, so plain names, most of a list of 10,000, go without. */
function symbolsOf(text: string): string[] {
  if (segmenter === null || /^[ -~]*$/u.test(text)) return Array.from(text);
  return [...segmenter.segment(text)].map(({ segment }) => segment);
}
/** Firefox has it from version 125; before, whole code points must do. */
const segmenter = 'Segmenter' in Intl ? new Intl.Segmenter(LANGUAGE) : null;

function sum(widths: readonly number[]): number {
  return widths.reduce((total, width) => total + width, 0);
}

/** How many of the first widths fit. */
function fitting(widths: readonly number[], room: number): number {
  let used = 0;
  const tooMany = widths.findIndex((width) => (used += width) > room);
  return tooMany === -1 ? widths.length : tooMany;
}
