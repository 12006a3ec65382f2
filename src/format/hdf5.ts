import { createHash } from 'node:crypto';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { TensorSpan } from '../tensor/span';
import type { Checkpoint, Format, TensorEntry } from './checkpoint';
import { readTexts } from './hdf5/attributes';
import { readDataset } from './hdf5/dataset';
import type { PlaceBytes } from './hdf5/filters';
import { Hdf5Error, Hdf5ReadError, type Hdf5File } from './hdf5/file';
import { readLinks } from './hdf5/links';
import { readObjectHeader } from './hdf5/object-header';
import { HDF5_SIGNATURE, readSuperblock } from './hdf5/superblock';
import { formatFinding, quoted, refuse } from './problems';
import { readStart, withFile, type OpenFile, type ReadBytes } from './read';

const MOST_OBJECTS = 500_000;

const DEEPEST = 64;

const LONGEST_VALUE = 200;

/** Attributes of Keras and h5py that say something of the whole model. */
const SHOWN_ATTRIBUTES = ['backend', 'keras_version'];

const MOST_LEFT_OUT = 20;

/** The group of the weights in a whole model. */
const WHOLE_MODEL = 'model_weights';

/** An HDF5 file, or one within another file. */
export interface Source {
  readonly file: OpenFile;
  readonly read: ReadBytes;
  readonly bytes: number;
  readonly place: PlaceBytes;
}

interface Found {
  readonly tensors: TensorEntry[];
  readonly leftOut: string[];
  readonly metadata: Record<string, string>;
}

/** Reads groups and datasets of an HDF5 file. */
class Hdf5Walk {
  private readonly seen = new Set<number>();
  readonly found: Found = { tensors: [], leftOut: [], metadata: {} };

  constructor(
    private readonly file: Hdf5File,
    private readonly place: PlaceBytes,
  ) {}

  async group(address: number, path: readonly string[], isWeight = false): Promise<void> {
    // Groups may hold each other; each object is gone into once.
    if (this.seen.has(address) || path.length > DEEPEST) return;
    this.seen.add(address);
    if (this.seen.size > MOST_OBJECTS) throw new Hdf5Error('has more objects than any checkpoint', address);
    const messages = await readObjectHeader(this.file, address);
    const texts = await readTexts(this.file, messages);
    const brain = texts.get('dtype')?.[0] === 'bfloat16' ? 'all' : isWeight ? 'opaque' : null;
    const dataset = await readDataset(this.file, messages, this.place, brain);
    if (dataset !== null) {
      this.add(path, dataset);
      return;
    }
    if (path.length === 0 || path.join() === WHOLE_MODEL) this.describe(texts);
    const links = new Map((await readLinks(this.file, messages)).map(({ name, address: at }) => [name, at]));
    // As Keras lists them: layers in the order of the model, weights in that of the layer.
    for (const name of texts.get('layer_names') ?? []) {
      const at = links.get(name);
      if (at !== undefined) await this.group(at, [...path, name]);
    }
    for (const name of texts.get('weight_names') ?? []) {
      const at = await this.member(links, name.split('/'));
      if (at !== null) await this.weight(at, name, path);
    }
    for (const [name, at] of links) await this.group(at, [...path, name]);
  }

  /**
   * A weight that its layer lists; its name begins with that of the layer, mostly, or (Keras 3) with those of the model and the
   * layer, of which models that are made one after the other have different ones.
   */
  private async weight(address: number, name: string, path: readonly string[]): Promise<void> {
    const parts = name.split('/');
    const layer = path.at(-1) ?? '';
    // Keras numbers the scope of a layer that is made again (`embedding_3/embeddings:0`), and not the layer.
    const isOwn = (scope: string): boolean =>
      scope === layer || (scope.startsWith(`${layer}_`) && /^\d+$/.test(scope.slice(layer.length + 1)));
    const own = parts.slice(0, 2).findIndex(isOwn);
    await this.group(address, [...path, ...parts.slice(own + 1)], true);
  }

  private async member(
    links: ReadonlyMap<string, number>,
    [first = '', ...rest]: readonly string[],
  ): Promise<number | null> {
    const address = links.get(first);
    if (address === undefined) return null;
    if (rest.length === 0) return address;
    if (rest.length > DEEPEST) return null;
    const within = await readLinks(this.file, await readObjectHeader(this.file, address));
    return this.member(new Map(within.map(({ name, address: at }) => [name, at])), rest);
  }

  private add(path: readonly string[], dataset: TensorSpan | string): void {
    const name = nameOf(path);
    if (typeof dataset === 'string') this.found.leftOut.push(`${quoted(name)} ${dataset}`);
    else this.found.tensors.push({ name, span: dataset });
  }

