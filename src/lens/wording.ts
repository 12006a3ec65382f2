// Numbers and lists in the sentences of notes and findings.

/** A whole number with separators of thousands: `623,744`. */
export function wholeText(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** `1 tensor`, `2,048 tensors`. */
export function countText(count: number, noun: string): string {
  return `${wholeText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Three digits, for a sentence: `0.123`, `1,230`, `1.2e-7`. */
export function shortNumber(value: number): string {
  const rounded = Number(value.toPrecision(3));
  const size = Math.abs(rounded);
  return size >= 1000 && size < 1e15 ? wholeText(rounded) : String(rounded);
}

/** A share in three digits: 0.1234 → `12.3 %`. */
export function percent(share: number): string {
  return `${shortNumber(100 * share)} %`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `1.2 MB`: decimal units, three digits. */
export function bytesText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${shortNumber(bytes / 1000 ** power)} ${UNITS[power] ?? 'B'}`;
}

/** The first few of a list and how many more there are: `a, b and 4 more`. */
export function namesText(names: readonly string[], show = 6, separator = ', '): string {
  const shown = names.slice(0, show).join(separator);
  return names.length > show ? `${shown} and ${wholeText(names.length - show)} more` : shown;
}
