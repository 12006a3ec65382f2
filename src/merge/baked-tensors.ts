import type { TensorEntry } from '../format/checkpoint';
import type { OutputTensor } from '../format/output-file';
import type { ReadSpan } from '../model/load-delta';
import type { TensorDelta } from '../model/task-vector';
import type { Table } from '../protocol/artifact';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import { bitsOf, decode } from '../tensor/decode';
import { encode, isWritable, type WritableDtype } from '../tensor/encode';
import { multiply } from '../tensor/linear/multiply';
import type { LowRankDelta } from '../tensor/pass';
import type { TensorSpan } from '../tensor/span';
import { mergeFinding, refuse } from './problems';

/** Entries formed at a time. */
const PIECE = 2 ** 17;
/** Beyond this share of a change lost to rounding it is worth a warning. */
const MOST_LOST = 0.5;

/** Sums over one tensor that changed. */
interface Sums {
  readonly entry: TensorEntry;
  baseSquares: number;
  /** ‖w·τ‖², before rounding. */
  deltaSquares: number;
  /** ‖(θ − θ₀) − w·τ‖² after rounding to the element type. */
  lostSquares: number;
  largest: number;
  notFinite: number;
  firstNotFinite: string;
}

/** Forms the tensors `θ₀ + w·τ` of a base, a piece at a time, and keeps account of them. */
export class BakedTensors {
  private readonly sums: Sums[] = [];

  constructor(
    private readonly weight: number,
    private readonly read: ReadSpan,
  ) {}

  /** The sum of a tensor and its change. `strict`: its pieces fail with `bake-not-finite` at the first new NaN or infinity. */
  add(entry: TensorEntry, delta: TensorDelta, strict: boolean): OutputTensor {
    const { dtype, shape } = entry.span;
    return { name: entry.name, dtype, shape, pieces: () => this.pieces(entry, delta, strict) };
  }

  private async *pieces(
    entry: TensorEntry,
    delta: TensorDelta,
    strict: boolean,
  ): AsyncGenerator<Result<Uint8Array>, void> {
    const { span } = entry;
    const sums: Sums = {
      entry, baseSquares: 0, deltaSquares: 0, lostSquares: 0, largest: 0, notFinite: 0, firstNotFinite: '',
    }; // prettier-ignore
    this.sums.push(sums);
    const change = await this.changeOf(delta);
    if (!change.ok) {
      yield change;
      return;
    }
    // Whole rows, so that factors multiply by rows.
    const width = Math.max(1, span.count / (span.shape[0] ?? 1));
    const atOnce = Math.max(1, Math.floor(PIECE / width)) * width;
    for (let first = 0; first < span.count; first += atOnce) {
      const count = Math.min(atOnce, span.count - first);
      const before = await this.valuesAt(span, first, count);
      if (!before.ok) {
        yield before;
        return;
      }
      const added = await change.value(first, count, before.value);
      if (!added.ok) {
        yield added;
        return;
      }
      const bytes = this.sum(before.value, added.value, span.dtype, first, sums);
      yield strict && sums.notFinite > 0 ? notFinite(sums) : success(bytes);
    }
  }

  /** τ of `count` entries from `first` on; `before` is θ₀ there. */
  private async changeOf(
    delta: TensorDelta,
  ): Promise<Result<(first: number, count: number, before: Float64Array) => Promise<Result<Float64Array>>>> {
    if (delta.kind === 'lowRank') {
      const factors = await delta.load();
      if (!factors.ok) return factors;
      return success((first, count) => Promise.resolve(success(productRows(factors.value, first, count))));
    }
    const theta = delta.kind === 'dense' ? success(delta.span) : await delta.load();
    if (!theta.ok) return theta;
    return success(async (first, count, before) => {
      const values = await this.valuesAt(theta.value, first, count);
      return values.ok ? success(values.value.map((value, at) => value - (before[at] as number))) : values;
    });
  }

  private async valuesAt(span: TensorSpan, first: number, count: number): Promise<Result<Float64Array>> {
    const size = bitsOf(span.dtype) / 8;
    const bytes = await this.read({
      ...span,
      offset: span.offset + first * size,
      bytes: count * size,
      count,
    });
    return bytes.ok ? success(decode(span.dtype, bytes.value, count)) : bytes;
  }

