import { PICKLE_INSTRUCTIONS } from './pickle-instructions';
import { PickledObject, quantisedTensorOf, sparseTensorOf, tensorOf, type Pickled } from './pickled';

/** A class or function that a pickle names. */
export interface PickleGlobal {
  /** Module and name: `posix.system`. */
  readonly name: string;
  /** Offset behind the instruction that names it, in the pickle. */
  readonly at: number;
  /** Loading the pickle in Python would call it. */
  called: boolean;
}

/** Instructions, and values of lists that they go through. */
/** A tensor takes about six: enough for half a million. */
const MOST_CONTAINERS = 4_000_000;
const MOST_STEPS = 20_000_000;
/** No module of Python and no class has a name as long. */
const LONGEST_NAME = 1024;
const MARK = Symbol('mark');
type Item = Pickled | typeof MARK;

/** Thrown inside the reader only; {@link readPickle} turns it into a problem. */
export class PickleError extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

/** The stack machine of a pickle; its instructions stand in `pickle-instructions.ts`. */
export class PickleReader {
  private readonly view: DataView;
  private readonly named = new Map<string, PickleGlobal>();
  private readonly stack: Item[] = [];
  private readonly memo = new Map<number, Pickled>();
  private steps = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private at = 0,
    /** What a persistent id stands for; the id itself where that is not known. */
    private readonly resolve: (id: Pickled) => Pickled = (id) => id,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Offset of the next byte. */
  get position(): number {
    return this.at;
  }

  private containers = 0;
  /** Classes of storages by their keys, and how many elements each is said to have. */
  readonly storages = new Map<string, string>();
  readonly storageElements = new Map<string, number>();

  /** Every class and function that the pickle names, each once. */
  get globals(): readonly PickleGlobal[] {
    return [...this.named.values()];
  }

  read(): Pickled {
    for (;;) {
      this.count(1);
      const code = this.bytes[this.take(1)] ?? 0;
      if (code === 0x2e) return this.pop();
      const act = PICKLE_INSTRUCTIONS[code];
      if (act === undefined) this.fail(`has the unknown instruction 0x${code.toString(16)}`);
      act(this);
    }
  }

  /** A list that was memoised costs an instruction of two bytes to use again, and all its values to go through. */
  private count(steps: number): void {
    this.steps += steps;
    if (this.steps > MOST_STEPS) this.fail('has too many instructions');
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
    // An instruction of one byte makes a list or dictionary of many: what has more of them than any model is refused.
    if ((Array.isArray(value) || value instanceof Map) && ++this.containers > MOST_CONTAINERS)
      this.fail('holds too many lists and dictionaries');
    this.stack.push(value);
  }

  mark(): void {
    this.stack.push(MARK);
  }

  /** A number in digits. */
  number(text: string): number {
    const value = Number(text);
    return text.trim() === '' || Number.isNaN(value) ? this.fail('has a number without digits') : value;
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
    if (!(map instanceof Map) && !(map instanceof PickledObject))
      this.fail('sets items of what is no dictionary');
    const items = map instanceof Map ? map : (map.items ??= new Map<Pickled, Pickled>());
    for (let i = 0; i + 1 < values.length; i += 2) items.set(values[i] ?? null, values[i + 1] ?? null);
    this.push(map);
  }

  /** Something of a module is meant: its name is kept, and where it stands. */
  global(module: string, name: string): void {
    if (module.length + name.length > LONGEST_NAME) this.fail('names something by a name beyond all bounds');
    const whole = `${module}.${name}`;
    if (!this.named.has(whole)) this.named.set(whole, { name: whole, at: this.at, called: false });
    this.push(new PickledObject(whole));
  }

  /** What a call would give: a tensor, a dictionary or a list; for all else just the name of what would be called. */
  call(called: Pickled, values: readonly Pickled[]): void {
    const name = called instanceof PickledObject ? called.name : '?';
    const known = this.named.get(name);
    if (known) known.called = true;
    const make = MADE[name];
    if (make) for (const value of values) this.count(Array.isArray(value) ? value.length + 1 : 1);
    this.push(make?.(values) ?? new PickledObject(name, values));
  }

  /** A persistent id stays as it is; torch's say which storage is meant. */
  persist(): void {
    const id = this.pop();
    if (
      Array.isArray(id) &&
      id[0] === 'storage' &&
      id[1] instanceof PickledObject &&
      typeof id[2] === 'string'
    ) {
      this.storages.set(id[2], id[1].name.replace(/^.*\./, ''));
      if (typeof id[4] === 'number') this.storageElements.set(id[2], id[4]);
    }
    this.push(this.resolve(id));
  }

  reduce(): void {
    const given = this.pop();
    this.call(this.pop(), Array.isArray(given) ? given : []);
  }

  /** Sets an object up: what it is given is kept as data. */
  build(): void {
    const state = this.pop();
    const made = this.pop();
    if (made instanceof PickledObject) made.state = state;
    this.push(made);
  }
}

/** `_rebuild_from_type_v2(function, class, arguments, state)`: a tensor of a class of its own. */
function typedTensorOf([made, , given]: readonly Pickled[]): Pickled | null {
  if (!(made instanceof PickledObject) || !Array.isArray(given)) return null;
  return made.name.startsWith('torch._utils._rebuild_') ? (MADE[made.name]?.(given) ?? null) : null;
}

/** What calls of these give, as data. All that torch needs for tensors, and no more. */
const MADE: Readonly<Record<string, (values: readonly Pickled[]) => Pickled | null>> = {
  'collections.OrderedDict': ([pairs]) => mapOf(pairs),
  'collections.defaultdict': () => new Map(),
  'torch._utils._rebuild_tensor': (values) => tensorOf(values),
  'torch._utils._rebuild_tensor_v2': (values) => tensorOf(values, undefined, null, values[6]),
  'torch._utils._rebuild_tensor_v3': (values) => tensorOf(values, values[6] ?? null, null, values[7]),
  'torch._utils._rebuild_qtensor': quantisedTensorOf,
  'torch._utils._rebuild_sparse_tensor': sparseTensorOf,
  'torch._utils._rebuild_sparse_csr_tensor': sparseTensorOf,
  'torch._tensor._rebuild_from_type_v2': typedTensorOf,
  'torch.serialization._get_layout': ([name]) => name ?? null,
  'torch._utils._rebuild_parameter': (values) => values[0] ?? null,
  'torch._utils._rebuild_parameter_with_state': (values) => values[0] ?? null,
  'torch.Size': ([sizes]) => sizes ?? null,
};

/** `OrderedDict([(key, value), …])` */
function mapOf(pairs: Pickled | undefined): Map<Pickled, Pickled> {
  const map = new Map<Pickled, Pickled>();
  for (const pair of Array.isArray(pairs) ? pairs : []) {
    if (Array.isArray(pair) && pair.length === 2) map.set(pair[0] ?? null, pair[1] ?? null);
  }
  return map;
}
