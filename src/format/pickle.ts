import { refuse } from './problems';
import { success, type Result } from '../protocol/result';

/** A tensor as torch pickles it: which storage holds its elements, and where. */
export class PickledTensor {
  constructor(
    readonly storage: string,
    /** Class of the storage: `FloatStorage`. */
    readonly type: string,
    /** In elements. */
    readonly offset: number,
    readonly shape: readonly number[],
    /** In elements. */
    readonly stride: readonly number[],
  ) {}
}

/** Something that only Python could make: its name, and nothing of it is run. */
export class PickledObject {
  constructor(readonly name: string) {}
}

/** What a pickle holds. Lists and tuples are arrays, dictionaries maps. */
export type Pickled =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | Pickled[]
  | Map<Pickled, Pickled>
  | PickledTensor
  | PickledObject;

const MOST_STEPS = 5_000_000;
const MARK = Symbol('mark');
type Item = Pickled | typeof MARK;

/**
 * Reads a pickle of protocol 2 to 5 as data (instructions as Python's pickletools documents them). Nothing is imported or
 * called: of all globals only torch's tensors and `OrderedDict` mean something, every other becomes a
 * {@link PickledObject} with its name. Fails with `format-unsupported` for bytes that break off, contradict themselves or
 * hold instructions that no trainer writes.
 */
export function readPickle(bytes: Uint8Array, path: string): Result<Pickled> {
  try {
    return success(new PickleReader(bytes).read());
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    return refuse(
      'format-unsupported',
      path,
      `${path}: the pickle in it ${error.message}.`,
      `byte ${String(error.at)}`,
    );
  }
}

class PickleError extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

class PickleReader {
  private readonly view: DataView;
  private at = 0;
  private readonly stack: Item[] = [];
  private readonly memo = new Map<number, Pickled>();

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(): Pickled {
    for (let step = 0; step < MOST_STEPS; step++) {
      const code = this.bytes[this.take(1)] ?? 0;
      if (code === 0x2e) return this.pop();
      const act = INSTRUCTIONS[code];
      if (act === undefined) this.fail(`has the unknown instruction 0x${code.toString(16)}`);
      act(this);
    }
    return this.fail('has too many instructions');
  }

  fail(message: string): never {
    throw new PickleError(message, this.at);
  }

  /** The offset of the next `length` bytes, which are passed over. */
  take(length: number): number {
    const start = this.at;
    if (!(length >= 0) || start + length > this.bytes.length) this.fail('breaks off');
    this.at += length;
    return start;
  }

  u8 = (): number => this.view.getUint8(this.take(1));
  u16 = (): number => this.view.getUint16(this.take(2), true);
  i32 = (): number => this.view.getInt32(this.take(4), true);
  u32 = (): number => this.view.getUint32(this.take(4), true);
  f64 = (): number => this.view.getFloat64(this.take(8), false);
  u64(): number {
    const value = this.view.getBigUint64(this.take(8), true);
    return value > BigInt(Number.MAX_SAFE_INTEGER)
      ? this.fail('has a length beyond all bounds')
      : Number(value);
  }

  raw(length: number): Uint8Array {
    const start = this.take(length);
    return this.bytes.subarray(start, start + length);
  }

  text(length: number): string {
    return new TextDecoder().decode(this.raw(length));
  }

  /** A text up to the end of its line. */
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) this.fail('breaks off');
    const text = this.text(end - this.at);
    this.at++;
    return text;
  }

  /** A whole number of any length, little-endian two's complement; beyond 2⁵³ it is rounded. */
  long(length: number): number {
    const digits = this.raw(length);
    let value = 0;
    for (let i = length - 1; i >= 0; i--) value = value * 256 + (digits[i] ?? 0);
    return (digits[length - 1] ?? 0) >= 128 ? value - 256 ** length : value;
  }

  push(value: Item): void {
    this.stack.push(value);
  }

  pop(): Pickled {
    const value = this.stack.pop();
    if (value === undefined || value === MARK) return this.fail('takes a value that is not there');
    return value;
  }

  /** All values above the last mark, which goes, too. */
  popMarked(): Pickled[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) this.fail('takes a mark that is not there');
    const values = this.stack.splice(mark).filter((item) => item !== MARK);
    return values;
  }

  remember(key: number): void {
    const value = this.pop();
    this.push(value);
    this.memo.set(key, value);
  }

  memoise(): void {
    this.remember(this.memo.size);
  }

  recall(key: number): void {
    const value = this.memo.get(key);
    if (value === undefined) this.fail('recalls a value that is not there');
    this.push(value);
  }

  append(values: readonly Pickled[]): void {
    const list = this.pop();
    if (Array.isArray(list)) for (const value of values) list.push(value);
    else if (!(list instanceof PickledObject)) this.fail('appends to what is no list');
    this.push(list);
  }

  set(values: readonly Pickled[]): void {
    const map = this.pop();
    if (map instanceof Map) {
      for (let i = 0; i + 1 < values.length; i += 2) map.set(values[i] ?? null, values[i + 1] ?? null);
    } else if (!(map instanceof PickledObject)) this.fail('sets items of what is no dictionary');
    this.push(map);
  }

  /** What a call would give: a tensor or a dictionary; for all else just the name of what would be called. */
  reduce(): void {
    const given = this.pop();
    const called = this.pop();
    const name = called instanceof PickledObject ? called.name : '?';
    const values = Array.isArray(given) ? given : [];
    if (name === 'collections.OrderedDict') this.push(new Map());
    else if (name === 'torch._utils._rebuild_tensor_v2')
      this.push(tensorOf(values) ?? new PickledObject(name));
    else if (name === 'torch._utils._rebuild_parameter') this.push(values[0] ?? null);
    else this.push(new PickledObject(name));
  }
}

