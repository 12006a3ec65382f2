import { bitsOf } from '../tensor/decode';
import type { DtypeName } from '../tensor/dtype';
import type { TensorSpan } from '../tensor/span';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { TensorEntry } from './checkpoint';
import type { PickledTensor } from './pickled';
import { formatFinding, quoted, refuse } from './problems';
import { withFile } from './read';

/** Where the bytes of one storage lie in the file. */
export interface StorageSpan {
  readonly offset: number;
  readonly bytes: number;
}

/** Element types by class of storage, and by torch's own names. */
const TYPES: ReadonlyMap<string, DtypeName> = new Map(
  Object.entries<DtypeName>({
    DoubleStorage: 'F64',
    FloatStorage: 'F32',
    HalfStorage: 'F16',
    BFloat16Storage: 'BF16',
    LongStorage: 'I64',
    IntStorage: 'I32',
    ShortStorage: 'I16',
    CharStorage: 'I8',
    ByteStorage: 'U8',
    BoolStorage: 'BOOL',
    ComplexFloatStorage: 'C64',
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
    float8_e4m3fn: 'F8_E4M3',
    float8_e5m2: 'F8_E5M2',
    float8_e4m3fnuz: 'F8_E4M3FNUZ',
    float8_e5m2fnuz: 'F8_E5M2FNUZ',
    float8_e8m0fnu: 'F8_E8M0',
  }),
);

/** Bytes that one element of a storage has; `null` for an element type that is not read. */
export function elementBytes(type: string): number | null {
  const dtype = TYPES.get(type);
  return dtype === undefined ? null : bitsOf(dtype) / 8;
}

/** Views with gaps (transposed, cut out) are gathered into memory when the file is opened, up to so many bytes together. */
const MOST_GATHERED = 256 * 1024 * 1024;
/** Bytes that are read for that, gaps included: views of two elements may each span a whole storage. */
const MOST_PASSED = 8 * MOST_GATHERED;

/** Places tensors in their storages. */
export class TensorPlacer {
  readonly findings: Finding[] = [];
  private gathered = 0;
  private passed = 0;

  constructor(
    private readonly path: string,
    private readonly storages: ReadonlyMap<string, StorageSpan>,
  ) {}

  /**
   * Where the values of the tensor lie, in C order: in the file, or in memory for a view with gaps. `null` (with a finding)
   * where it has no plain values. Fails with `tensor-storage` where it reaches beyond its storage, and as reading does.
   */
  async place(name: string, tensor: PickledTensor): Promise<Result<TensorEntry | null>> {
    const { path } = this;
    const dtype = TYPES.get(tensor.type);
    const size = elementBytes(tensor.type);
    if (dtype === undefined || size === null) {
      const message = `${path}: the tensor ${quoted(name)} has elements of ${quoted(tensor.type)}, which are not read.`;
      this.findings.push(formatFinding('tensor-dtype', path, message, name));
      return success(null);
    }
    const { shape, stride } = tensor;
    const count = shape.reduce((product, length) => product * length, 1);
    const storage = this.storages.get(tensor.storage);
    const reach = shape.reduce(
      (sum, length, axis) => sum + (length - 1) * (stride[axis] ?? 0),
      tensor.offset,
    );
    const beyond = count > 0 && (storage === undefined || !((reach + 1) * size <= storage.bytes));
    if (beyond || !Number.isSafeInteger(count * size)) {
      const has = storage === undefined ? 'is not in the file' : `has ${String(storage.bytes)} bytes`;
      const message = `${path}: the tensor ${quoted(name)} of shape [${shape.join(', ')}] reaches beyond its storage, which ${has}.`;
      return refuse('tensor-storage', path, message, name);
    }
    const offset = (storage?.offset ?? 0) + tensor.offset * size;
    const span: TensorSpan = { path, offset, bytes: count * size, dtype, shape, count };
    if (count === 0 || isContiguous(shape, stride)) return success({ name, span });
    return this.gather(name, span, stride, (reach + 1 - tensor.offset) * size, size);
  }

  private async gather(
    name: string,
    span: TensorSpan,
    stride: readonly number[],
    reach: number,
    size: number,
  ): Promise<Result<TensorEntry | null>> {
    const { path } = this;
    const room = MOST_GATHERED - this.gathered;
    if (Math.max(span.bytes, reach) > room || this.passed + reach > MOST_PASSED) {
      const message = `${path}: the tensor ${quoted(name)} is a view with gaps of ${String(span.bytes)} bytes, and is left out.`;
      this.findings.push(formatFinding('tensor-strided', path, message, name));
      return success(null);
    }
    this.gathered += span.bytes;
    this.passed += reach;
    const read = await withFile(path, (file) => file.read(span.offset, reach));
    if (!read.ok) return read;
    const memory = new SharedArrayBuffer(span.bytes);
    copyStrided(read.value, new Uint8Array(memory), span.shape, stride, size);
    return success({ name, span: { ...span, offset: 0, memory } });
  }
}

/** Copies a view with strides (in elements of `size` bytes) into C order. */
function copyStrided(
  from: Uint8Array,
  to: Uint8Array,
  shape: readonly number[],
  stride: readonly number[],
  size: number,
): void {
  const at = shape.map(() => 0);
  let source = 0;
  for (let target = 0; target < to.length; target += size) {
    for (let byte = 0; byte < size; byte++) to[target + byte] = from[source * size + byte] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [index, length, step] = [(at[axis] ?? 0) + 1, shape[axis] ?? 1, stride[axis] ?? 0];
      source += step;
      if (index < length) {
        at[axis] = index;
        break;
      }
      at[axis] = 0;
      source -= step * length;
    }
  }
}

/** Whether strides are those of C order; axes of length 1 may have any. */
function isContiguous(shape: readonly number[], stride: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== step) return false;
    step *= shape[axis] ?? 1;
  }
  return true;
}