  private sum(
    before: Float64Array,
    added: Float64Array,
    dtype: TensorSpan['dtype'],
    first: number,
    sums: Sums,
  ): Uint8Array {
    const written: WritableDtype = isWritable(dtype) ? dtype : 'F32';
    const total = scaledSum(before, this.weight, added);
    const bytes = encode(written, total);
    const found = compare(before, added, this.weight, decode(written, bytes, total.length));
    sums.baseSquares += found.baseSquares;
    sums.deltaSquares += found.deltaSquares;
    sums.lostSquares += found.lostSquares;
    sums.largest = Math.max(sums.largest, found.largest);
    if (sums.notFinite === 0 && found.notFinite > 0) {
      const at = found.firstNotFinite;
      const [old, change] = [before[at] ?? NaN, this.weight * (added[at] ?? NaN)];
      sums.firstNotFinite = `entry ${String(first + at)}: ${String(old)} + ${String(change)}`;
    }
    sums.notFinite += found.notFinite;
    return bytes;
  }

  /** One row for each tensor that was formed. */
  table(): Table {
    return {
      kind: 'table',
      id: 'changes',
      title: 'What changes',
      columns: [
        { name: 'tensor', title: 'Tensor', type: 'text' },
        { name: 'dtype', title: 'Dtype', type: 'text' },
        { name: 'norm', title: '‖τ‖', type: 'number' },
        { name: 'relative', title: '‖τ‖ / ‖θ₀‖', type: 'number' },
        { name: 'largest', title: 'Largest |θ|', type: 'number' },
        { name: 'lost', title: 'Lost to rounding', type: 'share' },
      ],
      rows: this.sums.map(({ entry, baseSquares, deltaSquares, lostSquares, largest }) => [
        entry.name,
        entry.span.dtype,
        Math.sqrt(deltaSquares),
        baseSquares > 0 ? Math.sqrt(deltaSquares / baseSquares) : null,
        largest,
        deltaSquares > 0 ? Math.sqrt(lostSquares / deltaSquares) : null,
      ]),
    };
  }

  /** What is wrong with the sums. */
  findings(): readonly Finding[] {
    const broken = this.sums.filter((sums) => sums.notFinite > 0);
    const lost = this.sums.filter(
      ({ lostSquares, deltaSquares }) => lostSquares > MOST_LOST ** 2 * deltaSquares,
    );
    const [first] = lost;
    const rounded = first
      ? [
          mergeFinding(
            'bake-rounded-away',
            first.entry.span.path,
            `${first.entry.name}${lost.length > 1 ? ` and ${String(lost.length - 1)} more` : ''}: more than half of the change is lost to rounding to ${first.entry.span.dtype}.`,
            first.entry.name,
          ),
        ]
      : [];
    return [
      ...broken.map((sums) =>
        mergeFinding('bake-not-finite', sums.entry.span.path, messageOf(sums), sums.entry.name),
      ),
      ...rounded,
    ];
  }
}

/** x + w·y */
function scaledSum(x: Float64Array, weight: number, y: Float64Array): Float64Array {
  const total = new Float64Array(x.length);
  for (let i = 0; i < total.length; i++) total[i] = (x[i] as number) + weight * (y[i] as number);
  return total;
}

/** Sums over some entries of what was, what was added, and what is now. In locals: it is the loop that all time goes to. */
function compare(before: Float64Array, added: Float64Array, weight: number, after: Float64Array) {
  let [baseSquares, deltaSquares, lostSquares, largest, notFinite, firstNotFinite] = [0, 0, 0, 0, 0, -1];
  for (let i = 0; i < after.length; i++) {
    const old = before[i] as number;
    const now = after[i] as number;
    const change = weight * (added[i] as number);
    const lost = now - old - change;
    // x − x is 0 for finite numbers alone.
    if (now - now !== 0) {
      if (old - old !== 0) continue;
      if (notFinite++ === 0) firstNotFinite = i;
      continue;
    }
    baseSquares += old * old;
    deltaSquares += change * change;
    lostSquares += lost * lost;
    const size = Math.abs(now);
    if (size > largest) largest = size;
  }
  return { baseSquares, deltaSquares, lostSquares, largest, notFinite, firstNotFinite };
}

/** Rows of s·B·A; `first` and `count` are those of entries, in whole rows. */
function productRows(
  { scale, b, a, rank, columns }: LowRankDelta,
  first: number,
  count: number,
): Float64Array {
  const [start, rows] = [first / columns, count / columns];
  const part = b.slice(start * rank, (start + rows) * rank).map((value) => scale * value);
  return multiply({ rows, columns: rank, values: part }, { rows: rank, columns, values: a }).values;
}

function notFinite(sums: Sums): Result<never> {
  return refuse('bake-not-finite', sums.entry.span.path, messageOf(sums), sums.entry.name);
}

function messageOf({ entry, notFinite: count, firstNotFinite }: Sums): string {
  const { name, span } = entry;
  const many = count === 1 ? 'one sum is' : `${String(count)} sums are`;
  return `${span.path}: ${name}: ${many} not finite as ${span.dtype} (${firstNotFinite}).`;
}
