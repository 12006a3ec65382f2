import { ModelFindings } from '../model/model-findings';
import { networkOrder } from '../model/naming';
import type { Study } from '../model/study';
import type { FactoredDelta } from '../model/task-vector';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import type { FactorPairs, MatrixSource } from '../tensor/matrix-source';
import type { AdapterTask } from './adapter-tasks';
import type { LensContext } from './lens';
import { factorSource, readMatrices } from './matrix-pass';
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

/** The factors of a tensor are held by a worker, as float32. */
const BYTES_PER_PARAMETER = 4;
const SHARE_OF_BUDGET = 1 / 4;
/** Tensors that the workers have at a time. */
const BATCH = 8;

/**
 * All inner products ⟨ΔWᵢ, ΔWⱼ⟩ = sᵢsⱼ Σ (BᵢᵀBⱼ) ∘ (AᵢAⱼᵀ), tensor by tensor in the workers: the factors of all adapters
 * in a tensor are read, multiplied and let go, so every byte is read once where those of one tensor fit into memory. What is no product of
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
  for (let first = 0; first < names.length; first += BATCH) {
    const work: PairsWork[] = [];
    for (const name of names.slice(first, first + BATCH)) {
      const shapes = await membersByShape(name, adapters);
      if (!shapes.ok) return shapes;
      for (const members of shapes.value) work.push(...workOf(name, members, context.memoryBudget));
    }
    const part = partOf(context, first / names.length, Math.min(1, (first + BATCH) / names.length));
    const read = await readMatrices(
      work.map(({ members, left }) => ({
        operation: { kind: 'factorPairs', left },
        load: () => Promise.resolve(success(sourceOf(members))),
      })),
      part,
      ({ pairs }, index) => {
        const own = work[index];
        if (!own || !pairs) return;
        addTensor(own, pairs, sums);
        // Every member is in one piece of work with all pairs.
        for (const place of own.left === null ? pairs.notFinite : []) {
          const at = own.members[place]?.at ?? 0;
          const message = `${adapters[at]?.name ?? ''}: the factors of ${own.name} hold NaN or infinities; the tensor is in no figure.`;
          notFinite[at]?.add('matrix-not-finite', message, own.name);
          sums.partial.add(at);
        }
      },
      'Multiplying factors of all adapters',
    );
    if (!read.ok) return read;
    bytesRead += work.reduce((sum, { members }) => sum + bytesOf(members), 0);
  }
  return success({ findings: notFinite.flatMap((own) => own.all()), bytesRead });
}

interface Member {
  /** Index of the adapter. */
  readonly at: number;
  readonly delta: FactoredDelta;
  readonly source: MatrixSource;
}

/** Members whose pairs are wanted: all of them, or those of the first `left` with the others. */
interface PairsWork {
  readonly name: string;
  readonly members: readonly Member[];
  readonly left: number | null;
}

/** The adapters with factors for a tensor, those with one shape together: only they can be compared. */
async function membersByShape(name: string, adapters: readonly AdapterTask[]): Promise<Result<Member[][]>> {
  const shapes = new Map<string, Member[]>();
  for (const [at, { task }] of adapters.entries()) {
    const delta = task.deltas.get(name);
    if (delta?.kind !== 'lowRank') continue;
    const source = await factorSource(delta);
    if (!source.ok) return source;
    const shape = `${String(source.value.rows)}x${String(source.value.columns)}`;
    shapes.set(shape, [...(shapes.get(shape) ?? []), { at, delta, source: source.value }]);
  }
  return success([...shapes.values()]);
}

/** All pairs at once where the factors fit into memory; else by blocks of members, two of them at a time. */
function workOf(name: string, members: readonly Member[], memoryBudget: number): PairsWork[] {
  const blocks = blocksOf(members, memoryBudget * SHARE_OF_BUDGET);
  return blocks.flatMap((block, p) => [
    { name, members: block, left: null },
    ...blocks.slice(p + 1).map((other) => ({ name, members: [...block, ...other], left: block.length })),
  ]);
}

/** Runs of members whose factors take no more than half of `limit`; all of them where they fit. */
function blocksOf(members: readonly Member[], limit: number): Member[][] {
  const held = ({ delta }: Member) => BYTES_PER_PARAMETER * delta.parameters;
  if (members.reduce((sum, member) => sum + held(member), 0) <= limit) return [[...members]];
  const blocks: Member[][] = [];
  let room = 0;
  for (const member of members) {
    const last = blocks.at(-1);
    if (last && held(member) <= room) last.push(member);
    else {
      blocks.push([member]);
      room = limit / 2;
    }
    room -= held(member);
  }
  return blocks;
}

function bytesOf(members: readonly Member[]): number {
  return members.reduce((sum, { delta }) => sum + delta.bytes, 0);
}

function sourceOf(members: readonly Member[]): MatrixSource {
  const { rows = 0, columns = 0 } = members[0]?.source ?? {};
  return { rows, columns, terms: members.flatMap(({ source }) => source.terms) };
}

function addTensor({ members, left }: PairsWork, pairs: FactorPairs, sums: Sums): void {
  const { n } = sums;
  const count = members.length;
  const lost = new Set(pairs.notFinite);
  for (const [x, { at: i }] of members.entries()) {
    const share = pairs.shares[x] as number;
    if (left === null && !Number.isNaN(share)) {
      sums.share[i] = (sums.share[i] as number) + share;
      sums.shareCount[i] = (sums.shareCount[i] as number) + 1;
    }
    for (let y = x; y < count; y++) {
      if (lost.has(x) || lost.has(y)) continue;
      const j = members[y]?.at ?? 0;
      addTo(sums.gram, n, i, j, pairs.inner[x * count + y] as number);
      const cosine = pairs.prototypes[x * count + y] as number;
      if (x === y || Number.isNaN(cosine)) continue;
      addTo(sums.arrow, n, i, j, cosine);
      addTo(sums.arrowCount, n, i, j, 1);
    }
  }
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
