import { createHash } from 'node:crypto';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { Checkpoint, Format, TensorEntry } from './checkpoint';
import { formatFinding, quoted, refuse } from './problems';
import { readStart, withFile, type OpenFile } from './read';
import { torchCheckpoint } from './torch-checkpoint';
import { isTorchLegacy, readTorchLegacyIn } from './torch-legacy';
import { openTorchZip, readTorchZipIn } from './torch-zip';
import { readWholeZip } from './whole-zip';
import type { ZipEntry } from './zip-directory';
import { readZipEntry } from './zip-entry';

/** The weights of the policy; the optimizers beside it are left out. */
const POLICY = 'policy.pth';
/** Parameters outside of the policy (an entropy coefficient, for example), and how the first versions called them. */
const VARIABLES: readonly string[] = ['pytorch_variables.pth', 'tensors.pth'];
const VERSION = '_stable_baselines3_version';
const SETTINGS = 'data';
const LARGEST_SETTINGS = 2 ** 26;
const LONGEST_VALUE = 200;

async function open(file: OpenFile): Promise<Result<Checkpoint>> {
  const { path, bytes, modifiedMs } = file;
  const entries = await readWholeZip(file);
  if (!entries.ok) return entries;
  const tensors: TensorEntry[] = [];
  const findings: Finding[] = [];
  const hash = createHash('sha256').update(`${String(bytes)} ${String(modifiedMs)}`);
  for (const name of [POLICY, ...VARIABLES]) {
    const entry = entries.value.find((each) => each.name === name);
    if (entry === undefined) continue;
    const prefix = name === POLICY ? '' : 'variables.';
    const opened = await openInside(file, entry);
    if (!opened.ok) return opened;
    hash.update(opened.value.fingerprint);
    tensors.push(...opened.value.tensors.map((tensor) => ({ ...tensor, name: prefix + tensor.name })));
    findings.push(...opened.value.findings.filter(({ code }) => name === POLICY || code !== 'no-tensors'));
  }
  const others = entries.value.filter(
    ({ name }) => name.endsWith('.pth') && name !== POLICY && !VARIABLES.includes(name),
  );
  if (others.length > 0) {
    const names = others.map(({ name }) => quoted(name)).join(', ');
    findings.push(
      formatFinding('tensors-left-out', path, `${path}: ${names} beside the policy are not listed.`),
    );
  }
  return success({
    path,
    container: 'Stable-Baselines3',
    files: [{ path, bytes, modifiedMs }],
    tensors,
    metadata: await metadataOf(file, entries.value),
    fingerprint: hash.digest('hex').slice(0, 32),
    findings,
  });
}

/** A file of torch within the archive: only as it is, not packed once more. */
async function openInside(file: OpenFile, entry: ZipEntry): Promise<Result<Checkpoint>> {
  if (entry.method !== 0 || entry.encrypted) {
    const message = `${file.path}: ${quoted(entry.name)} is packed or encrypted.`;
    return refuse('zip-packed', file.path, message, entry.name);
  }
  const part = { offset: entry.start, bytes: entry.bytes };
  const isLegacy = await isTorchLegacy(file, part);
  const torch = await (isLegacy ? readTorchLegacyIn : readTorchZipIn)(file, part);
  return torch.ok ? torchCheckpoint(torch.value, openTorchZip) : torch;
}

/** The version of the library, and plain settings of the training. */
async function metadataOf(file: OpenFile, entries: readonly ZipEntry[]): Promise<Record<string, string>> {
  const textOf = async (name: string): Promise<string | null> => {
    const entry = entries.find((each) => each.name === name);
    if (entry === undefined || entry.bytes > LARGEST_SETTINGS) return null;
    const read = await readZipEntry(entry, file);
    return read.ok ? Buffer.from(read.value).toString('utf8') : null;
  };
  const version = await textOf(VERSION);
  const metadata: Record<string, string> =
    version === null ? {} : { stable_baselines3: version.trim().slice(0, LONGEST_VALUE) };
  try {
    const settings: unknown = JSON.parse((await textOf(SETTINGS)) ?? '{}');
    for (const [key, value] of Object.entries(
      typeof settings === 'object' && settings !== null ? settings : {},
    )) {
      if (typeof value === 'number' || typeof value === 'boolean') metadata[key] = String(value);
      else if (typeof value === 'string') metadata[key] = value.slice(0, LONGEST_VALUE);
    }
  } catch {
    return metadata; // Only a description: the weights are what matters.
  }
  return metadata;
}

async function recognises(path: string): Promise<boolean> {
  const start = await readStart(path, 4);
  if (!start.ok || Buffer.from(start.value).toString('latin1') !== 'PK\x03\x04') return false;
  const listed = await withFile(path, readWholeZip);
  return listed.ok && listed.value.some(({ name }) => name === POLICY);
}

/** An agent of Stable-Baselines3: a zip archive with the policy as a file of torch. */
export const stableBaselines: Format = {
  description: {
    id: 'stable-baselines',
    title: 'Stable-Baselines3',
    endings: [],
    supports: ['the policy in the archive, read in place; settings of the training'],
  },
  recognises,
  open: (path) => withFile(path, open),
};
