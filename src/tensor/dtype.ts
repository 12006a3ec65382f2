/** One element type: how wide it is and how its bits become a number. */
export interface Dtype {
  readonly name: DtypeName;
  /** Bits per element; below 8 elements are packed. */
  readonly bits: number;
  readonly kind: 'float' | 'integer' | 'boolean' | 'complex';
}

/** The names of the safetensors specification, and C128, which it lacks; every other container maps its own onto these. */
export type DtypeName =
  | 'F64'
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'F8_E4M3'
  | 'F8_E5M2'
  | 'F8_E8M0'
  | 'F8_E4M3FNUZ'
  | 'F8_E5M2FNUZ'
  | 'F6_E2M3'
  | 'F6_E3M2'
  | 'F4'
  | 'I64'
  | 'I32'
  | 'I16'
  | 'I8'
  | 'U64'
  | 'U32'
  | 'U16'
  | 'U8'
  | 'BOOL'
  | 'C64'
  | 'C128';

const TABLE: readonly Dtype[] = [
  { name: 'F64', bits: 64, kind: 'float' },
  { name: 'F32', bits: 32, kind: 'float' },
  { name: 'F16', bits: 16, kind: 'float' },
  { name: 'BF16', bits: 16, kind: 'float' },
  { name: 'F8_E4M3', bits: 8, kind: 'float' },
  { name: 'F8_E5M2', bits: 8, kind: 'float' },
  { name: 'F8_E8M0', bits: 8, kind: 'float' },
  { name: 'F8_E4M3FNUZ', bits: 8, kind: 'float' },
  { name: 'F8_E5M2FNUZ', bits: 8, kind: 'float' },
  { name: 'F6_E2M3', bits: 6, kind: 'float' },
  { name: 'F6_E3M2', bits: 6, kind: 'float' },
  { name: 'F4', bits: 4, kind: 'float' },
  { name: 'I64', bits: 64, kind: 'integer' },
  { name: 'I32', bits: 32, kind: 'integer' },
  { name: 'I16', bits: 16, kind: 'integer' },
  { name: 'I8', bits: 8, kind: 'integer' },
  { name: 'U64', bits: 64, kind: 'integer' },
  { name: 'U32', bits: 32, kind: 'integer' },
  { name: 'U16', bits: 16, kind: 'integer' },
  { name: 'U8', bits: 8, kind: 'integer' },
  { name: 'BOOL', bits: 8, kind: 'boolean' },
  { name: 'C64', bits: 64, kind: 'complex' },
  { name: 'C128', bits: 128, kind: 'complex' },
];

const BY_NAME: ReadonlyMap<string, Dtype> = new Map(TABLE.map((dtype) => [dtype.name, dtype]));

/** All element types, floating point first. */
export const DTYPES: readonly Dtype[] = TABLE;

/** Looks an element type up by its name; `undefined` where that is unknown. */
export function dtypeByName(name: string): Dtype | undefined {
  return BY_NAME.get(name);
}

/** Whether the safetensors specification has the type. */
export function isSafetensorsDtype(name: DtypeName): boolean {
  return name !== 'C128';
}

/** Whether elements are pairs of a real and an imaginary part. */
export function isComplex(name: DtypeName): boolean {
  return BY_NAME.get(name)?.kind === 'complex';
}

/** Bytes that turn around together where bytes are in another order: an element, or a part of a complex one; below 1 where elements share a byte. */
export function bytesInOrder(name: DtypeName): number {
  return (BY_NAME.get(name)?.bits ?? 8) / (isComplex(name) ? 16 : 8);
}
