import type { StudyNetwork } from '../../graph/study-network';
import type { StudySamples } from '../../graph/study-samples';
import type { TaskVector } from '../../model/task-vector';
import { failure, success, type Result } from '../../protocol/result';
import type { ModelRun } from './model-runs';
import { samplesText } from './sample-parameters';

/** The model that all data sets are compared in: the base, or a task of that name. Fails with `bad-parameter`. */
export function comparedModel(name: string, tasks: readonly TaskVector[]): Result<TaskVector | null> {
  const wanted = name.trim();
  if (wanted === '' || wanted === 'base') return success(null);
  const task = tasks.find((each) => each.name === wanted);
  if (task) return success(task);
  return failure({
    code: 'bad-parameter',
    message: `Parameter "model" is "${wanted}", and the study has no task of that name.`,
    action: `Use "base"${tasks.length > 0 ? ` or one of: ${tasks.map((each) => each.name).join(', ')}` : ''}.`,
    at: 'model',
  });
}

/** One model on every data set of the study. Fails with `data-sets-few` below `least` of them, or as opening them does. */
export async function dataSetRuns(
  study: StudyNetwork,
  task: TaskVector | null,
  least: number,
): Promise<Result<readonly ModelRun[]>> {
  if (study.dataSets.length < least) {
    return failure({
      code: 'data-sets-few',
      message: `This lens compares data sets, and the study has ${String(study.dataSets.length)}.`,
      action: `Name at least ${String(least)} under "data:" in the study, or give --data NAME=PATH several times.`,
    });
  }
  const runs: ModelRun[] = [];
  for (const name of study.dataSets) {
    const samples = await study.samplesNamed(name);
    if (!samples.ok) return samples;
    runs.push(runOf(samples.value, task));
  }
  return success(runs);
}

function runOf(samples: StudySamples, task: TaskVector | null): ModelRun {
  const caption = `Over ${samplesText(samples)}.`;
  return { name: samples.name, model: task?.name ?? 'base', task, samples, caption };
}
