import { textFile, type OutputFile, type OutputTensor } from '../format/output-file';
import type { AdapterTarget } from '../model/adapters/family';
import type { Table } from '../protocol/artifact';
import { success, type Result } from '../protocol/result';
import type { WrittenLayout } from '../protocol/write';
import { layoutFor, type LayoutModule } from './layout-rules';
import { renamedFactors } from './layout-tensors';
import { namedTargets, severalModels } from './named-targets';
import { checkpointOutput, folderOutput } from './output';
import type { MergeContext, WritePlan } from './plan';
import { refuse } from './problems';
import type { OpenedAdapter } from './resize';

/**
 * A LoRA under the names of another library: the same factors bit by bit, turned where the library stores them turned, and the
 * exact scale of every module where that library looks for it. What a layout has no place for is refused, so that nothing is
 * lost. Fails with `layout-has-no-place`, `module-name-unknown`, `output-kind`, or as reading does.
 */
export async function planLayout(
  opened: OpenedAdapter,
  layout: WrittenLayout,
  target: string,
  context: MergeContext,
): Promise<Result<WritePlan>> {
  const { checkpoint, adapter } = opened;
  const { path } = checkpoint;
  if (adapter.refusal !== null)
    return refuse(
      'layout-has-no-place',
      path,
      `${path} is an adapter of the kind ${adapter.kind}: ${adapter.refusal}`,
    );
  const named = namedFor(opened, layout);
  if (!named.ok) return named;
  const misfit = misfitOf(opened, layout, named.value);
  if (misfit !== null) return refuse('layout-has-no-place', path, `${path}: ${misfit.reason}.`, misfit.at);
  const rules = layoutFor(layout, named.value, opened);
  const tensors: OutputTensor[] = [];
  const renamed: Renamed[] = [];
  for (const module of named.value) {
    const factors = await renamedFactors(module, rules.namesOf(module), rules.turned, context.read);
    if (!factors.ok) return factors;
    tensors.push(...factors.value.tensors, ...rules.besides(module));
    renamed.push(...factors.value.renamed.map((each) => ({ ...each, scale: module.target.scale })));
  }
  tensors.push(...rules.saved);
  const config: OutputFile[] = rules.config === null ? [] : [textFile('adapter_config.json', rules.config)];
  const metadata = Object.fromEntries(
    Object.entries(checkpoint.metadata).filter(([key]) => key !== 'lora_adapter_metadata'),
  );
  const output = (rules.config === null ? checkpointOutput : folderOutput)(target, {
    stem: rules.stem,
    tensors,
    metadata: { format: 'pt', ...metadata, ...rules.metadata },
    order: 'library',
    mostShardBytes: null,
  }, config); // prettier-ignore
  if (!output.ok) return output;
  return success({
    ...output.value,
    tensors: tensors.length,
    check: () => Promise.resolve(success(null)),
    report: () => ({
      summary: `${String(named.value.length)} modules from ${adapter.layout ?? 'another'} to ${rules.title} names, factors unchanged bit by bit.`,
      tables: [nameTable(renamed)],
      findings: [...adapter.findings],
    }),
  });
}

/** Underscores do for kohya's own names. */
function namedFor(
  { adapter, checkpoint, base }: OpenedAdapter,
  layout: WrittenLayout,
): Result<readonly LayoutModule[]> {
  if (layout !== 'kohya' || base) return namedTargets(adapter, checkpoint.path, base);
  return success(adapter.targets.map((target) => ({ target, module: target.module })));
}

interface Misfit {
  readonly reason: string;
  readonly at?: string;
}

/** What the layout has no place for; `null` where everything fits. */
function misfitOf(
  { adapter }: OpenedAdapter,
  layout: WrittenLayout,
  modules: readonly LayoutModule[],
): Misfit | null {
  if (modules.length === 0) return { reason: 'it has no factors' };
  const [unplaced] = adapter.unplaced;
  if (unplaced)
    return { reason: `${unplaced.tensor} would be lost (${unplaced.reason})`, at: unplaced.tensor };
  const [saved] = adapter.saved;
  if (saved && layout !== 'peft') return { reason: `${saved.tensor} is saved whole`, at: saved.tensor };
  for (const { target, module } of modules) {
    const reason = targetMisfit(target, layout);
    if (reason !== null) return { reason: `${module} ${reason}`, at: target.module };
  }
  const several = layout === 'peft' || layout === 'mlx' ? severalModels(modules) : null;
  if (several !== null) return { reason: `${several}, and an adapter of this layout is of one` };
  return layout === 'mlx' ? unevenness(modules) : null;
}

function targetMisfit(target: AdapterTarget, layout: WrittenLayout): string | null {
  const { recipe, embedding, title, key } = target;
  if (recipe.kind !== 'product' || target.parameter !== 'weight') return `changes as ${title} does`;
  if (embedding && layout !== 'peft') return 'is an embedding';
  if (key.style === 'anonymous') return 'has a number for a name';
  if (layout === 'mlx' && recipe.a.span.shape.length > 2) return 'is a convolution';
  return null;
}

/** mlx-lm makes all layers with one rank and one scale (`linear_to_lora_layers` in mlx_lm/tuner/utils.py). */
function unevenness(modules: readonly LayoutModule[]): Misfit | null {
  const first = modules[0]?.target;
  const odd = modules.find(
    ({ target }) => target.scale !== first?.scale || target.storedRank !== first.storedRank,
  );
  if (!odd) return null;
  return {
    reason: `${odd.module} has another rank or scale than others, and mlx-lm has one of each`,
    at: odd.module,
  };
}

interface Renamed {
  readonly before: string;
  readonly after: string;
  readonly shape: readonly number[];
  readonly scale: number;
}

function nameTable(renamed: readonly Renamed[]): Table {
  return {
    kind: 'table',
    id: 'names',
    title: 'Names',
    columns: [
      { name: 'before', title: 'Before', type: 'text' },
      { name: 'after', title: 'After', type: 'text' },
      { name: 'shape', title: 'Shape', type: 'text' },
      { name: 'scale', title: 'Scale', type: 'number' },
    ],
    rows: renamed.map(({ before, after, shape, scale }) => [before, after, `[${shape.join(', ')}]`, scale]),
  };
}