  private describe(texts: ReadonlyMap<string, readonly string[]>): void {
    for (const name of SHOWN_ATTRIBUTES) {
      const [value] = texts.get(name) ?? [];
      if (value !== undefined) this.found.metadata[name] = value.slice(0, LONGEST_VALUE);
    }
    const [config] = texts.get('model_config') ?? [];
    const kind = config === undefined ? null : /"class_name":\s*"([^"]{1,200})"/.exec(config);
    if (kind?.[1] !== undefined) this.found.metadata['model'] = kind[1];
  }
}

/** `rnn_1/kernel:0` within the layer `rnn_1` → `rnn_1.kernel`. The group of a whole model's weights is no part of names. */
function nameOf(path: readonly string[]): string {
  const parts = path[0] === WHOLE_MODEL ? path.slice(1) : path;
  // Layers in a group of their own name are called once (`rnn_1/rnn_1/kernel:0`).
  const once = parts.filter((part, at) => part !== parts[at + 1]);
  return once.join('.').replaceAll('/', '.').replace(/:0$/, '');
}

async function readHdf5({ file, read, bytes, place }: Source): Promise<Result<Found>> {
  const { path } = file;
  try {
    const { file: hdf5, root, claimedBytes } = await readSuperblock(read, bytes);
    if (claimedBytes > bytes && Number.isFinite(claimedBytes)) {
      const message = `${path} is ${String(claimedBytes - bytes)} bytes short: its first bytes say ${String(claimedBytes)} bytes, there are ${String(bytes)}.`;
      return refuse('file-truncated', path, message, `byte ${String(bytes)}`);
    }
    const walk = new Hdf5Walk(hdf5, place);
    await walk.group(root, []);
    return success(walk.found);
  } catch (error) {
    if (error instanceof Hdf5ReadError) return { ok: false, problem: error.problem };
    if (!(error instanceof Hdf5Error)) throw error;
    const at = `byte ${String(error.at)}`;
    return refuse('hdf5-malformed', path, `${path} ${error.message} (${at}).`, at);
  }
}

/** What an HDF5 file holds, as a checkpoint. Fails with `file-truncated`, `hdf5-malformed`, or as reading does. */
export async function checkpointOf(
  source: Source,
  container: string,
  more: Readonly<Record<string, string>>,
): Promise<Result<Checkpoint>> {
  const { file } = source;
  const { path, bytes, modifiedMs } = file;
  const read = await readHdf5(source);
  if (!read.ok) return read;
  const { tensors, leftOut, metadata } = read.value;
  const findings: Finding[] = leftOut
    .slice(0, MOST_LEFT_OUT)
    .map((what) => formatFinding('hdf5-left-out', path, `${path}: the dataset ${what}, and is left out.`));
  if (leftOut.length > MOST_LEFT_OUT) {
    const message = `${path}: ${String(leftOut.length - MOST_LEFT_OUT)} more datasets are left out.`;
    findings.push(formatFinding('hdf5-left-out', path, message));
  }
  if (tensors.length === 0)
    findings.push(formatFinding('no-tensors', path, `${path} holds no tensor that can be read.`));
  const hash = createHash('sha256').update(`${String(bytes)} ${String(modifiedMs)}\n`);
  for (const { name, span } of tensors)
    hash.update(`${name} ${span.dtype} ${span.shape.join()} ${String(span.offset)}\n`);
  return success({
    path,
    container,
    files: [{ path, bytes, modifiedMs }],
    tensors,
    metadata: { ...more, ...metadata },
    fingerprint: hash.digest('hex').slice(0, 32),
    findings,
  });
}

/** Bytes that lie in the file from `start` on. */
export function placeFrom(path: string, start: number): PlaceBytes {
  return (address, bytes) => ({
    path,
    offset: start + address,
    bytes,
    dtype: 'U8',
    shape: [bytes],
    count: bytes,
  });
}

/** Whether a file begins so. */
export async function startsAs(path: string, signature: Buffer): Promise<boolean> {
  const start = await readStart(path, signature.length);
  return start.ok && signature.equals(start.value);
}

/** A file of HDF5: weights or a whole model of Keras, or any other datasets. */
export const hdf5: Format = {
  description: {
    id: 'hdf5',
    title: 'HDF5 (Keras)',
    endings: ['.h5', '.hdf5'],
    supports: [
      'weights and whole models of Keras, datasets of others',
      'contiguous and chunked datasets; deflate and shuffle; both byte orders',
    ],
  },
  recognises: (path) => startsAs(path, HDF5_SIGNATURE),
  open: (path) =>
    withFile(path, (file) =>
      checkpointOf(
        { file, read: (at, length) => file.read(at, length), bytes: file.bytes, place: placeFrom(path, 0) },
        'HDF5',
        {},
      ),
    ),
};
