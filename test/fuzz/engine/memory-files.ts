// Stands for `node:fs` and `node:fs/promises` of the parsers: one folder, of files in memory. There is nothing to write with.
import { Buffer } from 'node:buffer';

/** The only folder. */
export const FOLDER = '/fuzz';

const files = new Map<string, Uint8Array>();
const opened: (Uint8Array | null)[] = [];

/** What is in the folder from now on. */
export function setFiles(content: Readonly<Record<string, Uint8Array>>): void {
  files.clear();
  opened.length = 0;
  for (const [name, bytes] of Object.entries(content)) files.set(`${FOLDER}/${name}`, bytes);
}

/** Bytes of a file by its path; `undefined` where there is none. */
export function fileBytes(path: string): number | undefined {
  return files.get(path)?.length;
}

/** Descriptors that were opened and not closed. */
export function openDescriptors(): number {
  return opened.filter((bytes) => bytes !== null).length;
}

class Stats {
  readonly mtimeMs = 1_700_000_000_000;
  readonly nlink = 1;
  readonly dev = 1;
  readonly ino = 1;
  constructor(
    readonly size: number,
    private readonly folder: boolean,
  ) {}
  isFile = () => !this.folder;
  isDirectory = () => this.folder;
  isSymbolicLink = () => false;
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
}

export function statSync(path: string): Stats {
  if (path === FOLDER) return new Stats(0, true);
  const bytes = files.get(path);
  if (bytes === undefined) throw missing(path);
  return new Stats(bytes.length, false);
}

export function realpathSync(path: string): string {
  statSync(path);
  return path;
}

export function openSync(path: string, flags: string | number = 'r'): number {
  if (flags !== 'r' && flags !== 0)
    throw new Error(`A parser opened ${path} with the flags ${String(flags)}.`);
  const bytes = files.get(path);
  if (bytes === undefined) throw missing(path);
  return opened.push(bytes) - 1;
}

export function readSync(
  descriptor: number,
  target: Uint8Array,
  start: number,
  length: number,
  position: number,
): number {
  const bytes = opened[descriptor];
  if (bytes === undefined || bytes === null) throw new Error('A parser reads what is closed.');
  if (!(start >= 0 && length >= 0 && start + length <= target.length && position >= 0)) {
    throw new RangeError(`read(${String(start)}, ${String(length)}, ${String(position)}) is out of range`);
  }
  const part = bytes.subarray(position, position + length);
  target.set(part, start);
  return part.length;
}

export function closeSync(descriptor: number): void {
  if (opened[descriptor] === undefined) throw new Error('A parser closes what is not open.');
  opened[descriptor] = null;
}

export function fstatSync(descriptor: number): Stats {
  return new Stats(opened[descriptor]?.length ?? 0, false);
}

export function readFileSync(path: string, encoding?: BufferEncoding): string | Buffer {
  const bytes = files.get(path);
  if (bytes === undefined) throw missing(path);
  return encoding === undefined ? Buffer.from(bytes) : Buffer.from(bytes).toString(encoding);
}

export function readdirSync(path: string): string[] {
  if (path !== FOLDER) throw missing(path);
  return [...files.keys()].map((name) => name.slice(FOLDER.length + 1));
}

export const existsSync = (path: string) => path === FOLDER || files.has(path);

/** The same functions as promises. */
function later<A extends unknown[], T>(now: (...values: A) => T): (...values: A) => Promise<T> {
  return (...values) => {
    try {
      return Promise.resolve(now(...values));
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error('no reason'));
    }
  };
}

export const stat = later(statSync);
export const lstat = stat;
export const realpath = later(realpathSync);
export const access = later((path: string) => void statSync(path));
export const readFile = later((path: string, options?: BufferEncoding | { encoding?: BufferEncoding }) =>
  readFileSync(path, typeof options === 'string' ? options : options?.encoding),
);
export const readdir = later((path: string, options?: { withFileTypes?: boolean }) => {
  const names = readdirSync(path);
  const entry = (name: string) => ({
    name,
    isDirectory: () => false,
    isFile: () => true,
    isSymbolicLink: () => false,
  });
  return options?.withFileTypes === true ? names.map(entry) : names;
});
export const open = later((path: string, flags?: string) => {
  const descriptor = openSync(path, flags);
  return {
    fd: descriptor,
    stat: () => Promise.resolve(fstatSync(descriptor)),
    read: later((target: Uint8Array, start: number, length: number, position: number) => ({
      bytesRead: readSync(descriptor, target, start, length, position),
    })),
    readFile: later(() => Buffer.from(opened[descriptor] ?? [])),
    close: later(() => {
      closeSync(descriptor);
    }),
  };
});

const promises = { stat, lstat, realpath, access, readFile, readdir, open };
export default {
  ...promises,
  statSync,
  realpathSync,
  openSync,
  readSync,
  closeSync,
  fstatSync,
  readFileSync,
  readdirSync,
  existsSync,
  promises,
};
