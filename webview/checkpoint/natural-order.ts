/**
 * A key whose plain order is the natural order of names: numbers inside a name compare by value, so `layer.2` stands before `layer.10`.
 * Made once per name, it lets 200,000 names be sorted by plain string comparison.
 *
 * Every run of digits becomes its count of significant digits as one character, then these digits: a longer number is a larger one,
 * and numbers of one length compare like text. Leading zeros only matter where all else is equal.
 */
export function naturalKey(name: string): string {
  const key = name.toLowerCase().replace(/\d+/g, (digits) => {
    const significant = digits.replace(/^0+(?=\d)/, '');
    return (
      String.fromCharCode(0x30 + Math.min(significant.length, 9)) +
      lengthText(significant.length) +
      significant
    );
  });
  return `${key}\u0000${name}`;
}

/** Numbers of nine digits and more need their length in full. */
function lengthText(length: number): string {
  return length < 9 ? '' : String(length).padStart(6, '0');
}

/** Compares keys made by {@link naturalKey}. */
export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
