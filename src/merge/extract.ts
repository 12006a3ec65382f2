import type { Checkpoint } from '../format/checkpoint';
import { copiedTensor, textFile, type OutputTensor } from '../format/output-file';
import type { BuiltTask } from '../model/dense-task';
import type { Finding } from '../protocol/finding';
import { cancelled, success, type Result } from '../protocol/result';
import type { ExtractAction } from '../protocol/write';
import type { MatrixOutcome } from '../tensor/matrix-source';
import type { GroupTask, PassItem } from '../tensor/pass';
import { chooseRank } from './factor-rank';
import { changedTensors, reasonOf, type ChangedTensor, type Representable } from './extract-targets';
import { factorsFrom, peftTensors, writtenDtype, type LoraModule } from './lora-module';
import { folderOutput } from './output';
import { peftConfig, targetModules } from './peft-config';
import type { MergeContext, WritePlan } from './plan';
import { mergeFinding, refuse } from './problems';
import { rankTable, type RankRow } from './rank-table';
import { restTable, savedWhole } from './extract-rest';
import { notReached } from './resize';

/** The largest rank where none is given. */
const MOST_RANK = 128;
/** Matrices that the workers have at the same time; larger ones by themselves. */
const BATCH = 8;
const BYTES_PER_DOUBLE = 8;

/**
 * A LoRA of what a fine-tune changed: the best approximation of every τ = θ − θ₀ of a linear layer or convolution, by a truncated
 * decomposition in the workers. Energies and errors are of the whole of τ. Norms, embeddings, heads and biases have no place in
 * factors: they are listed, and saved whole where asked for. Fails with `write-nothing`, `factors-not-finite`,
 * `adapter-too-large`, as reading does, or with `cancelled`.
 */
export async function planExtraction(
  base: Checkpoint,
  built: BuiltTask,
  { choice, dtype, saveRest }: Pick<ExtractAction, 'choice' | 'dtype' | 'saveRest'>,
  target: string,
  baseName: string,
  context: MergeContext,
): Promise<Result<WritePlan>> {
  const { path } = built.task.checkpoint;
  const changed = await changedTensors(base, built.task, context);
  if (!changed.ok) return changed;
  const wanted = changed.value.filter(isRepresentable);
  const rest = changed.value.filter((each) => !isRepresentable(each));
  if (wanted.length === 0)
    return refuse('write-nothing', path, `${path} changes no matrix of ${base.path} that a LoRA could hold.`);
  const most = choice.by === 'rank' ? choice.rank : (choice.most ?? MOST_RANK);
  const decomposed = await decompose(wanted, most, path, { choice, dtype }, context);
  if (!decomposed.ok) return decomposed;
  const { modules, rows } = decomposed.value;
  const saved = saveRest ? savedWhole(rest, base, built.task) : { tensors: [], modules: [], bias: false };
  const linear = base.tensors.flatMap(({ name }) =>
    name.endsWith('.weight') ? [name.slice(0, -'.weight'.length)] : [],
  );
  const config = peftConfig({
    fields: new Map(),
    modules: modules.map(({ module, rank }) => ({ module, rank, alpha: rank })),
    baseName,
    fanInFanOut: wanted.every(({ place }) => place.transposed),
    targets: targetModules(modules.map(({ module }) => module), linear),
    modulesToSave: saved.modules,
    bias: saved.bias ? 'lora_only' : 'none',
  }); // prettier-ignore
  const tensors: OutputTensor[] = [
    ...modules.flatMap(peftTensors),
    ...saved.tensors.map((entry) => copiedTensor(entry, `base_model.model.${entry.name}`)),
  ];
  const output = folderOutput(target, {
    stem: 'adapter_model', tensors, metadata: { format: 'pt' }, order: 'library', mostShardBytes: null,
  }, [textFile('adapter_config.json', config)]); // prettier-ignore
  if (!output.ok) return output;
  const kept = new Set(saved.tensors.map(({ name }) => name));
  return success({
    ...output.value,
    tensors: tensors.length,
    check: () => Promise.resolve(success(null)),
    report: () => ({
      summary: summaryOf(rows, rest, kept),
      tables: [rankTable(rows), ...(rest.length > 0 ? [restTable(rest, kept)] : [])],
      findings: [...built.findings, ...notReached(rows, path), ...leftOut(rest, kept, saveRest, path)],
    }),
  });
}

type Wanted = ChangedTensor & { readonly place: Representable };

function isRepresentable(changed: ChangedTensor): changed is Wanted {
  return typeof changed.place !== 'string';
}

interface Decomposed {
  readonly modules: readonly LoraModule[];
  readonly rows: readonly RankRow[];
}