/** `(storage, offset, shape, stride, …)`, the storage being `('storage', class, key, device, count)`. */
function tensorOf([storage, offset, shape, stride]: readonly Pickled[]): PickledTensor | null {
  if (!Array.isArray(storage) || typeof offset !== 'number') return null;
  const [kind, type, key] = storage;
  if (kind !== 'storage' || !(type instanceof PickledObject) || typeof key !== 'string') return null;
  if (!isCounts(shape) || !isCounts(stride) || shape.length !== stride.length) return null;
  return new PickledTensor(key, type.name.replace(/^.*\./, ''), offset, shape, stride);
}

function isCounts(value: Pickled | undefined): value is number[] {
  return (
    Array.isArray(value) &&
    value.every((each) => typeof each === 'number' && Number.isSafeInteger(each) && each >= 0)
  );
}

type Instruction = (reader: PickleReader) => void;

function tuple(count: number): Instruction {
  return (r) => {
    const values = Array.from({ length: count }, () => r.pop());
    r.push(values.reverse());
  };
}

const INSTRUCTIONS: Readonly<Record<number, Instruction>> = {
  0x80: (r) => void r.u8(), // PROTO
  0x95: (r) => void r.u64(), // FRAME
  0x28: (r) => r.push(MARK), // MARK
  0x30: (r) => void r.pop(), // POP
  0x31: (r) => void r.popMarked(), // POP_MARK
  0x32: (r) => {
    const value = r.pop(); // DUP
    r.push(value);
    r.push(value);
  },
  0x4e: (r) => r.push(null), // NONE
  0x88: (r) => r.push(true), // NEWTRUE
  0x89: (r) => r.push(false), // NEWFALSE
  0x4b: (r) => r.push(r.u8()), // BININT1
  0x4d: (r) => r.push(r.u16()), // BININT2
  0x4a: (r) => r.push(r.i32()), // BININT
  0x8a: (r) => r.push(r.long(r.u8())), // LONG1
  0x8b: (r) => r.push(r.long(r.u32())), // LONG4
  0x47: (r) => r.push(r.f64()), // BINFLOAT
  0x58: (r) => r.push(r.text(r.u32())), // BINUNICODE
  0x8c: (r) => r.push(r.text(r.u8())), // SHORT_BINUNICODE
  0x8d: (r) => r.push(r.text(r.u64())), // BINUNICODE8
  0x55: (r) => r.push(r.text(r.u8())), // SHORT_BINSTRING
  0x54: (r) => r.push(r.text(r.u32())), // BINSTRING
  0x42: (r) => r.push(r.raw(r.u32())), // BINBYTES
  0x43: (r) => r.push(r.raw(r.u8())), // SHORT_BINBYTES
  0x8e: (r) => r.push(r.raw(r.u64())), // BINBYTES8
  0x5d: (r) => r.push([]), // EMPTY_LIST
  0x7d: (r) => r.push(new Map()), // EMPTY_DICT
  0x8f: (r) => r.push([]), // EMPTY_SET
  0x29: (r) => r.push([]), // EMPTY_TUPLE
  0x85: tuple(1), // TUPLE1
  0x86: tuple(2), // TUPLE2
  0x87: tuple(3), // TUPLE3
  0x74: (r) => r.push(r.popMarked()), // TUPLE
  0x6c: (r) => r.push(r.popMarked()), // LIST
  0x91: (r) => r.push(r.popMarked()), // FROZENSET
  0x64: (r) => {
    const values = r.popMarked(); // DICT
    r.push(new Map());
    r.set(values);
  },
  0x61: (r) => r.append([r.pop()]), // APPEND
  0x65: (r) => r.append(r.popMarked()), // APPENDS
  0x90: (r) => r.append(r.popMarked()), // ADDITEMS
  0x73: (r) => {
    const value = r.pop(); // SETITEM
    r.set([r.pop(), value]);
  },
  0x75: (r) => r.set(r.popMarked()), // SETITEMS
  0x71: (r) => r.remember(r.u8()), // BINPUT
  0x72: (r) => r.remember(r.u32()), // LONG_BINPUT
  0x94: (r) => r.memoise(), // MEMOIZE
  0x68: (r) => r.recall(r.u8()), // BINGET
  0x6a: (r) => r.recall(r.u32()), // LONG_BINGET
  0x63: (r) => r.push(new PickledObject(`${r.line()}.${r.line()}`)), // GLOBAL
  0x93: (r) => {
    const [name, module] = [r.pop(), r.pop()]; // STACK_GLOBAL
    if (typeof name !== 'string' || typeof module !== 'string')
      return r.fail('names something without a name');
    r.push(new PickledObject(`${module}.${name}`));
  },
  0x51: () => undefined, // BINPERSID: its value says which storage is meant, and stays as it is.
  0x52: (r) => r.reduce(), // REDUCE
  0x81: (r) => r.reduce(), // NEWOBJ
  0x62: (r) => void r.pop(), // BUILD: the state of an object that is not made.
};
