import { bitsOf } from '../tensor/decode';
import type { DtypeName } from '../tensor/dtype';
import { quoted } from './problems';

/** The start of an array in NumPy's format: what the header says, and where the elements begin. */
export interface NpyHeader {
  /** What stands for the elements; `null` where they cannot be read. */
  readonly dtype: DtypeName | null;
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly count: number;
  /** The first axis varies fastest (Fortran order) instead of the last. */
  readonly firstFastest: boolean;
  readonly bigEndian: boolean;
  /** Why the elements cannot be read; `null` where they can. */
  readonly unreadable: string | null;
  /** Whether what follows is a pickle of Python objects. */
  readonly pickled: boolean;
  readonly dataStart: number;
  /** Bytes of the elements; 0 where they cannot be read. */
  readonly dataBytes: number;
}

/** What is wrong with a header: it "does not begin as a NumPy array". */
export interface NpyFault {
  readonly what: string;
  readonly at: string;
  /** It claims more than can be worked on. */
  readonly tooLarge: boolean;
}

/** A part of an array's header, or what is wrong with it. */
export type NpyPart<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: NpyFault };

/** Magic, version and the longer of the two forms of length. */
export const NPY_PREFIX = 12;
/** `\x93NUMPY`, the first bytes of every array, as latin-1. */
export const NPY_MAGIC = '\x93NUMPY';
/** NumPy itself refuses to parse more than 10,000 unless told otherwise; structured types make headers long. */
export const LONGEST_NPY_HEADER = 65_536;

/**
 * Type characters and widths of NumPy's `descr` (numpy.lib.format, versions 1 to 3). `f1` is what ml_dtypes calls its
 * float8_e5m2.
 */
const TYPES: Readonly<Record<string, DtypeName>> = {
  b1: 'BOOL',
  i1: 'I8',
  i2: 'I16',
  i4: 'I32',
  i8: 'I64',
  u1: 'U8',
  u2: 'U16',
  u4: 'U32',
  u8: 'U64',
  f1: 'F8_E5M2',
  f2: 'F16',
  f4: 'F32',
  f8: 'F64',
  c8: 'C64',
  c16: 'C128',
};

/**
 * ml_dtypes (JAX, TensorFlow) writes bfloat16 as two bytes without a type, but with an order of bytes, which two bytes that
 * really have no type are written without (`|V2`). Types of one byte share `<V1`, so that they cannot be told.
 */
const BFLOAT16 = '<V2';

/** Bytes from the start of the array to its first element, from the first {@link NPY_PREFIX} bytes. */
export function npyDataStart(prefix: Uint8Array): NpyPart<number> {
  const bytes = Buffer.from(prefix.buffer, prefix.byteOffset, prefix.length);
  const version = bytes[6] ?? 0;
  if (
    bytes.length < NPY_PREFIX ||
    bytes.toString('latin1', 0, 6) !== NPY_MAGIC ||
    version < 1 ||
    version > 3
  ) {
    return wrong('does not begin as a NumPy array', 'byte 0');
  }
  const start = version === 1 ? 10 + bytes.readUInt16LE(8) : 12 + bytes.readUInt32LE(8);
  if (start <= LONGEST_NPY_HEADER) return { ok: true, value: start };
  return wrong(`has a header that claims ${String(start)} bytes`, 'byte 8', true);
}

/** Reads the header from the bytes up to the first element. */
export function readNpyHeader(start: Uint8Array): NpyPart<NpyHeader> {
  const text = Buffer.from(start.buffer, start.byteOffset, start.length).toString(
    start[6] === 3 ? 'utf8' : 'latin1',
    start[6] === 1 ? 10 : 12,
  );
  const literal = new DictionaryLiteral(text);
  const fields = literal.read();
  if (fields === null) {
    return wrong(`has a header that is no Python dictionary (character ${String(literal.position)})`);
  }
  const { shape, descr, fortran_order: firstFastest } = fields;
  if (!isShape(shape)) return wrong('has no shape of whole numbers');
  if (typeof firstFastest !== 'boolean') return wrong('does not say fortran_order');
  if (descr === undefined) return wrong('has no descr');
  const dtype = dtypeOf(descr);
  const count = countOf(shape);
  if (count === null) {
    return wrong(`claims the shape [${shape.join(', ')}]`, 'header', true);
  }
  return {
    ok: true,
    value: {
      dtype,
      shape,
      count,
      firstFastest,
      bigEndian: typeof descr === 'string' && descr.startsWith('>'),
      unreadable: dtype === null ? reasonOf(descr) : null,
      pickled: typeof descr === 'string' && kindOf(descr) === 'O',
      dataStart: start.length,
      dataBytes: dtype === null ? 0 : (count * bitsOf(dtype)) / 8,
    },
  };
}

