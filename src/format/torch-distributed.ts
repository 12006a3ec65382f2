import { tensorsOf, type Chunk, type Distributed } from './torch-distributed-metadata';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import type { Finding } from '../protocol/finding';
import { problemFromError, success, type Result } from '../protocol/result';
import { bitsOf } from '../tensor/decode';
import { placeInFile, type TensorSpan } from '../tensor/span';
import type { Checkpoint, Format, TensorEntry } from './checkpoint';
import { globalFindings } from './pickle-globals';
import { PickledTensor, readPickleContent } from './pickle';
import { countOf, formatFinding, quoted, refuse } from './problems';
import { withFile, type FileState, type OpenFile } from './read';
import { locateShard } from './safetensors-sharded';
import { spanOver } from './stored-spans';
import { TensorPlacer } from './torch-storage';
import { readTorchZipIn } from './torch-zip';

/** The pickle that says where everything lies. */
export const DISTRIBUTED_METADATA = '.metadata';
const LARGEST = 2 ** 28;
const MOST_CHUNKS = 200_000;
/** Parts of so many files are read at once. */
const CONCURRENCY = 8;

/** Where the values of chunks lie, by file and offset. */
type Regions = ReadonlyMap<string, TensorSpan>;

function regionKey({ file, offset }: Chunk): string {
  return `${String(offset)} ${file}`;
}

/** Reads the heads of all chunks in a file: each is what `torch.save` writes of one tensor. */
async function readRegions(
  file: OpenFile,
  chunks: readonly Chunk[],
  regions: Map<string, TensorSpan>,
): Promise<Result<null>> {
  const { path } = file;
  for (const chunk of chunks) {
    const { offset, bytes } = chunk;
    if (!(offset >= 0 && bytes >= 0 && offset + bytes <= file.bytes)) {
      const message = `${path} is at least ${String(offset + bytes - file.bytes)} bytes short: a tensor should end at byte ${String(offset + bytes)}, the file has ${String(file.bytes)}.`;
      return refuse('file-truncated', path, message, `byte ${String(file.bytes)}`);
    }
    const torch = await readTorchZipIn(file, { offset, bytes });
    if (!torch.ok) return torch;
    const { pickle, storages, bigEndian } = torch.value;
    if (!(pickle.value instanceof PickledTensor)) continue;
    const placed = new TensorPlacer(path, storages, bigEndian).place(`byte ${String(offset)}`, pickle.value);
    if (!placed.ok) return placed;
    if (placed.value !== null) regions.set(regionKey(chunk), placed.value.span);
  }
  return success(null);
}

/** One chunk that is the whole tensor lies as it is; several are tiles. `null` where a chunk is missing or does not fit. */
function assemble(folder: string, { shape, chunks }: Distributed, regions: Regions): TensorSpan | null {
  const tiles = chunks.flatMap((chunk) => {
    const span = regions.get(regionKey(chunk));
    return span === undefined || span.shape.join() !== chunk.shape.join()
      ? []
      : [{ from: chunk.from, shape: chunk.shape, span }];
  });
  const [first] = tiles;
  if (first === undefined || tiles.length !== chunks.length) return null;
  const { dtype } = first.span;
  const inside = tiles.every(
    ({ from, span, shape: size }) =>
      span.dtype === dtype && from.every((at, axis) => at + (size[axis] ?? 0) <= (shape[axis] ?? 0)),
  );
  const held = tiles.reduce((sum, { span }) => sum + span.count, 0);
  if (!inside || held !== shape.reduce((product, length) => product * length, 1)) return null;
  if (tiles.length === 1) return first.span;
  const { offset } = placeInFile(first.span);
  const bytes = tiles.reduce((sum, { span }) => sum + placeInFile(span).bytes, 0);
  const size = bitsOf(dtype) / 8;
  return spanOver({ kind: 'tiled', label: dtype, offset, bytes, size, shape, tiles }, folder, dtype, shape);
}

