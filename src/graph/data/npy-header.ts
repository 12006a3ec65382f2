import { quoted } from '../../format/problems';
import { success, type Result } from '../../protocol/result';
import { bytesOfElement, type ElementType } from '../onnx/element-types';
import { refuse } from './problems';
import { elementCount, type ArrayLayout } from './rows';

/** The start of an array in NumPy's format: what the header says, and where the elements begin. */
export interface NpyHeader {
  readonly layout: ArrayLayout;
  /** Why the elements cannot be read; `null` where they can. */
  readonly unreadable: string | null;
  readonly dataStart: number;
  /** Bytes of the elements; 0 where they cannot be read. */
  readonly dataBytes: number;
}

/** Magic, version and the longer of the two forms of length. */
export const NPY_PREFIX = 12;
const MAGIC = '\x93NUMPY';
/** NumPy itself refuses to parse more than 10,000 unless told otherwise; structured types make headers long. */
const LONGEST_HEADER = 65_536;

/** Type characters and widths of NumPy's `descr` (numpy.lib.format, versions 1 to 3). */
const TYPES: Readonly<Record<string, ElementType>> = {
  b1: 'bool',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
};

/** Bytes from the start of the array to its first element, from the first {@link NPY_PREFIX} bytes. */
export function npyDataStart(prefix: Uint8Array, path: string, name: string): Result<number> {
  const bytes = Buffer.from(prefix.buffer, prefix.byteOffset, prefix.length);
  const version = bytes[6] ?? 0;
  if (bytes.length < NPY_PREFIX || bytes.toString('latin1', 0, 6) !== MAGIC || version < 1 || version > 3) {
    return refuse('data-malformed', path, `${path}: ${name} does not begin as a NumPy array.`, 'byte 0');
  }
  const start = version === 1 ? 10 + bytes.readUInt16LE(8) : 12 + bytes.readUInt32LE(8);
  if (start <= LONGEST_HEADER) return success(start);
  const message = `${path}: the header of ${name} claims ${String(start)} bytes.`;
  return refuse('data-too-large', path, message, 'byte 8');
}

/** Reads the header from the bytes up to the first element. Fails with `data-malformed` or `data-too-large`. */
export function readNpyHeader(start: Uint8Array, path: string, name: string): Result<NpyHeader> {
  const text = Buffer.from(start.buffer, start.byteOffset, start.length).toString(
    start[6] === 3 ? 'utf8' : 'latin1',
    start[6] === 1 ? 10 : 12,
  );
  const literal = new DictionaryLiteral(text);
  const fields = literal.read();
  const wrong = (what: string): Result<never> =>
    refuse('data-malformed', path, `${path}: the header of ${name} ${what}.`, 'header');
  if (fields === null) return wrong(`is no Python dictionary (character ${String(literal.position)})`);
  const { shape, descr, fortran_order: firstFastest } = fields;
  if (!isShape(shape)) return wrong('has no shape of whole numbers');
  if (typeof firstFastest !== 'boolean') return wrong('does not say fortran_order');
  if (descr === undefined) return wrong('has no descr');
  const type = typeof descr === 'string' ? TYPES[descr.replace(/^[<>=|]/, '')] : undefined;
  const count = elementCount(shape);
  if (count === null || count * 8 > Number.MAX_SAFE_INTEGER) {
    return refuse('data-too-large', path, `${path}: ${name} claims the shape [${shape.join(', ')}].`, name);
  }
  const bigEndian = typeof descr === 'string' && descr.startsWith('>');
  return success({
    layout: { name, type: type ?? 'uint8', shape, firstFastest, bigEndian },
    unreadable: type === undefined ? reasonOf(descr) : null,
    dataStart: start.length,
    dataBytes: type === undefined ? 0 : count * bytesOfElement(type),
  });
}

function reasonOf(descr: Literal): string {
  if (typeof descr !== 'string') return 'its elements are records of several fields';
  const kind = descr.replace(/^[<>=|]/, '').charAt(0);
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
