import type { BoundWeights } from '../../graph/bind/bind-weights';
import type { Objective } from '../../graph/objective/objective';
import type { StudyNetwork } from '../../graph/study-network';
import type { Study } from '../../model/study';
import type { TaskVector } from '../../model/task-vector';
import type { Note } from '../../protocol/artifact';
import type { LensDescription, ParameterValues } from '../../protocol/lens';
import { success, type Result } from '../../protocol/result';
import { samplesText } from '../activations/sample-parameters';
import type { LensContext } from '../lens';
import { networkOf } from '../network-lens';
import { wholeText } from '../wording';
import { meanGradients, type NetworkGradients } from './mean-gradients';
import { obstacleNotes } from './obstacle-notes';
import { lossText, objectiveOf } from './objective-parameter';

/** The mean gradient of one task's loss on its own samples. */
export interface TaskGradient {
  /** `base` where the study has no task. */
  readonly task: string;
  readonly model: TaskVector | null;
  readonly gradients: NetworkGradients;
  /** `all 250 samples of rot90` */
  readonly over: string;
}

/** Gradients of all tasks, and the network that they are of. */
export interface StudyGradients {
  readonly network: StudyNetwork;
  readonly objective: Objective;
  readonly tasks: readonly TaskGradient[];
  /** Loss and samples, for captions. */
  readonly caption: string;
}

/** Weights at which the gradient of a task is taken. */
export type WeightsFor = (
  network: StudyNetwork,
  task: TaskVector | null,
  signal: AbortSignal,
) => Promise<Result<BoundWeights>>;

/** All gradients at the weights of the base. */
export const atBase: WeightsFor = (network, _task, signal) => network.weightsOf(null, signal);

/** The gradient of every task at its own fine-tune. */
export const atFineTune: WeightsFor = (network, task, signal) => network.weightsOf(task, signal);

/**
 * The mean gradient of every task's loss, each on the data set that has the task's name (the first one where none has);
 * that of the base alone where the study has no task. Fails as its parts do.
 */
export async function taskGradients(
  study: Study,
  description: LensDescription,
  parameters: ParameterValues,
  context: LensContext,
  weightsFor: WeightsFor,
): Promise<Result<StudyGradients>> {
  const opened = await networkOf(study, description, parameters, context);
  if (!opened.ok) return opened;
  const network = opened.value;
  const objective = objectiveOf(network.network, parameters);
  const models = study.tasks.length > 0 ? study.tasks : [null];
  const tasks: TaskGradient[] = [];
  for (const [index, model] of models.entries()) {
    const samples = await network.samplesOf(model);
    if (!samples.ok) return samples;
    const weights = await weightsFor(network, model, context.signal);
    if (!weights.ok) return weights;
    const task = model?.name ?? 'base';
    const { count } = samples.value;
    const gradients = await meanGradients(network, {
      weights: weights.value,
      samples: samples.value,
      objective,
      signal: context.signal,
      onSamples: (done) => {
        const text = `${task}: sample ${wholeText(done)} of ${wholeText(count)}`;
        context.progress((index + done / count) / models.length, text);
      },
    });
    if (!gradients.ok) return gradients;
    tasks.push({ task, model, gradients: gradients.value, over: samplesText(samples.value) });
  }
  const over = tasks.map((each) => `${each.task} over ${each.over}`).join(', ');
  const caption = `Mean gradient of the ${lossText(objective)}: ${over}.`;
  return success({ network, objective, tasks, caption });
}

/** What has no gradient in some task; no note where everything has one. */
export function withoutGradient(tasks: readonly TaskGradient[]): readonly Note[] {
  return obstacleNotes(tasks.map(({ gradients }) => gradients.without));
}
