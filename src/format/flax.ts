import { createHash } from 'node:crypto';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import { bitsOf } from '../tensor/decode';
import type { DtypeName } from '../tensor/dtype';
import type { TensorSpan } from '../tensor/span';
import type { Checkpoint, Format, TensorEntry } from './checkpoint';
import {
  MsgpackBytes,
  MsgpackError,
  MsgpackExtension,
  MsgpackReadError,
  MsgpackWalker,
  type Msgpack,
} from './msgpack';
import { formatFinding, quoted, refuse } from './problems';
import { readStart, withFile, type OpenFile } from './read';
import { spanOver } from './stored-spans';

/** Extension types of flax.serialization: an array, and a scalar of NumPy; both (shape, name of the type, bytes). */
const ARRAY = 1;
const SCALAR = 3;
/** Arrays of more than 2³⁰ bytes are maps of parts. */
const CHUNKED = '__msgpack_chunked_array__';

const DTYPES: ReadonlyMap<string, DtypeName> = new Map(
  Object.entries<DtypeName>({
    float64: 'F64',
    float32: 'F32',
    float16: 'F16',
    bfloat16: 'BF16',
    int64: 'I64',
    int32: 'I32',
    int16: 'I16',
    int8: 'I8',
    uint64: 'U64',
    uint32: 'U32',
    uint16: 'U16',
    uint8: 'U8',
    bool: 'BOOL',
    complex64: 'C64',
    complex128: 'C128',
    float8_e4m3fn: 'F8_E4M3',
    float8_e5m2: 'F8_E5M2',
  }),
);

const LONGEST_VALUE = 200;
/** All bytes of an array but its values: shape and name of the type. */
const LONGEST_HEAD = 4096;

class FlaxWalk {
  readonly tensors: TensorEntry[] = [];
  readonly metadata: Record<string, string> = {};
  readonly findings: Finding[] = [];

  constructor(private readonly file: OpenFile) {}

  async visit(value: Msgpack, path: readonly string[]): Promise<void> {
    if (value instanceof MsgpackExtension) {
      if (value.type !== ARRAY && value.type !== SCALAR) return;
      const span = await this.array(value.data, path);
      if (span !== null) this.tensors.push({ name: path.join('.'), span });
      return;
    }
    if (value instanceof Map) {
      if (value.get(CHUNKED) === true) return this.chunked(value, path);
      for (const [key, part] of value) await this.visit(part, [...path, key.replaceAll('/', '.')]);
      return;
    }
    if (Array.isArray(value)) {
      for (const [at, part] of value.entries()) await this.visit(part, [...path, String(at)]);
    } else if (value !== null && !(value instanceof MsgpackBytes)) {
      this.metadata[path.join('.')] = String(value).slice(0, LONGEST_VALUE);
    }
  }

  /** An array's bytes are msgpack in turn: a list of shape, name and bytes. */
  private async array({ offset, length }: MsgpackBytes, path: readonly string[]): Promise<TensorSpan | null> {
    const end = offset + length;
    const walker = new MsgpackWalker(
      (at, bytes) => this.file.read(at, Math.min(bytes, LONGEST_HEAD)),
      end,
      offset,
    );
    const parts = await walker.value();
    const [shape, type, data] = Array.isArray(parts) ? parts : [];
    const lengths = Array.isArray(shape)
      ? shape.filter((each) => typeof each === 'number' && each >= 0)
      : null;
    if (
      lengths === null ||
      lengths.length !== (shape as Msgpack[]).length ||
      typeof type !== 'string' ||
      !(data instanceof MsgpackBytes)
    )
      throw new MsgpackError('has an array without shape, type or bytes', offset);
    const dtype = DTYPES.get(type);
    if (dtype === undefined) {
      const message = `${this.file.path}: the tensor ${quoted(path.join('.'))} has elements of ${quoted(type)}, which are not read.`;
      this.findings.push(formatFinding('tensor-dtype', this.file.path, message, path.join('.')));
      return null;
    }
    const sizes = lengths as number[];
    const count = sizes.reduce((product, each) => product * each, 1);
    if ((count * bitsOf(dtype)) / 8 !== data.length)
      throw new MsgpackError(
        `has an array of ${String(data.length)} bytes, which its shape [${sizes.join(', ')}] does not have`,
        offset,
      );
    return { path: this.file.path, offset: data.offset, bytes: data.length, dtype, shape: sizes, count };
  }

