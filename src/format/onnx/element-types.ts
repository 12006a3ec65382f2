import type { DtypeName } from '../../tensor/dtype';

/** Names of element types, as `onnxruntime-node` has them; the rest in the same style. */
export type ElementType =
  | 'float32'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'string'
  | 'bool'
  | 'float16'
  | 'float64'
  | 'uint32'
  | 'uint64'
  | 'complex64'
  | 'complex128'
  | 'bfloat16'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'uint4'
  | 'int4'
  | 'float4e2m1'
  | 'float8e8m0'
  | 'uint2'
  | 'int2'
  | 'float6e2m3'
  | 'float6e3m2';

interface Row {
  readonly type: ElementType;
  /** `TensorProto.DataType` of onnx.proto3. */
  readonly code: number;
  /** Bits of one element; 0 where elements have no fixed width. */
  readonly bits: number;
  /** The same type in checkpoints. */
  readonly dtype?: DtypeName;
}

const TABLE: readonly Row[] = [
  { type: 'float32', code: 1, bits: 32, dtype: 'F32' },
  { type: 'uint8', code: 2, bits: 8, dtype: 'U8' },
  { type: 'int8', code: 3, bits: 8, dtype: 'I8' },
  { type: 'uint16', code: 4, bits: 16, dtype: 'U16' },
  { type: 'int16', code: 5, bits: 16, dtype: 'I16' },
  { type: 'int32', code: 6, bits: 32, dtype: 'I32' },
  { type: 'int64', code: 7, bits: 64, dtype: 'I64' },
  { type: 'string', code: 8, bits: 0 },
  { type: 'bool', code: 9, bits: 8, dtype: 'BOOL' },
  { type: 'float16', code: 10, bits: 16, dtype: 'F16' },
  { type: 'float64', code: 11, bits: 64, dtype: 'F64' },
  { type: 'uint32', code: 12, bits: 32, dtype: 'U32' },
  { type: 'uint64', code: 13, bits: 64, dtype: 'U64' },
  { type: 'complex64', code: 14, bits: 64, dtype: 'C64' },
  { type: 'complex128', code: 15, bits: 128, dtype: 'C128' },
  { type: 'bfloat16', code: 16, bits: 16, dtype: 'BF16' },
  { type: 'float8e4m3fn', code: 17, bits: 8, dtype: 'F8_E4M3' },
  { type: 'float8e4m3fnuz', code: 18, bits: 8, dtype: 'F8_E4M3FNUZ' },
  { type: 'float8e5m2', code: 19, bits: 8, dtype: 'F8_E5M2' },
  { type: 'float8e5m2fnuz', code: 20, bits: 8, dtype: 'F8_E5M2FNUZ' },
  { type: 'uint4', code: 21, bits: 4 },
  { type: 'int4', code: 22, bits: 4 },
  { type: 'float4e2m1', code: 23, bits: 4, dtype: 'F4' },
  { type: 'float8e8m0', code: 24, bits: 8, dtype: 'F8_E8M0' },
  { type: 'uint2', code: 25, bits: 2 },
  { type: 'int2', code: 26, bits: 2 },
  { type: 'float6e2m3', code: 27, bits: 6, dtype: 'F6_E2M3' },
  { type: 'float6e3m2', code: 28, bits: 6, dtype: 'F6_E3M2' },
];

const BY_CODE = new Map(TABLE.map((row) => [row.code, row]));
const BY_TYPE = new Map(TABLE.map((row) => [row.type, row]));
const BY_DTYPE = new Map(TABLE.map((row) => [row.dtype, row]));

/** The element type of a `TensorProto.DataType` number; `undefined` where it is none of ours. */
export function elementTypeByCode(code: number): ElementType | undefined {
  return BY_CODE.get(code)?.type;
}

/** The `TensorProto.DataType` number. */
export function codeOf(type: ElementType): number {
  return BY_TYPE.get(type)?.code ?? 0;
}

/** Bits of one element; 0 for strings. */
export function bitsOfElement(type: ElementType): number {
  return BY_TYPE.get(type)?.bits ?? 0;
}

/** The name that checkpoints give the type; `undefined` where they have none. */
export function dtypeOf(type: ElementType): DtypeName | undefined {
  return BY_TYPE.get(type)?.dtype;
}

/** The element type of graphs that a type of checkpoints is; `undefined` where graphs have none. */
export function elementTypeOf(dtype: DtypeName): ElementType | undefined {
  return BY_DTYPE.get(dtype)?.type;
}

/** Whether values of the type have gradients: floating point of 16 bits and more. */
export function isFloating(type: ElementType): boolean {
  return type === 'float32' || type === 'float64' || type === 'float16' || type === 'bfloat16';
}

/** Bytes of one element of the types that are not packed; 1 where elements have no fixed width. */
export function bytesOfElement(type: ElementType): number {
  return Math.max(1, bitsOfElement(type) / 8);
}