/** Decomposes the changes in the workers, a batch at a time, and keeps the factors as they will be written. */
async function decompose(
  wanted: readonly Wanted[],
  most: number,
  path: string,
  { choice, dtype }: Pick<ExtractAction, 'choice' | 'dtype'>,
  context: MergeContext,
): Promise<Result<Decomposed>> {
  const modules: LoraModule[] = [];
  const rows: RankRow[] = [];
  let held = 0;
  for (const batch of batchesOf(wanted, context.memoryBudget)) {
    if (context.signal.aborted) return cancelled();
    const done = modules.length;
    const outcomes = await context.passes.run(batch.map((each) => itemOf(each, most)), {
      signal: context.signal,
      onBytes: (read, total) =>
        context.progress((done + (batch.length * read) / Math.max(1, total)) / wanted.length, 'Decomposing'),
    }); // prettier-ignore
    if (!outcomes.ok) return outcomes;
    for (const [index, outcome] of outcomes.value.entries()) {
      const each = batch[index];
      if (!each || outcome.kind !== 'matrix') continue;
      const made = moduleOf(each, outcome, { choice, dtype });
      if (made === null) {
        const message = `${path}: the change of ${each.entry.name} holds NaN or infinities, or is too large to decompose.`;
        return refuse('factors-not-finite', path, message, each.entry.name);
      }
      modules.push(made.lora);
      rows.push(made.row);
      held += made.lora.a.length + made.lora.b.length;
    }
    if (held > context.memoryBudget)
      return refuse('adapter-too-large', path, `${path}: the factors are larger than memory has room for.`);
  }
  return success({ modules, rows });
}

function* batchesOf(wanted: readonly Wanted[], budget: number): Generator<Wanted[]> {
  let batch: Wanted[] = [];
  for (const each of wanted) {
    const large = each.entry.span.count * BYTES_PER_DOUBLE > budget / 8;
    if (batch.length > 0 && (large || batch.length === BATCH)) {
      yield batch;
      batch = [];
    }
    batch.push(each);
    if (large) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

function itemOf({ entry, task, place }: Wanted, most: number): PassItem {
  const [first = 1] = entry.span.shape;
  const second = entry.span.count / first;
  const [rows, columns] = place.transposed ? [second, first] : [first, second];
  const loaded: GroupTask = task;
  return {
    kind: 'matrix',
    source: {
      rows,
      columns,
      transposed: place.transposed,
      terms: [{ kind: 'delta', weight: 1, base: entry.span, task: loaded }],
    },
    operation: { kind: 'svd', rank: most },
  };
}

function moduleOf(
  { place, entry, squares, baseSquares }: Wanted,
  { left, right, singular, rows, columns }: MatrixOutcome,
  { choice, dtype }: Pick<ExtractAction, 'choice' | 'dtype'>,
): { readonly lora: LoraModule; readonly row: RankRow } | null {
  if (left === null || right === null || singular === null) return null;
  const k = singular.length;
  const chosen = chooseRank(singular, squares, choice);
  const found = {
    left: { rows, columns: k, values: left },
    values: singular,
    right: { rows: k, columns, values: right },
  };
  const lora = factorsFrom(found, chosen.rank, place, writtenDtype(dtype, entry.span.dtype));
  const relative = baseSquares > 0 ? Math.sqrt(squares / baseSquares) : null;
  return { lora, row: { module: place.module, before: null, norm: Math.sqrt(squares), relative, ...chosen } };
}

/** A share has no meaning where nothing changed, and none is known beside NaN. */
function keptText(kept: number, all: number): string {
  if (all === 0) return 'nothing changed';
  const share = (100 * kept) / all;
  return Number.isFinite(share)
    ? `${share.toFixed(2)} % of ‖τ‖² is kept`
    : 'how much of ‖τ‖² is kept is unknown, since a changed tensor holds NaN or infinities';
}

function summaryOf(
  rows: readonly RankRow[],
  rest: readonly ChangedTensor[],
  saved: ReadonlySet<string>,
): string {
  const whole = rows.reduce((sum, { norm }) => sum + norm ** 2, 0);
  const lost = rows.reduce((sum, { norm, error }) => sum + (norm * error) ** 2, 0);
  const all = whole + rest.reduce((sum, { squares }) => sum + squares, 0);
  const kept =
    whole - lost + rest.reduce((sum, { entry, squares }) => sum + (saved.has(entry.name) ? squares : 0), 0);
  const ranks = rows.map(({ rank }) => rank);
  const range =
    ranks.length > 0 ? ` of rank ${String(Math.min(...ranks))} to ${String(Math.max(...ranks))}` : '';
  return `${String(rows.length)} modules${range}; ${keptText(kept, all)}.`;
}

function leftOut(
  rest: readonly ChangedTensor[],
  saved: ReadonlySet<string>,
  saveRest: boolean,
  path: string,
): readonly Finding[] {
  const out = rest.filter(({ entry }) => !saved.has(entry.name));
  const [first] = out;
  if (!first) return [];
  const more = out.length > 1 ? ` and ${String(out.length - 1)} more` : '';
  const message = `${path}: ${first.entry.name}${more} changed, and has no place in the LoRA: ${reasonOf(first)}.`;
  const code = saveRest ? 'extract-not-saved' : 'extract-left-out';
  return [mergeFinding(code, path, message, first.entry.name)];
}
