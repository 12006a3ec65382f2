import { Buffer } from 'node:buffer';
import type { Problem } from '../protocol/result';
import { PickledSparse, readPickleContent, type PickledTensor, type PickleContent } from './pickle';
import { countOf, formatProblem, quoted } from './problems';
import type { OpenFile } from './read';
import { stateDictOf } from './state-dict';
import { elementBytes } from './torch-storage';

const LOCAL = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const LOCAL_BYTES = 30;
const MOST_ENTRIES = 100_000;
const LARGEST_PICKLE = 2 ** 28;
/** Files whose size is not said before them are short: version, byte order, identifiers. */
const LONGEST_NOTE = 4096;
const MOST_NAMED = 8;

interface LocalEntry {
  readonly name: string;
  readonly start: number;
  /** `null` where it stands behind the bytes only. */
  readonly bytes: number | null;
}

/**
 * What a zip archive of torch without its directory still says, walked through from its front: how many bytes are missing at
 * least, and which tensors are whole. torch writes the pickle first, and the pickle says how long every storage is. `null`
 * where the front is no such archive.
 */
export async function tornTorchZip(file: OpenFile): Promise<Problem | null> {
  let pickle: PickleContent | null = null;
  const whole = new Set<string>();
  let cut: string | null = null;
  /** Bytes that are there of the storage that breaks off. */
  let held = 0;
  let at = 0;
  for (let i = 0; i < MOST_ENTRIES && cut === null; i++) {
    const entry = await localEntry(file, at);
    if (entry === null) break;
    const isPickle = /(?:^|\/)data\.pkl$/.test(entry.name);
    if (isPickle) pickle = await pickleAt(file, entry);
    if (isPickle && pickle === null) return null;
    const key = /(?:^|\/)data\/([^/]+)$/.exec(entry.name)?.[1] ?? null;
    const bytes = isPickle
      ? (pickle?.end ?? 0)
      : (entry.bytes ?? storageBytes(pickle, key) ?? (await noteBytes(file, entry)));
    if (bytes === null || entry.start + bytes > file.bytes) {
      cut = entry.name;
      held = Math.max(0, file.bytes - entry.start);
      if (key === null) held = 0;
      break;
    }
    if (key !== null) whole.add(key);
    at = await behind(file, entry.start + bytes);
  }
  return pickle === null ? null : describe(file, pickle, whole, cut, held);
}

async function localEntry(file: OpenFile, at: number): Promise<LocalEntry | null> {
  if (at + LOCAL_BYTES > file.bytes) return null;
  const head = await file.read(at, LOCAL_BYTES);
  if (!head.ok) return null;
  const bytes = Buffer.from(head.value);
  if (bytes.readUInt32LE(0) !== LOCAL || bytes.readUInt16LE(8) !== 0) return null;
  const [nameBytes, extraBytes] = [bytes.readUInt16LE(26), bytes.readUInt16LE(28)];
  const start = at + LOCAL_BYTES + nameBytes + extraBytes;
  if (start > file.bytes) return null;
  const name = await file.read(at + LOCAL_BYTES, nameBytes);
  if (!name.ok) return null;
  const size = bytes.readUInt32LE(22);
  // Bit 3: sizes stand behind the bytes. All ones: in a field of 64 bits, which only files beyond 4 GiB have.
  const isKnown = (bytes.readUInt16LE(6) & 8) === 0 && size !== 0xffffffff;
  return { name: Buffer.from(name.value).toString('utf8'), start, bytes: isKnown ? size : null };
}

async function pickleAt(file: OpenFile, { start, bytes }: LocalEntry): Promise<PickleContent | null> {
  const read = await file.read(start, Math.min(bytes ?? LARGEST_PICKLE, LARGEST_PICKLE, file.bytes - start));
  if (!read.ok) return null;
  const content = readPickleContent(read.value, file.path);
  return content.ok ? content.value : null;
}

function storageBytes(pickle: PickleContent | null, key: string | null): number | null {
  if (pickle === null || key === null) return null;
  const size = elementBytes(pickle.storages.get(key) ?? '');
  const elements = pickle.storageElements.get(key);
  return size === null || elements === undefined || !(elements >= 0) ? null : elements * size;
}

/** Bytes up to the descriptor behind them. */
async function noteBytes(file: OpenFile, { start }: LocalEntry): Promise<number | null> {
  const near = await file.read(start, Math.min(LONGEST_NOTE, file.bytes - start));
  if (!near.ok) return null;
  const mark = Buffer.alloc(4);
  mark.writeUInt32LE(DESCRIPTOR);
  const found = Buffer.from(near.value).indexOf(mark);
  return found < 0 ? null : found;
}

/** Where the next local header begins: behind a descriptor of 16 bytes, or of 24 in large archives. */
async function behind(file: OpenFile, end: number): Promise<number> {
  const next = await file.read(end, Math.min(28, file.bytes - end));
  if (!next.ok || next.value.length < 20) return end;
  const bytes = Buffer.from(next.value);
  if (bytes.readUInt32LE(0) !== DESCRIPTOR) return end;
  return end + (bytes.length >= 28 && bytes.readUInt32LE(24) === LOCAL ? 24 : 16);
}

function describe(
  file: OpenFile,
  pickle: PickleContent,
  whole: ReadonlySet<string>,
  cut: string | null,
  held: number,
): Problem | null {
  const { path } = file;
  let missing = 0;
  for (const key of pickle.storages.keys()) if (!whole.has(key)) missing += storageBytes(pickle, key) ?? 0;
  const dict = stateDictOf(pickle.value, path);
  if (!dict.ok) return null;
  const isWhole = ({ tensor }: { tensor: PickledTensor | PickledSparse }): boolean =>
    (tensor instanceof PickledSparse ? tensor.parts : [tensor]).every(({ storage }) => whole.has(storage));
  const { tensors } = dict.value;
  const torn = tensors.filter((each) => !isWhole(each));
  const names = torn.slice(0, MOST_NAMED).map(({ name }) => quoted(name));
  const rest = torn.length > MOST_NAMED ? ` and ${String(torn.length - MOST_NAMED)} more` : '';
  const place = cut === null ? 'before its directory' : `within ${quoted(cut)}`;
  const least = Math.max(1, missing - held);
  const state =
    torn.length === 0
      ? `All ${countOf(tensors.length, 'tensor')} are whole, only the directory at its end is missing.`
      : `${String(tensors.length - torn.length)} of ${countOf(tensors.length, 'tensor')} are whole; not whole: ${names.join(', ')}${rest}.`;
  const message = `${path} is at least ${countOf(least, 'byte')} short: it ends ${place}, at byte ${String(file.bytes)}. ${state}`;
  return formatProblem('file-truncated', path, message, `byte ${String(file.bytes)}`);
}
