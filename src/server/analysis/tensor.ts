import type { TensorEntry } from '../../format/checkpoint';
import { loadTask } from '../../lens/group-pass';
import { openStudy } from '../../model/open-study';
import type { TensorDelta } from '../../model/task-vector';
import type { TensorStatistics } from '../../protocol/checkpoint';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { failure, success, type Problem, type Result } from '../../protocol/result';
import type { PassItem } from '../../tensor/pass';
import { placeInFile, type TensorSpan } from '../../tensor/span';
import type { AnalysisContext } from './context';
import { OpenedInputs } from './opened-inputs';
import { measure } from './tensor-statistics';

const BINS = 64;
const MOST_BINS = 1024;

/**
 * Statistics and histogram of one tensor and, where a base is given, of its task vector. The tensor of an adapter's
 * delta is named as in the base, and the first statistics are then those of the base's tensor. Fails with
 * `tensor-unknown`, `cancelled`, `file-changed`, or as opening and reading do.
 */
export async function tensorDetail(
  { path, tensor, base, bins = BINS }: RequestParams<'deltalens/tensor'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/tensor'>> {
  const spec = { name: tensor, tasks: [{ name: 'task', path }], ...(base === undefined ? {} : { base }) };
  const inputs = new OpenedInputs(context.directories);
  const opened = await openStudy(spec, { open: (file) => inputs.open(file) });
  if (!opened.ok) return opened;
  const [task] = opened.value.tasks;
  const ownEntry = task?.checkpoint.tensors.find((entry) => entry.name === tensor);
  const beforeEntry = opened.value.base?.tensors.find((entry) => entry.name === tensor);
  const [own, before] = [ownEntry?.span, beforeEntry?.span];
  const shown = own ?? before;
  const parts = (ownEntry ?? beforeEntry)?.parts;
  if (!shown) return failure(unknownTensor(tensor, path));

  const binCount = Math.min(Math.max(1, Math.round(bins)), MOST_BINS);
  const statistics = await ofTensor(shown, binCount, context);
  if (!statistics.ok) return statistics;
  const change = before ? task?.deltas.get(tensor) : undefined;
  const delta = before && change ? await ofDelta(before, change, binCount, context) : success(null);
  if (!delta.ok) return delta;
  const changed = await inputs.changed();
  if (changed) return failure(changed);
  const { dtype, shape } = shown;
  return success({
    tensor,
    dtype,
    shape,
    ...(parts ? { storage: parts.map(partText) } : {}),
    statistics: statistics.value,
    statisticsOf: own ? 'opened' : 'base',
    delta: delta.value,
  });
}

/** `model.q_proj.qweight: I32 [512, 4096]` */
function partText({ name, span }: TensorEntry): string {
  return `${name}: ${placeInFile(span).label} [${span.shape.join(', ')}]`;
}

function ofTensor(
  span: TensorSpan,
  bins: number,
  context: AnalysisContext,
): Promise<Result<TensorStatistics>> {
  return measure(span.shape, bins, context, {
    moments: { kind: 'moments', span },
    histogram: (edges) => ({ kind: 'histogram', span, edges }),
  });
}

/** Of `τ = θ − θ₀`, or of `s·B·A` row by row. */
async function ofDelta(
  base: TensorSpan,
  change: TensorDelta,
  bins: number,
  context: AnalysisContext,
): Promise<Result<TensorStatistics>> {
  const task = await loadTask(change);
  if (!task.ok) return task;
  return measure(base.shape, bins, context, {
    moments: { kind: 'deltaMoments', base, task: task.value },
    histogram: (edges): PassItem => ({ kind: 'deltaHistogram', base, task: task.value, edges }),
  });
}

function unknownTensor(tensor: string, path: string): Problem {
  return {
    code: 'tensor-unknown',
    message: `${path} has no tensor "${tensor}".`,
    action: 'Open the file again: it may have changed.',
    path,
    at: tensor,
  };
}
