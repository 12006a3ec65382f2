import { bitsOf } from '../tensor/decode';
import type { DtypeName } from '../tensor/dtype';
import { placeInFile, type TensorSpan } from '../tensor/span';
import type { InflatedStore } from '../tensor/stored/stored';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { TensorEntry } from './checkpoint';
import { PickledSparse, PickledTensor } from './pickled';
import { formatFinding, quoted, refuse } from './problems';
import { isContiguous, spanOver, stridedSpan, swappedSpan } from './stored-spans';
import { sparseSpan } from './torch-sparse';

/** Where the bytes of one storage lie in the file. */
export interface StorageSpan {
  readonly offset: number;
  readonly bytes: number;
  /** The file where it is not the checkpoint itself. */
  readonly path?: string;
  /** How its bytes come out of the file where it is packed; `offset` then counts in what comes out. */
  readonly stored?: InflatedStore;
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
    ComplexDoubleStorage: 'C128',
    QInt8Storage: 'I8',
    QUInt8Storage: 'U8',
    QInt32Storage: 'I32',
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
    float8_e4m3fnuz: 'F8_E4M3FNUZ',
    float8_e5m2fnuz: 'F8_E5M2FNUZ',
    float8_e8m0fnu: 'F8_E8M0',
  }),
);

/** Elements of four bits, two in a byte. */
const HALVES = 'float4_e2m1fn_x2';

/** The element type that torch calls so: `FloatStorage`, `float32`; `undefined` for one that is not read. */
export function torchDtype(type: string): DtypeName | undefined {
  return TYPES.get(type);
}

/** Bytes that one element of a storage has; `null` for an element type that is not read. */
export function elementBytes(type: string): number | null {
  const dtype = TYPES.get(type);
  return dtype === undefined ? null : bitsOf(dtype) / 8;
}

/** An expanded view may stand for any number of values: up to so many bytes, or times the bytes of its storage. */
const MOST_EXPANDED_BYTES = 2 ** 28;
const MOST_EXPANSION = 16;

/** Places tensors in their storages. */
export class TensorPlacer {
  readonly findings: Finding[] = [];

  constructor(
    private readonly path: string,
    private readonly storages: ReadonlyMap<string, StorageSpan>,
    private readonly bigEndian = false,
  ) {}

  /**
   * Where the values of the tensor lie, in C order: in the file as they are, or in another form (views with gaps, packed, big
   * endian, quantised, sparse). `null` (with a finding) where it has no plain values. Fails with `tensor-storage` where it
   * reaches beyond its storage.
   */
  place(name: string, tensor: PickledTensor | PickledSparse): Result<TensorEntry | null> {
    if (tensor instanceof PickledSparse) return this.placeSparse(name, tensor);
    const placed = this.spanOf(name, tensor);
    if (!placed.ok || placed.value === null) return placed.ok ? success(null) : placed;
    const span = this.dequantised(name, tensor, placed.value);
    if (!span.ok) return span;
    return success(span.value === null ? null : { name, span: span.value });
  }

