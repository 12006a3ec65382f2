import { isOptimizerState, parameterGroups, readParameterOrder } from '../../format/optimizer-state';
import { PickledTensor, type Pickled } from '../../format/pickle';
import { success, type Result } from '../../protocol/result';
import { refuse } from '../problems';
import type { Importance, ImportanceTensor } from './importance';
import type { TorchArchive } from './torch-archive';

const SECOND_MOMENT = 'exp_avg_sq';
/** PyTorch's own where a group says nothing. */
const BETA2 = 0.999;

interface Moment {
  readonly key: number | string;
  readonly tensor: PickledTensor;
  readonly step: number;
  readonly beta2: number;
}

/**
 * The bias-corrected second moments of Adam and its kin, v̂ = v / (1 − β₂ᵗ) (Kingma, Ba 2015, algorithm 1), by the names of
 * the parameters: from the groups' `param_names`, from keys that are names, or from `parameter_order.json` beside the
 * file. Fails with `importance-format` where there are no second moments, or `importance-names`.
 */
export async function adamMoments(path: string, archive: TorchArchive): Promise<Result<Importance>> {
  const { content } = archive;
  if (!isOptimizerState(content))
    return refuse('importance-format', path, `${path} is no state of an optimiser.`);
  const groups = groupsOf(content);
  const moments = await momentsOf(content.get('state') ?? null, groups, archive);
  if (!moments.ok) return moments;
  if (moments.value.length === 0) {
    const message = `${path} has no second moments (${SECOND_MOMENT}); only Adam and its kin keep them.`;
    return refuse('importance-format', path, message);
  }
  const names = await namesOf(path, groups, moments.value);
  if (!names.ok) return names;
  return success({
    path,
    kind: 'moments',
    steps: Math.max(...moments.value.map(({ step }) => step)),
    tensors: moments.value.map((moment) =>
      correctedMoment(names.value.get(moment.key) ?? '', moment, archive),
    ),
  });
}

function correctedMoment(
  name: string,
  { tensor, step, beta2 }: Moment,
  archive: TorchArchive,
): ImportanceTensor {
  return {
    name,
    shape: tensor.shape,
    load: async () => {
      const values = await archive.load(tensor);
      if (!values.ok) return values;
      const correction = 1 - beta2 ** step;
      return success(values.value.map((v) => v / correction));
    },
  };
}

interface Group {
  readonly keys: readonly (number | string)[];
  readonly names: readonly string[];
  readonly beta2: number;
}

function groupsOf(content: Map<Pickled, Pickled>): readonly Group[] {
  return parameterGroups(content).map(({ keys, names, options }) => {
    const betas = options.get('betas');
    const beta2 = Array.isArray(betas) ? betas[1] : undefined;
    return { keys, names, beta2: typeof beta2 === 'number' ? beta2 : BETA2 };
  });
}

async function momentsOf(
  state: Pickled,
  groups: readonly Group[],
  archive: TorchArchive,
): Promise<Result<readonly Moment[]>> {
  const betas = new Map(groups.flatMap(({ keys, beta2 }) => keys.map((key) => [key, beta2] as const)));
  const moments: Moment[] = [];
  for (const [key, own] of state instanceof Map ? state : []) {
    if (!(own instanceof Map) || (typeof key !== 'number' && typeof key !== 'string')) continue;
    const tensor = own.get(SECOND_MOMENT);
    if (!(tensor instanceof PickledTensor)) continue;
    const step = await stepOf(own.get('step') ?? null, archive);
    if (!step.ok) return step;
    if (step.value >= 1) moments.push({ key, tensor, step: step.value, beta2: betas.get(key) ?? BETA2 });
  }
  return success(moments);
}

/** A number, or a tensor with one. */
async function stepOf(step: Pickled, archive: TorchArchive): Promise<Result<number>> {
  if (typeof step === 'number') return success(step);
  if (!(step instanceof PickledTensor)) return success(0);
  const values = await archive.load(step);
  return values.ok ? success(values.value[0] ?? 0) : values;
}

async function namesOf(
  path: string,
  groups: readonly Group[],
  moments: readonly Moment[],
): Promise<Result<ReadonlyMap<number | string, string>>> {
  const names = new Map<number | string, string>();
  for (const { key } of moments) if (typeof key === 'string') names.set(key, key);
  for (const group of groups) {
    if (group.names.length !== group.keys.length) continue;
    group.keys.forEach((key, at) => names.set(key, group.names[at] ?? ''));
  }
  const keys = groups.flatMap((group) => group.keys);
  const order = names.size >= moments.length ? null : await readParameterOrder(path);
  if (order?.length === keys.length) keys.forEach((key, at) => names.set(key, order[at] ?? ''));
  if (moments.every(({ key }) => (names.get(key) ?? '') !== '')) return success(names);
  const there =
    order === null
      ? `and no parameter_order.json lies beside it`
      : `and parameter_order.json beside it names ${String(order.length)} of ${String(keys.length)}`;
  return refuse('importance-names', path, `${path} numbers its parameters, ${there}.`);
}
