import { createHash } from 'node:crypto';

/** What tells the file systems apart that files are copied from; a `vscode.Uri` is one. */
export interface Origin {
  readonly scheme: string;
  readonly authority: string;
  readonly query: string;
}

/** What no file may be called on some system; `%` begins what stands for such a character. */
const UNFIT = /[%<>:"|?*\\\p{Cc}]/gu;
/** Windows gives these to devices, whatever comes after a dot. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** The name of the folder that holds all copies of a file system. */
export function rootName({ scheme, authority, query }: Origin): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([scheme, authority, query]))
    .digest('hex');
  return `${scheme}-${hash.slice(0, 12)}`;
}

/**
 * The path of a URI as the names of folders and of the file below the root of its copies: relative paths between files stay
 * what they are. No name leads out of its folder. {@link uriPathOf} gives the path back.
 */
export function copiedNames(uriPath: string): string[] {
  return uriPath
    .split('/')
    .filter((name) => name !== '')
    .map(copiedName);
}

function copiedName(name: string): string {
  if (name === '.' || name === '..') return name.replaceAll('.', '%2E');
  const fit = name.replace(UNFIT, encodeURIComponent).replace(/\*/g, '%2A');
  if (DEVICE.test(fit)) return `%${hexOf(fit)}${fit.slice(1)}`;
  return fit.replace(/[. ]$/, (last) => (last === ' ' ? '%20' : '%2E'));
}

function hexOf(text: string): string {
  return text.charCodeAt(0).toString(16).toUpperCase();
}

/** The path of a URI that {@link copiedNames} made names of. */
export function uriPathOf(names: readonly string[]): string {
  return `/${names.map((name) => decodeURIComponent(name)).join('/')}`;
}
