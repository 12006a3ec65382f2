import type { Checkpoint } from '../format/checkpoint';
import { copiedTensor, textFile } from '../format/output-file';
import type { AdapterTarget } from '../model/adapters/family';
import type { AdapterDescription } from '../model/describe-adapter';
import { modelFinding } from '../model/finding-codes';
import { loadFactors } from '../model/load-delta';
import { cancelled, success, type Result } from '../protocol/result';
import type { Finding } from '../protocol/finding';
import type { ResizeAction } from '../protocol/write';
import { hasFiniteFactors } from '../tensor/factor-products';
import type { LowRankDelta } from '../tensor/pass';
import { lowRankSvd } from '../tensor/linear/low-rank-svd';
import { chooseRank, type ChosenRank } from './factor-rank';
import { factorsFrom, peftTensors, writtenDtype, type LoraModule } from './lora-module';
import { namedTargets, severalModels, type NamedTarget } from './named-targets';
import { folderOutput } from './output';
import { peftConfig } from './peft-config';
import type { MergeContext, WritePlan } from './plan';
import { mergeFinding, refuse } from './problems';
import { rankTable, type RankRow } from './rank-table';

/** An adapter that is opened, and what is known of where it belongs. */
export interface OpenedAdapter {
  readonly checkpoint: Checkpoint;
  readonly adapter: AdapterDescription;
  /** Fields of its configuration as written. */
  readonly fields: ReadonlyMap<string, unknown>;
  readonly base: Checkpoint | null;
  /** `base_model_name_or_path` as the new configuration has it. */
  readonly baseName: string | null;
}

/**
 * An adapter with smaller ranks: the best approximation of every ΔW = s·B·A (Eckart, Young 1936) from the decomposition of
 * its factors (`lowRankSvd`), which ΔW itself is never formed for. Written in PEFT's layout with alpha = rank, the scale in the
 * factors. Whatever has factors becomes a LoRA, LoHa and LoKr too. Fails with `module-not-lora`, `module-name-unknown`,
 * `layout-has-no-place`, `factors-not-finite`, `adapter-too-large`, as reading does, or with `cancelled`.
 */
export async function planResize(
  opened: OpenedAdapter,
  { choice, dtype }: Pick<ResizeAction, 'choice' | 'dtype'>,
  target: string,
  context: MergeContext,
): Promise<Result<WritePlan>> {
  const { checkpoint, adapter, base } = opened;
  const { path } = checkpoint;
  if (adapter.refusal !== null)
    return refuse(
      'module-not-lora',
      path,
      `${path} is an adapter of the kind ${adapter.kind}: ${adapter.refusal}`,
    );
  const named = namedTargets(adapter, path, base);
  if (!named.ok) return named;
  if (named.value.length === 0) return refuse('write-nothing', path, `${path} has no factors.`);
  const several = severalModels(named.value);
  if (several !== null)
    return refuse(
      'layout-has-no-place',
      path,
      `${path}: ${several}, and an adapter in PEFT’s layout is of one.`,
    );
  const modules: LoraModule[] = [];
  const rows: RankRow[] = [];
  let held = 0;
  for (const [index, each] of named.value.entries()) {
    context.progress(index / named.value.length, 'Decomposing');
    // Lets a cancellation through.
    await new Promise((resolve) => setImmediate(resolve));
    if (context.signal.aborted) return cancelled();
    const made = await resized(each, { choice, dtype }, path, context);
    if (!made.ok) return made;
    modules.push(made.value.lora);
    rows.push(made.value.row);
    held += made.value.lora.a.length + made.value.lora.b.length;
    if (held > context.memoryBudget)
      return refuse(
        'adapter-too-large',
        path,
        `${path}: the new factors are larger than memory has room for.`,
      );
  }
  const saved = adapter.saved.map(({ tensor, entry }) => copiedTensor(entry, `base_model.model.${tensor}`));
  const config = peftConfig({
    fields: opened.fields,
    modules: modules.map(({ module, rank }) => ({ module, rank, alpha: rank })),
    baseName: opened.baseName,
    fanInFanOut: adapter.config?.fanInFanOut ?? false,
    targets: adapter.config?.targets ?? modules.map(({ module }) => module),
    modulesToSave: adapter.config?.modulesToSave ?? [],
    bias: typeof opened.fields.get('bias') === 'string' ? String(opened.fields.get('bias')) : 'none',
  });
  const output = folderOutput(target, {
    stem: 'adapter_model',
    tensors: [...modules.flatMap(peftTensors), ...saved],
    metadata: { format: 'pt' },
    order: 'library',
    mostShardBytes: null,
  }, [textFile('adapter_config.json', config)]); // prettier-ignore
  if (!output.ok) return output;
  return success({
    ...output.value,
    tensors: 2 * modules.length + saved.length,
    check: () => Promise.resolve(success(null)),
    report: () => ({
      summary: summaryOf(rows),
      tables: [rankTable(rows)],
      findings: [...adapter.findings, ...unplaced(adapter, path), ...notReached(rows, path)],
    }),
  });
}