async function openDistributed(folder: string): Promise<Result<Checkpoint>> {
  const path = paths.join(folder, DISTRIBUTED_METADATA);
  const read = await withFile(path, async (file) => {
    if (file.bytes > LARGEST)
      return refuse(
        'index-too-large',
        path,
        `${path} has ${countOf(file.bytes, 'byte')}; ${String(LARGEST)} are allowed.`,
      );
    const bytes = await file.read(0, file.bytes);
    return bytes.ok
      ? success({ bytes: bytes.value, state: { path, bytes: file.bytes, modifiedMs: file.modifiedMs } })
      : bytes;
  });
  if (!read.ok) return read;
  const content = readPickleContent(read.value.bytes, path);
  if (!content.ok) return content;
  const listed = tensorsOf(content.value.value);
  if (listed === null) return refuse('pickle-malformed', path, `${path} does not say where tensors lie.`);
  if (listed.packings.size > 0) {
    const names = [...listed.packings].slice(0, 4).map(quoted).join(', ');
    return refuse('distributed-packed', path, `${path}: the parts of tensors are packed by ${names}.`);
  }
  const chunks = listed.tensors.flatMap((tensor) => tensor.chunks);
  if (chunks.length > MOST_CHUNKS)
    return refuse(
      'index-too-many-shards',
      path,
      `${path} lists ${String(chunks.length)} parts of tensors; ${String(MOST_CHUNKS)} are allowed.`,
    );
  const found = await readAllRegions(path, chunks);
  if (!found.ok) return found;
  const { regions, files } = found.value;
  const tensors: TensorEntry[] = [];
  const findings: Finding[] = globalFindings(path, content.value.globals, 0).filter(
    ({ message }) => !/"(?:torch\.distributed\.(?:checkpoint|_shard)|pathlib)\./.test(message),
  );
  for (const tensor of listed.tensors) {
    const span = assemble(folder, tensor, regions);
    if (span !== null) tensors.push({ name: tensor.name, span });
    else {
      const message = `${path}: the parts of the tensor ${quoted(tensor.name)} do not make up its shape [${tensor.shape.join(', ')}], and it is left out.`;
      findings.push(formatFinding('tensor-parts', path, message, tensor.name));
    }
  }
  if (listed.others > 0) {
    const message = `${path}: ${countOf(listed.others, 'value')} beside the tensors (the trainer's, for example) are not listed.`;
    findings.push(formatFinding('tensors-left-out', path, message));
  }
  const all = [read.value.state, ...files];
  const hash = createHash('sha256').update(read.value.bytes);
  for (const { path: name, bytes, modifiedMs } of all)
    hash.update(`${name} ${String(bytes)} ${String(modifiedMs)}\n`);
  return success({
    path: folder,
    container: 'PyTorch (distributed)',
    files: all,
    tensors,
    metadata: {},
    fingerprint: hash.digest('hex').slice(0, 32),
    findings,
  });
}

async function readAllRegions(
  index: string,
  chunks: readonly Chunk[],
): Promise<Result<{ readonly regions: Regions; readonly files: readonly FileState[] }>> {
  const byFile = new Map<string, Chunk[]>();
  for (const chunk of chunks) {
    const list = byFile.get(chunk.file);
    if (list) list.push(chunk);
    else byFile.set(chunk.file, [chunk]);
  }
  const regions = new Map<string, TensorSpan>();
  const files: FileState[] = [];
  const waiting = [...byFile].values();
  let problem: Result<never> | null = null;
  const readOn = async () => {
    for (const [name, own] of waiting) {
      if (problem !== null) return;
      const located = await locateShard(index, name);
      if (located.state !== 'found') {
        problem = missing(index, name, located);
        return;
      }
      const done = await withFile(located.path, async (file) => {
        files.push({ path: file.path, bytes: file.bytes, modifiedMs: file.modifiedMs });
        return readRegions(file, own, regions);
      });
      if (!done.ok) problem = done;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, readOn));
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return problem ?? success({ regions, files });
}

function missing(
  index: string,
  name: string,
  located: Awaited<ReturnType<typeof locateShard>>,
): Result<never> {
  if (located.state === 'unreadable') return { ok: false, problem: located.problem };
  if (located.state === 'outside')
    return refuse(
      'shard-outside-folder',
      index,
      `${index}: the file ${quoted(name)} ${located.reason}.`,
      name,
    );
  return refuse('shard-missing', index, `${index}: the file ${quoted(name)} is not there.`, name);
}

/** Whether names in a folder are those of a distributed checkpoint. */
export function isDistributed(names: readonly string[]): boolean {
  return names.includes(DISTRIBUTED_METADATA) && names.some((name) => name.endsWith('.distcp'));
}

async function folderOf(path: string): Promise<string | null> {
  const isFile = paths.basename(path) === DISTRIBUTED_METADATA || path.endsWith('.distcp');
  const folder = isFile ? paths.dirname(path) : path;
  const names = await fs.readdir(folder).catch(() => []);
  return isDistributed(names) ? folder : null;
}

/** A folder of `torch.distributed.checkpoint`: `.metadata` beside `__0_0.distcp` and others, opened by any of them. */
export const torchDistributed: Format = {
  description: {
    id: 'pytorch-distributed',
    title: 'PyTorch (distributed)',
    endings: ['.distcp'],
    supports: ['folders of torch.distributed.checkpoint: every tensor put together from its parts'],
  },
  recognises: async (path) => (await folderOf(path)) !== null,
  open: async (path) => {
    try {
      return await openDistributed((await folderOf(path)) ?? path);
    } catch (error) {
      return { ok: false, problem: problemFromError(error, path) };
    }
  },
};