function wrong(what: string, at = 'header', tooLarge = false): NpyPart<never> {
  return { ok: false, fault: { what, at, tooLarge } };
}

/** Number of elements; `null` where they cannot be counted in bytes exactly. */
function countOf(shape: readonly number[]): number | null {
  const count = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  return count * 8 > Number.MAX_SAFE_INTEGER ? null : count;
}

function dtypeOf(descr: Literal): DtypeName | null {
  if (typeof descr !== 'string') return null;
  if (descr === BFLOAT16) return 'BF16';
  return TYPES[descr.replace(/^[<>=|]/, '')] ?? null;
}

function kindOf(descr: string): string {
  return descr.replace(/^[<>=|]/, '').charAt(0);
}

function reasonOf(descr: Literal): string {
  if (typeof descr !== 'string') return 'its elements are records of several fields';
  const kind = kindOf(descr);
  if (kind === 'O') return 'its elements are pickled Python objects, which are not read';
  if (kind === 'U' || kind === 'S') return 'its elements are texts';
  if (kind === 'c') return 'its elements are complex numbers';
  if (kind === 'V') return 'its elements are bytes without a type, as NumPy writes bfloat16 and float8';
  return `its elements are of the type ${quoted(descr)}`;
}

type Literal = string | boolean | number | readonly Literal[] | undefined;

function isShape(value: Literal): value is readonly number[] {
  return (
    Array.isArray(value) &&
    value.length <= 64 &&
    value.every((size) => typeof size === 'number' && Number.isSafeInteger(size) && size >= 0)
  );
}

const DEEPEST = 16;

/** The literal that NumPy writes: one dictionary with keys of text over texts, booleans, whole numbers, tuples, lists. */
class DictionaryLiteral {
  position = 0;

  constructor(private readonly text: string) {}

  /** `null` where the text is something else; `position` is then where. */
  read(): Readonly<Record<'shape' | 'descr' | 'fortran_order', Literal>> | null {
    const found = new Map<string, Literal>();
    if (!this.takes('{')) return null;
    while (!this.takes('}')) {
      const key = this.value(0);
      if (typeof key !== 'string' || found.has(key) || !this.takes(':')) return null;
      const value = this.value(0);
      if (value === undefined) return null;
      found.set(key, value);
      if (!this.takes(',') && this.peek() !== '}') return null;
    }
    if (this.peek() !== '') return null;
    return {
      shape: found.get('shape'),
      descr: found.get('descr'),
      fortran_order: found.get('fortran_order'),
    };
  }

  private value(depth: number): Literal {
    const next = this.peek();
    if (next === "'" || next === '"') return this.match(/(['"])([^'"\\\n]*)\1/y)?.[2];
    if (next === '(' || next === '[') return depth < DEEPEST ? this.sequence(next, depth + 1) : undefined;
    const word = this.match(/True|False|\d{1,20}L?/y)?.[0];
    if (word === 'True' || word === 'False') return word === 'True';
    return word === undefined ? undefined : Number.parseInt(word, 10);
  }

  private sequence(open: string, depth: number): Literal {
    const close = open === '(' ? ')' : ']';
    const values: Literal[] = [];
    this.takes(open);
    while (!this.takes(close)) {
      const value = this.value(depth);
      if (value === undefined) return undefined;
      values.push(value);
      if (!this.takes(',') && this.peek() !== close) return undefined;
    }
    return values;
  }

  private peek(): string {
    this.match(/\s*/y);
    return this.text.charAt(this.position);
  }

  private takes(character: string): boolean {
    if (this.peek() !== character) return false;
    this.position++;
    return true;
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text);
    if (found) this.position = pattern.lastIndex;
    return found;
  }
}
