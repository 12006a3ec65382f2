import { ModelFindings } from '../model/model-findings';
import { networkOrder } from '../model/naming';
import type { Study } from '../model/study';
import type { FactoredDelta } from '../model/task-vector';
import type { Finding } from '../protocol/finding';
import { cancelled, success, type Result } from '../protocol/result';
import { forFactorPairs, hasFiniteFactors, innerOf } from '../tensor/factor-products';
import type { LowRankDelta } from '../tensor/pass';
import type { AdapterTask } from './adapter-tasks';
import { arrowPrototype, prototypeCosine, type ArrowPrototype } from './arrow-prototype';
import { loadLowRank } from './group-pass';
import type { LensContext } from './lens';
import { pause } from './pause';
import { partOf } from './progress-part';
import { taskGram } from './task-gram';

/** Inner products of the adapters of a library, over all tensors together. */
export interface LibrarySums {
  readonly n: number;
  /** ⟨ΔWᵢ, ΔWⱼ⟩, n × n, row-major. */
  readonly gram: Float64Array;
  /** Σ |vᵢ·vⱼ| over the tensors in which both have a prototype, and their number; n × n each. */
  readonly arrow: Float64Array;
  readonly arrowCount: Float64Array;
  /** Σ σ₁²/Σσ² and number of tensors, by adapter. */
  readonly share: Float64Array;
  readonly shareCount: Float64Array;
  /** Adapters some of whose factors are in no figure. */
  readonly partial: ReadonlySet<number>;
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
}

const BYTES_PER_DOUBLE = 8;
/** Factors of a tensor are held with their stacked copies, two blocks of adapters at a time. */
const SHARE_OF_BUDGET = 1 / 4;

/**
 * All inner products ⟨ΔWᵢ, ΔWⱼ⟩ = sᵢsⱼ Σ (BᵢᵀBⱼ) ∘ (AᵢAⱼᵀ), tensor by tensor: the factors of all adapters in a tensor are
 * read, multiplied and let go, so every byte is read once where those of one tensor fit into memory. What is no product of
 * factors (DoRA, modules saved whole) is streamed with the base. Factors with NaN or infinities are in no figure: one finding
 * each. Fails as reading does, or with `cancelled`.
 */
export async function librarySums(
  study: Study,
  adapters: readonly AdapterTask[],
  context: LensContext,
): Promise<Result<LibrarySums>> {
  const n = adapters.length;
  const names = networkOrder([...new Set(adapters.flatMap(({ task }) => [...task.deltas.keys()]))]);
  const isFactored = (name: string) =>
    adapters.every(({ task }) => (task.deltas.get(name)?.kind ?? 'lowRank') === 'lowRank');
  const factored = names.filter(isFactored);
  const sums = {
    n,
    gram: new Float64Array(n * n),
    arrow: new Float64Array(n * n),
    arrowCount: new Float64Array(n * n),
    share: new Float64Array(n),
    shareCount: new Float64Array(n),
    partial: new Set<number>(),
  };
  const share = names.length > 0 ? factored.length / names.length : 1;
  const read = await addFactored(factored, adapters, sums, partOf(context, 0, share));
  if (!read.ok) return read;
  const rest = await addStreamed(study, adapters, isFactored, sums.gram, partOf(context, share, 1));
  if (!rest.ok) return rest;
  return success({
    ...sums,
    findings: [...read.value.findings, ...rest.value.findings],
    bytesRead: read.value.bytesRead + rest.value.bytesRead,
  });
}

type Sums = Omit<LibrarySums, 'findings' | 'bytesRead' | 'partial'> & { readonly partial: Set<number> };
type Read = Pick<LibrarySums, 'findings' | 'bytesRead'>;

async function addFactored(
  names: readonly string[],
  adapters: readonly AdapterTask[],
  sums: Sums,
  context: LensContext,
): Promise<Result<Read>> {
  const notFinite = adapters.map(({ task }) => new ModelFindings(task.checkpoint.path));
  let bytesRead = 0;
  for (const [index, name] of names.entries()) {
    const members = adapters.flatMap(({ task }, at): Member[] => {
      const delta = task.deltas.get(name);
      return delta?.kind === 'lowRank' ? [{ at, delta }] : [];
    });
    const blocks = blocksOf(members, context.memoryBudget * SHARE_OF_BUDGET);
    for (const [p, block] of blocks.entries()) {
      const left = await loadBlock(block);
      if (!left.ok) return left;
      bytesRead += left.value.bytesRead;
      for (const at of left.value.notFinite) {
        const message = `${adapters[at]?.name ?? ''}: the factors of ${name} hold NaN or infinities; the tensor is in no figure.`;
        notFinite[at]?.add('matrix-not-finite', message, name);
        sums.partial.add(at);
      }
      addBlock(left.value.loaded, sums);
      for (const other of blocks.slice(p + 1)) {
        const right = await loadBlock(other);
        if (!right.ok) return right;
        bytesRead += right.value.bytesRead;
        addAcross(left.value.loaded, right.value.loaded, sums);
      }
      await pause();
      if (context.signal.aborted) return cancelled();
    }
    context.progress((index + 1) / names.length, 'Multiplying factors of all adapters');
  }
  return success({ findings: notFinite.flatMap((own) => own.all()), bytesRead });
}

