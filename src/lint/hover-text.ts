import type { TextRange } from '../protocol/finding';
import type { Hover, HoverPlace } from './hover';

/** A JSON string in a line. */
export interface LineString {
  readonly value: string;
  /** Columns including the quotes. */
  readonly start: number;
  readonly end: number;
  readonly isKey: boolean;
}

/** All JSON strings of a line, from left to right. */
export function stringsIn(line: string): readonly LineString[] {
  return Array.from(line.matchAll(/"((?:[^"\\]|\\.)*)"(\s*:)?/g), (match) => ({
    value: unescaped(match[1] ?? ''),
    start: match.index,
    end: match.index + (match[1] ?? '').length + 2,
    isKey: match[2] !== undefined,
  }));
}

function unescaped(text: string): string {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text;
  }
}

/** The string that the cursor is in, and the last key up to it. */
export function stringAt(
  place: HoverPlace,
): { readonly here: LineString; readonly key: string | null } | null {
  const strings = stringsIn(place.line);
  const here = strings.find(({ start, end }) => place.character >= start && place.character <= end);
  if (!here) return null;
  const key = strings.filter(({ isKey, start }) => isKey && start <= here.start).at(-1);
  return { here, key: key?.value ?? null };
}

/** A hover over a part of the line; paragraphs are joined by empty lines. */
export function hoverOn(
  { lineNumber }: HoverPlace,
  { start, end }: { readonly start: number; readonly end: number },
  paragraphs: readonly (string | null)[],
): Hover {
  const range: TextRange = {
    start: { line: lineNumber, character: start },
    end: { line: lineNumber, character: end },
  };
  return { markdown: paragraphs.filter((paragraph) => paragraph !== null).join('\n\n'), range };
}

/** Text out of a file or path, so that none of it acts as Markdown or HTML; one line, at most 200 characters. */
export function plain(text: string): string {
  const short = text.length > 200 ? `${text.slice(0, 199)}…` : text;
  return short
    .replace(/\s+/g, ' ')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/[!-%'-/:=>?@[-`{-~]/g, '\\$&');
}

/** Bytes as people say them, in powers of 1000: `1.25 MB`. */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value.toLocaleString('en-US') : value.toPrecision(3)} ${units[unit] ?? ''}`;
}