async function resized(
  { target, module }: NamedTarget,
  { choice, dtype }: Pick<ResizeAction, 'choice' | 'dtype'>,
  path: string,
  { read }: MergeContext,
): Promise<Result<{ readonly lora: LoraModule; readonly row: RankRow }>> {
  const delta = await factorsOf(target, path, read);
  if (!delta.ok) return delta;
  if (!hasFiniteFactors(delta.value)) {
    const message = `${path}: the factors of ${module} hold NaN or infinities.`;
    return refuse('factors-not-finite', path, message, module);
  }
  const found = lowRankSvd(delta.value);
  const squares = found.values.reduce((sum, value) => sum + value * value, 0);
  const chosen: ChosenRank = chooseRank(found.values, squares, choice);
  const own = target.tensors[0]?.span.dtype ?? 'F32';
  const place = { module, embedding: target.embedding, inner: innerOf(target, delta.value.columns) };
  const lora = factorsFrom(found, chosen.rank, place, writtenDtype(dtype, own));
  return success({
    lora,
    row: { module, before: target.storedRank, norm: Math.sqrt(squares), relative: null, ...chosen },
  });
}

async function factorsOf(
  target: AdapterTarget,
  path: string,
  read: MergeContext['read'],
): Promise<Result<LowRankDelta>> {
  const { recipe, scale } = target;
  if (recipe.kind === 'product' || recipe.kind === 'factored') return loadFactors(recipe, scale, false, read);
  const message = `${path}: ${target.module} changes as ${target.title} does, which is no product of factors.`;
  return refuse('module-not-lora', path, message, target.module);
}

/** Inputs and kernel of a convolution, as the factor next to the input has them; else the columns. */
function innerOf({ recipe }: AdapterTarget, columns: number): readonly number[] {
  const stored = recipe.kind === 'product' && !recipe.turned ? recipe.a.span.shape.slice(1) : [];
  if (recipe.kind === 'factored') {
    const [down, mid] = [recipe.parts.get('a'), recipe.parts.get('mid')];
    // A Tucker core has the kernel, the factor next to it the inputs.
    if (down && mid) return [down.span.shape[1] ?? columns, ...mid.span.shape.slice(2)];
  }
  return stored.length > 1 ? stored : [columns];
}

function summaryOf(rows: readonly RankRow[]): string {
  const squares = rows.reduce((sum, { norm }) => sum + norm ** 2, 0);
  const lost = rows.reduce((sum, { norm, error }) => sum + (norm * error) ** 2, 0);
  const share = squares > 0 ? 1 - lost / squares : 1;
  const ranks = rows.map(({ rank }) => rank);
  const range = `${String(Math.min(...ranks))} to ${String(Math.max(...ranks))}`;
  return `${String(rows.length)} modules of rank ${range}; ${(100 * share).toFixed(2)} % of ‖ΔW‖² is kept.`;
}

/** Tensors that have no place in the new adapter. */
function unplaced({ unplaced: tensors }: AdapterDescription, path: string): readonly Finding[] {
  return tensors.map(({ tensor, reason }) =>
    modelFinding('adapter-tensor-unplaced', path, `${path}: ${tensor} is left out: ${reason}.`, tensor),
  );
}

/** Modules that keep less than was asked for. */
export function notReached(rows: readonly RankRow[], path: string): readonly Finding[] {
  const short = rows.filter(({ reached }) => !reached);
  const [first] = short;
  if (!first) return [];
  const more = short.length > 1 ? ` and ${String(short.length - 1)} more` : '';
  const message = `${path}: ${first.module}${more}: rank ${String(first.rank)} keeps ${(100 * first.energy).toFixed(1)} % of ‖ΔW‖².`;
  return [mergeFinding('rank-not-reached', path, message, first.module)];
}