interface Member {
  /** Index of the adapter. */
  readonly at: number;
  readonly delta: FactoredDelta;
}

interface Loaded {
  readonly at: number;
  readonly delta: LowRankDelta;
  readonly prototype: ArrowPrototype | null;
}

/** Runs of members whose factors, and copies of them, take no more than half of `limit`; all of them where they fit. */
function blocksOf(members: readonly Member[], limit: number): Member[][] {
  const bytes = ({ delta }: Member) => 2 * BYTES_PER_DOUBLE * delta.parameters;
  const total = members.reduce((sum, member) => sum + bytes(member), 0);
  if (total <= limit) return [[...members]];
  const blocks: Member[][] = [];
  let room = 0;
  for (const member of members) {
    const last = blocks.at(-1);
    if (last && bytes(member) <= room) last.push(member);
    else {
      blocks.push([member]);
      room = limit / 4;
    }
    room -= bytes(member);
  }
  return blocks;
}

interface LoadedBlock {
  readonly loaded: readonly Loaded[];
  /** Indices of the adapters whose factors hold NaN or infinities. */
  readonly notFinite: readonly number[];
  readonly bytesRead: number;
}

async function loadBlock(members: readonly Member[]): Promise<Result<LoadedBlock>> {
  const loaded: Loaded[] = [];
  const notFinite: number[] = [];
  let bytesRead = 0;
  for (const { at, delta } of members) {
    const read = await loadLowRank(delta);
    if (!read.ok) return read;
    bytesRead += read.value.bytesRead;
    const own = read.value.delta;
    if (hasFiniteFactors(own)) loaded.push({ at, delta: own, prototype: arrowPrototype(own) });
    else notFinite.push(at);
  }
  return success({ loaded, notFinite, bytesRead });
}

function addBlock(loaded: readonly Loaded[], sums: Sums): void {
  for (const { at, prototype } of loaded) {
    if (!prototype) continue;
    sums.share[at] = (sums.share[at] as number) + prototype.share;
    sums.shareCount[at] = (sums.shareCount[at] as number) + 1;
  }
  addPairs(loaded, sums, () => true);
}

function addAcross(left: readonly Loaded[], right: readonly Loaded[], sums: Sums): void {
  addPairs([...left, ...right], sums, (i, j) => i < left.length && j >= left.length);
}

function addPairs(loaded: readonly Loaded[], sums: Sums, counts: (i: number, j: number) => boolean): void {
  forFactorPairs(
    loaded.map(({ delta }) => delta),
    (i, j, products) => {
      const [x, y] = [loaded[i], loaded[j]];
      if (!x || !y || !counts(i, j)) return;
      addTo(sums.gram, sums.n, x.at, y.at, innerOf(x.delta, y.delta, products));
      if (!x.prototype || !y.prototype || i === j) return;
      addTo(sums.arrow, sums.n, x.at, y.at, prototypeCosine(x.prototype, y.prototype, products.a));
      addTo(sums.arrowCount, sums.n, x.at, y.at, 1);
    },
  );
}

function addTo(matrix: Float64Array, n: number, i: number, j: number, value: number): void {
  matrix[i * n + j] = (matrix[i * n + j] as number) + value;
  if (i !== j) matrix[j * n + i] = (matrix[j * n + i] as number) + value;
}

/** Adds the tensors in which some adapter has no factors; they are streamed with the base. */
async function addStreamed(
  study: Study,
  adapters: readonly AdapterTask[],
  isFactored: (name: string) => boolean,
  gram: Float64Array,
  context: LensContext,
): Promise<Result<Read>> {
  const tasks = adapters.map(({ task }) => ({
    ...task,
    deltas: new Map([...task.deltas].filter(([name]) => !isFactored(name))),
  }));
  if (tasks.every(({ deltas }) => deltas.size === 0)) return success({ findings: [], bytesRead: 0 });
  const read = await taskGram({ ...study, tasks }, context);
  if (!read.ok) return read;
  for (const { gram: own } of read.value.tensors) {
    for (const [at, value] of own.entries()) gram[at] = (gram[at] as number) + value;
  }
  return success({ findings: read.value.findings, bytesRead: read.value.bytesRead });
}
