/** Widths in CSS pixels of single characters in the page's own font, for names that must be cut to fit. */
const widths = new Map<string, number>();
let pen: CanvasRenderingContext2D | null = null;

/** Weight of file names in a list: the widest text that is cut. */
const WEIGHT = 550;

/** Joined letters, as in Arabic, are narrower than their sum: such a name is cut a little early, never clipped. */
export function pixelWidth(symbol: string): number {
  const known = widths.get(symbol);
  if (known !== undefined) return known;
  if (pen === null) {
    pen = document.createElement('canvas').getContext('2d');
    if (pen !== null) pen.font = `${WEIGHT} ${rootPixels()}px ${getComputedStyle(document.documentElement).fontFamily}`;
  }
  const width = pen?.measureText(symbol).width ?? rootPixels() / 2;
  widths.set(symbol, width);
  return width;
}

/** CSS pixels of a whole text. */
export function textWidth(text: string): number {
  return Array.from(text).reduce((total, symbol) => total + pixelWidth(symbol), 0);
}

/** CSS pixels of one rem, which follows the text size a person set in the browser. */
export function rootPixels(): number {
  return parseFloat(getComputedStyle(document.documentElement).fontSize);
}
