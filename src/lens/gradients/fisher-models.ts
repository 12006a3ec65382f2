import type { Study } from '../../model/study';
import type { TaskVector } from '../../model/task-vector';
import type { Finding } from '../../protocol/finding';
import type { LensDescription, ParameterDeclaration, ParameterValues } from '../../protocol/lens';
import { success, type Result } from '../../protocol/result';
import { samplesText } from '../activations/sample-parameters';
import type { LensContext } from '../lens';
import { networkOf } from '../network-lens';
import { percent, wholeText } from '../wording';
import { fisherOfFiles, takesFiles } from './fisher-files';
import { networkFisher, type NetworkFisher } from './fisher-pass';
import { objectiveOf } from './objective-parameter';

export const AT_PARAMETER: ParameterDeclaration = {
  name: 'at',
  title: 'At the weights of',
  help: 'The fine-tunes, each on its own samples, or the base on the samples of each task.',
  type: 'choice',
  default: 'fine-tune',
  choices: [
    { value: 'fine-tune', title: 'the fine-tunes' },
    { value: 'base', title: 'the base' },
  ],
};

export const PRECISION_PARAMETER: ParameterDeclaration = {
  name: 'precision',
  title: 'Stop at a standard error of, %',
  help: 'Relative standard error of the sum over all weights at which the samples of a task are enough; 0 takes them all.',
  type: 'number',
  default: 0,
  minimum: 0,
  maximum: 100,
};

/** Before so many samples a standard error says little about itself. */
const LEAST_SAMPLES = 16;

/** The Fisher information of one task. */
export interface TaskFisher {
  /** `base` where the study has no task. */
  readonly task: string;
  readonly model: TaskVector | null;
  readonly fisher: NetworkFisher;
  readonly caption: string;
  /** What the figures rest on; a sentence. */
  readonly basis: string;
}

export interface StudyFisher {
  readonly tasks: readonly TaskFisher[];
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
}

/** What is done with the tasks so far, the last of them not done: see {@link LensContext.partial}. */
export type Refining = (basis: string, soFar: () => StudyFisher) => void;

/**
 * Fisher information of every task on its samples; of the base alone where the study has no task; from files where the
 * study names some. Stops with the samples of a task once the relative standard error of its sum is below the parameter
 * `precision`. Fails as its parts do.
 */
export async function studyFisher(
  study: Study,
  description: LensDescription,
  parameters: ParameterValues,
  context: LensContext,
  refining: Refining = () => undefined,
): Promise<Result<StudyFisher>> {
  if (takesFiles(study, parameters)) return fisherOfFiles(study, description, context);
  const opened = await networkOf(study, description, parameters, context);
  if (!opened.ok) return opened;
  const objective = objectiveOf(opened.value.network, parameters);
  const atBase = parameters['at'] === 'base';
  const precision = Number(parameters['precision'] ?? 0) / 100;
  const models = study.tasks.length > 0 ? study.tasks : [null];
  const tasks: TaskFisher[] = [];
  const whole = (done: readonly TaskFisher[]): StudyFisher => ({
    tasks: done,
    findings: opened.value.findings,
    bytesRead: opened.value.bytesRead(),
  });
  for (const [index, task] of models.entries()) {
    const samples = await opened.value.samplesOf(task);
    if (!samples.ok) return samples;
    const name = task?.name ?? 'base';
    const { count } = samples.value;
    const where = atBase || task === null ? 'the base' : `the fine-tune ${name}`;
    const captioned = (fisher: NetworkFisher): TaskFisher => {
      const done = fisher.samples ?? count;
      const early = done < count ? `, the first ${wholeText(done)} of them` : '';
      const caption = `At ${where}, over ${samplesText(samples.value)}${early}; objective: ${objective.kind}.`;
      return { task: name, model: task, fisher, caption, basis: `Over ${wholeText(done)} samples.` };
    };
    const fisher = await networkFisher(
      opened.value,
      {
        model: atBase ? null : task,
        samples: samples.value,
        objective,
        onSample: ({ samples: done, relativeError }, soFar) => {
          const error = relativeError === null ? '' : `, ± ${percent(relativeError)}`;
          const text = `${name}: sample ${wholeText(done)} of ${wholeText(count)}${error}`;
          context.progress((index + done / count) / models.length, text);
          const basis = `${wholeText(done)} of ${wholeText(count)} samples${models.length > 1 ? ` of ${name}` : ''}`;
          refining(basis, () => whole([...tasks, captioned(soFar())]));
          return done < LEAST_SAMPLES || relativeError === null || relativeError >= precision;
        },
      },
      context,
    );
    if (!fisher.ok) return fisher;
    tasks.push(captioned(fisher.value));
  }
  return success(whole(tasks));
}
