import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { Checkpoint, Format } from './checkpoint';
import { scanPickles } from './pickle';
import { globalFindings } from './pickle-globals';
import { formatProblem, quoted, refuse } from './problems';
import { readStart, withFile, type OpenFile } from './read';
import { readWholeZip } from './whole-zip';
import { readZipDirectory, type ZipEntry } from './zip-directory';
import { readEntryStart } from './zip-entry';

/** Of all entries together, unpacked. */
const MOST_SCANNED = 2 ** 26;
/** Archives in archives. */
const DEEPEST = 3;
/** PROTO of pickles since protocol 2. */
const PROTOCOL = 0x80;

/** What loading an entry of an archive would call, and which entry it is. */
interface Found {
  readonly entry: string;
  readonly finding: Finding;
}

/**
 * An archive of others. It has no tensors that could be shown; what matters is whether a pickle in it runs code when something
 * loads it, whatever the entry is called and whatever its flags claim. Always fails: with `pickle-runs-code`, naming entry and
 * function, or with `format-unsupported`.
 */
function open(path: string): Promise<Result<Checkpoint>> {
  return withFile(path, async (file) => {
    const found = await firstOf(file, { left: MOST_SCANNED }, 0);
    if (!found.ok) return found;
    if (found.value === null) {
      const message = `${path} is a ZIP archive of neither torch nor NumPy, which cannot be opened.`;
      return refuse('format-unsupported', path, message, 'byte 0');
    }
    const { entry, finding } = found.value;
    const names = /"[^"]*"/.exec(finding.message)?.[0] ?? '';
    const message = `${path} is a ZIP archive; loading ${quoted(entry)} of it in Python would run ${names}.`;
    return { ok: false, problem: formatProblem('pickle-runs-code', path, message, entry) };
  });
}

async function firstOf(
  file: OpenFile,
  budget: { left: number },
  depth: number,
): Promise<Result<Found | null>> {
  const listed =
    depth === 0
      ? await readWholeZip(file)
      : await readZipDirectory(file, (at, length) => file.read(at, length));
  if (!listed.ok) return depth === 0 ? listed : success(null);
  for (const entry of listed.value) {
    if (entry.bytes === 0 || entry.bytes > budget.left) continue;
    budget.left -= entry.bytes;
    const found = await foundIn(file, entry, budget, depth);
    if (!found.ok || found.value !== null) return found;
  }
  return success(null);
}

async function foundIn(
  file: OpenFile,
  entry: ZipEntry,
  budget: { left: number },
  depth: number,
): Promise<Result<Found | null>> {
  // Python's own reader is strict about the flags of an entry, some loaders are not.
  const content = await readEntryStart(file, entry, entry.bytes);
  if (!content.ok) return content;
  const bytes = content.value;
  if (bytes === null) return success(null);
  if (isZip(bytes) && depth < DEEPEST) {
    const inner = await firstOf(inMemory(file, bytes), budget, depth + 1);
    if (!inner.ok || inner.value === null) return inner;
    return success({ ...inner.value, entry: `${entry.name}/${inner.value.entry}` });
  }
  const findings = globalFindings(file.path, scanPickles(bytes).globals, 0);
  // Any text may read as a pickle of protocol 0 that names something; what runs programs is named by none.
  const finding = findings.find(({ code }) => code === 'pickle-runs-code' || bytes[0] === PROTOCOL);
  return success(finding === undefined ? null : { entry: entry.name, finding });
}

function inMemory({ path, modifiedMs }: OpenFile, bytes: Uint8Array): OpenFile {
  return {
    path,
    modifiedMs,
    bytes: bytes.length,
    read: (offset, length) => Promise.resolve(success(bytes.subarray(offset, offset + length))),
  };
}

function isZip(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 4)).toString('latin1') === 'PK\x03\x04';
}

async function recognises(path: string): Promise<boolean> {
  const start = await readStart(path, 4);
  return start.ok && isZip(start.value);
}

/** A zip archive of others: recognised in order to say what a pickle in it would run. */
export const zipOfPickles: Format = {
  description: {
    id: 'zip',
    title: 'ZIP archive',
    endings: [],
    supports: ['says which pickles in it would run code, those of archives in it, too; shows no tensors'],
  },
  recognises,
  open,
};
