import type { StudyNetwork } from '../../graph/study-network';
import type { StudySamples } from '../../graph/study-samples';
import type { TaskVector } from '../../model/task-vector';
import { success, type Result } from '../../protocol/result';
import type { LensContext } from '../lens';
import { samplesText } from './sample-parameters';

/** One model on the samples of one data set. */
export interface ModelRun {
  /** `rot90`, or `base on rot90`; different for every run of a lens. */
  readonly name: string;
  /** `base`, or the name of the task. */
  readonly model: string;
  /** `null`: the base. */
  readonly task: TaskVector | null;
  readonly samples: StudySamples;
  /** Which samples, as a sentence for a caption. */
  readonly caption: string;
}

/** What a run gave. */
export interface Measured<T> extends ModelRun {
  readonly value: T;
}

/**
 * The base and a fine-tune on the same samples, for every task: the base runs once on each data set, before the fine-tunes
 * that have it. Without tasks the base on the first data set. Fails as opening the samples does.
 */
export async function pairedRuns(
  study: StudyNetwork,
  tasks: readonly TaskVector[],
): Promise<Result<readonly ModelRun[]>> {
  const runs: ModelRun[] = [];
  const seen = new Set<StudySamples>();
  for (const task of tasks.length > 0 ? tasks : [null]) {
    const samples = await study.samplesOf(task);
    if (!samples.ok) return samples;
    const { value } = samples;
    const caption = `Over ${samplesText(value)}.`;
    if (!seen.has(value)) {
      const name = task === null ? 'base' : `base on ${value.name}`;
      runs.push({ name, model: 'base', task: null, samples: value, caption });
    }
    seen.add(value);
    if (task !== null) runs.push({ name: task.name, model: task.name, task, samples: value, caption });
  }
  return success(runs);
}

/** Measures run by run, with progress over all of them; ends at the first that fails. */
export async function measureRuns<T>(
  runs: readonly ModelRun[],
  context: LensContext,
  measure: (run: ModelRun, progress: (share: number) => void) => Promise<Result<T>>,
): Promise<Result<readonly Measured<T>[]>> {
  const measured: Measured<T>[] = [];
  for (const [index, run] of runs.entries()) {
    const text = `Running ${run.task?.name ?? 'the base'} on ${run.samples.name}`;
    const value = await measure(run, (share) => context.progress((index + share) / runs.length, text));
    if (!value.ok) return value;
    measured.push({ ...run, value: value.value });
  }
  return success(measured);
}

/** The run of the base on the samples of another run; `null` where that is the base itself. */
export function baseOf<T>(run: Measured<T>, runs: readonly Measured<T>[]): Measured<T> | null {
  if (run.task === null) return null;
  return runs.find(({ task, samples }) => task === null && samples === run.samples) ?? null;
}
