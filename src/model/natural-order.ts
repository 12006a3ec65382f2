const ZERO = 48;
const NINE = 57;

/**
 * Orders names the way people count: runs of digits by their value, everything else by code unit
 * (`layer.2` before `layer.10`). Names that differ only in leading zeros are ordered by length,
 * then by code unit: only equal names compare as 0.
 */
export function compareNatural(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (isDigit(a, i) && isDigit(b, j)) {
      const endA = endOfDigits(a, i);
      const endB = endOfDigits(b, j);
      const order = compareDigits(a, i, endA, b, j, endB);
      if (order !== 0) return order;
      i = endA;
      j = endB;
    } else {
      const order = a.charCodeAt(i) - b.charCodeAt(j);
      if (order !== 0) return order;
      i++;
      j++;
    }
  }
  const rest = a.length - i - (b.length - j);
  if (rest !== 0) return rest;
  return a.length - b.length || (a < b ? -1 : Number(a > b));
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= ZERO && code <= NINE;
}

function endOfDigits(text: string, start: number): number {
  let end = start;
  while (end < text.length && isDigit(text, end)) end++;
  return end;
}

// Compared as text, not as numbers: a name may hold more digits than a double can.
function compareDigits(a: string, startA: number, endA: number, b: string, startB: number, endB: number) {
  let i = startA;
  let j = startB;
  while (i < endA - 1 && a.charCodeAt(i) === ZERO) i++;
  while (j < endB - 1 && b.charCodeAt(j) === ZERO) j++;
  const length = endA - i - (endB - j);
  if (length !== 0) return length;
  while (i < endA) {
    const order = a.charCodeAt(i) - b.charCodeAt(j);
    if (order !== 0) return order;
    i++;
    j++;
  }
  return 0;
}
