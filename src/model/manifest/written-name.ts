/**
 * What would not stand in its line as it is: control and format characters, separators other than a space, marks that
 * stack, unpaired surrogates, and scripts that are written from right to left and would turn the line around (the blocks
 * that Unicode's DerivedBidiClass.txt gives to R and AL).
 */
const UNFIT =
  /[\p{C}\p{M}\p{Zl}\p{Zp}\u{590}-\u{8FF}\u{FB1D}-\u{FDFF}\u{FE70}-\u{FEFF}\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]|(?! )\p{Zs}/gu;
const PLAIN = /^[!-~]+$/;
/** What begins a comment, a section or a quoted name. */
const MARKS = new Set(['#', '[', '"']);

/**
 * A name of a tensor, a key or the like as one word of a line: as it is where it can stand so, else in quotes and with
 * escapes as in JSON. {@link readName} gives the name back.
 */
export function writtenName(name: string): string {
  if (PLAIN.test(name) && !MARKS.has(name.charAt(0))) return name;
  const escaped = escapedText(name);
  const isWord = name !== '' && escaped === name && !/[\s"]/.test(name) && !MARKS.has(name.charAt(0));
  return isWord ? name : `"${escapedText(name.replace(/["\\]/g, '\\$&'))}"`;
}

/** The name that {@link writtenName} wrote; what it did not write comes back as it is. */
export function readName(written: string): string {
  if (!written.startsWith('"')) return written;
  try {
    return String(JSON.parse(written));
  } catch {
    return written;
  }
}

/** A text as part of one line, everything that is {@link UNFIT} in it escaped as in JSON. Cannot be read back. */
export function escapedText(text: string): string {
  return text.replace(UNFIT, (found) =>
    Array.from({ length: found.length }, (_, index) => escapeOf(found.charCodeAt(index))).join(''),
  );
}

function escapeOf(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