  /** Parts of a flat array, by number, and its shape, by axis. */
  private async chunked(value: ReadonlyMap<string, Msgpack>, path: readonly string[]): Promise<void> {
    const shape = numbered(value.get('shape') ?? null);
    const chunks = numbered(value.get('chunks') ?? null);
    const tiles: { from: readonly number[]; shape: readonly number[]; span: TensorSpan }[] = [];
    let at = 0;
    for (const chunk of chunks) {
      const span = chunk instanceof MsgpackExtension ? await this.array(chunk.data, path) : null;
      if (span === null) return;
      tiles.push({ from: [at], shape: [span.count], span });
      at += span.count;
    }
    const sizes = shape.filter((each) => typeof each === 'number' && each >= 0) as number[];
    const [first] = tiles;
    const fits = first !== undefined && tiles.every(({ span }) => span.dtype === first.span.dtype);
    if (!fits || sizes.length !== shape.length || sizes.reduce((product, each) => product * each, 1) !== at)
      throw new MsgpackError(
        `has a tensor ${quoted(path.join('.'))} whose parts do not make up its shape`,
        first?.span.offset ?? 0,
      );
    const { dtype, offset } = first.span;
    const bytes = tiles.reduce((sum, { span }) => sum + span.bytes, 0);
    const stored = {
      kind: 'tiled',
      label: dtype,
      offset,
      bytes,
      size: bitsOf(dtype) / 8,
      shape: [at],
      tiles,
    } as const;
    this.tensors.push({ name: path.join('.'), span: spanOver(stored, this.file.path, dtype, sizes) });
  }
}

/** Flax writes tuples as maps with the keys 0, 1, …. */
function numbered(value: Msgpack): readonly Msgpack[] {
  if (Array.isArray(value)) return value;
  return value instanceof Map
    ? Array.from({ length: value.size }, (_, at) => value.get(String(at)) ?? null)
    : [];
}

async function openFlax(file: OpenFile): Promise<Result<Checkpoint>> {
  const { path, bytes, modifiedMs } = file;
  const walk = new FlaxWalk(file);
  try {
    const walker = new MsgpackWalker((at, length) => file.read(at, length), bytes);
    const value = await walker.value();
    if (!(value instanceof Map))
      return refuse('msgpack-malformed', path, `${path} is msgpack without names of tensors.`, 'byte 0');
    await walk.visit(value, []);
  } catch (error) {
    if (error instanceof MsgpackReadError) return { ok: false, problem: error.problem };
    if (!(error instanceof MsgpackError)) throw error;
    const at = `byte ${String(error.at)}`;
    const code = /short/.test(error.message) ? 'file-truncated' : 'msgpack-malformed';
    return refuse(code, path, `${path} ${error.message} (${at}).`, at);
  }
  const { tensors, metadata, findings } = walk;
  if (tensors.length === 0)
    findings.push(formatFinding('no-tensors', path, `${path} holds no tensor that can be read.`));
  const hash = createHash('sha256').update(`${String(bytes)} ${String(modifiedMs)}\n`);
  for (const { name, span } of tensors)
    hash.update(`${name} ${span.dtype} ${span.shape.join()} ${String(span.offset)}\n`);
  return success({
    path,
    container: 'Flax',
    files: [{ path, bytes, modifiedMs }],
    tensors,
    metadata,
    fingerprint: hash.digest('hex').slice(0, 32),
    findings,
  });
}

/** A map whose first key is text: so begins every state of Flax, and little else under this name. */
async function recognises(path: string): Promise<boolean> {
  const start = await readStart(path, 8);
  if (!start.ok) return false;
  const [code = 0, next = 0] = start.value;
  if (code >= 0x81 && code <= 0x8f) return isText(next) && path.toLowerCase().endsWith('.msgpack');
  return (
    (code === 0xde || code === 0xdf) &&
    isText(start.value[code === 0xde ? 3 : 5] ?? 0) &&
    path.toLowerCase().endsWith('.msgpack')
  );
}

function isText(code: number): boolean {
  return (code >= 0xa0 && code < 0xc0) || (code >= 0xd9 && code <= 0xdb);
}

/** Parameters of Flax as `flax.serialization` writes them: `flax_model.msgpack`. */
export const flax: Format = {
  description: {
    id: 'flax',
    title: 'Flax',
    endings: ['.msgpack'],
    supports: ['parameters and states of flax.serialization, arrays in parts too'],
  },
  recognises,
  open: (path) => withFile(path, openFlax),
};