  private spanOf(name: string, tensor: PickledTensor): Result<TensorSpan | null> {
    const { path } = this;
    if (tensor.lazy !== null) {
      const what = tensor.lazy === 'conj' ? 'conjugate' : 'negative';
      const message = `${path}: the tensor ${quoted(name)} is saved as the ${what} of its storage, and is left out.`;
      return this.leaveOut('tensor-lazy', message, name);
    }
    if (tensor.type === HALVES) return this.halvesOf(name, tensor);
    const dtype = TYPES.get(tensor.type);
    const size = elementBytes(tensor.type);
    if (dtype === undefined || size === null) {
      const message = `${path}: the tensor ${quoted(name)} has elements of ${quoted(tensor.type)}, which are not read.`;
      return this.leaveOut('tensor-dtype', message, name);
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
    if (count * size > Math.max(MOST_EXPANDED_BYTES, MOST_EXPANSION * (storage?.bytes ?? 0))) {
      const message = `${path}: the tensor ${quoted(name)} is a view of ${String(count * size)} bytes into a storage of ${String(storage?.bytes ?? 0)}, and is left out.`;
      return this.leaveOut('tensor-strided', message, name);
    }
    const plain = count === 0 || isContiguous(shape, stride);
    const elements = plain ? count : reach + 1 - tensor.offset;
    const span: TensorSpan = {
      path: storage?.path ?? path,
      // What has no elements lies nowhere, whatever its offset says.
      offset: (storage?.offset ?? 0) + (count === 0 ? 0 : tensor.offset * size),
      bytes: elements * size,
      dtype,
      shape: plain ? shape : [elements],
      count: elements,
      ...(storage?.stored === undefined ? {} : { stored: storage.stored }),
    };
    const ordered = this.bigEndian ? swappedSpan(span) : span;
    return success(plain ? ordered : stridedSpan(ordered, shape, stride));
  }

  /** Two elements in a byte, the lower half first; torch's shapes count bytes. */
  private halvesOf(name: string, tensor: PickledTensor): Result<TensorSpan | null> {
    const { storage, offset, shape, stride } = tensor;
    const last = shape.at(-1);
    const bytes = this.spanOf(name, new PickledTensor(storage, 'uint8', offset, shape, stride));
    if (!bytes.ok || bytes.value === null || last === undefined) return bytes;
    const { count } = bytes.value;
    return success({
      ...bytes.value,
      dtype: 'F4',
      shape: [...shape.slice(0, -1), 2 * last],
      count: 2 * count,
    });
  }

  private dequantised(name: string, tensor: PickledTensor, codes: TensorSpan): Result<TensorSpan | null> {
    const { quantizer, shape } = tensor;
    if (quantizer === null) {
      if (!/^QU?Int/.test(tensor.type)) return success(codes);
      const message = `${this.path}: the tensor ${quoted(name)} is quantised in a way that is not read.`;
      return this.leaveOut('tensor-dtype', message, name);
    }
    const label = tensor.type.replace(/Storage$/, '').toUpperCase();
    const form = { ...placeInFile(codes), label, kind: 'affine', source: codes } as const;
    if (quantizer.kind === 'tensor') {
      const { scale, zeroPoint } = quantizer;
      return success(
        spanOver({ ...form, scales: scale, zeroPoints: zeroPoint, run: 1 }, codes.path, 'F32', shape),
      );
    }
    const { axis } = quantizer;
    const scales = this.spanOf(`${name} (scales)`, quantizer.scales);
    const zeroPoints = this.spanOf(`${name} (zero points)`, quantizer.zeroPoints);
    if (!scales.ok) return scales;
    if (!zeroPoints.ok) return zeroPoints;
    if (scales.value === null || zeroPoints.value === null) return success(null);
    const channels = shape[axis];
    if (scales.value.count !== channels || zeroPoints.value.count !== channels) {
      const message = `${this.path}: the tensor ${quoted(name)} of shape [${shape.join(', ')}] has ${String(scales.value.count)} scales along axis ${String(axis)}.`;
      return refuse('tensor-storage', this.path, message, name);
    }
    const run = shape.slice(axis + 1).reduce((product, length) => product * length, 1);
    const stored = { ...form, scales: scales.value, zeroPoints: zeroPoints.value, run };
    return success(spanOver(stored, codes.path, 'F32', shape));
  }

  private placeSparse(name: string, tensor: PickledSparse): Result<TensorEntry | null> {
    const parts: TensorSpan[] = [];
    for (const part of tensor.parts) {
      const span = this.spanOf(name, part);
      if (!span.ok) return span;
      if (span.value === null) return success(null);
      parts.push(span.value);
    }
    const span = sparseSpan(tensor, parts);
    if (typeof span !== 'string') return success({ name, span });
    const message = `${this.path}: the sparse tensor ${quoted(name)} of shape [${tensor.shape.join(', ')}] ${span}, and is left out.`;
    return this.leaveOut('tensor-sparse', message, name);
  }

  private leaveOut(
    code: 'tensor-dtype' | 'tensor-lazy' | 'tensor-strided' | 'tensor-sparse',
    message: string,
    name: string,
  ): Result<null> {
    this.findings.push(formatFinding(code, this.path, message, name));
    return success(null);
  }
}
