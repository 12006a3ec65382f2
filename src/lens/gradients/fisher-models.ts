import type { Study } from '../../model/study';
import type { TaskVector } from '../../model/task-vector';
import type { Finding } from '../../protocol/finding';
import type { LensDescription, ParameterDeclaration, ParameterValues } from '../../protocol/lens';
import { success, type Result } from '../../protocol/result';
import { samplesText } from '../activations/sample-parameters';
import type { LensContext } from '../lens';
import { networkOf } from '../network-lens';
import { percent, wholeText } from '../wording';
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

/** The Fisher information of one task. */
export interface TaskFisher {
  /** `base` where the study has no task. */
  readonly task: string;
  readonly model: TaskVector | null;
  readonly fisher: NetworkFisher;
  readonly caption: string;
}

export interface StudyFisher {
  readonly tasks: readonly TaskFisher[];
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
}

/** Fisher information of every task on its samples; of the base alone where the study has no task. Fails as its parts do. */
export async function studyFisher(
  study: Study,
  description: LensDescription,
  parameters: ParameterValues,
  context: LensContext,
): Promise<Result<StudyFisher>> {
  const opened = await networkOf(study, description, parameters, context);
  if (!opened.ok) return opened;
  const objective = objectiveOf(opened.value.network, parameters);
  const atBase = parameters['at'] === 'base';
  const models = study.tasks.length > 0 ? study.tasks : [null];
  const tasks: TaskFisher[] = [];
  for (const [index, task] of models.entries()) {
    const samples = await opened.value.samplesOf(task);
    if (!samples.ok) return samples;
    const name = task?.name ?? 'base';
    const { count } = samples.value;
    const fisher = await networkFisher(
      opened.value,
      {
        model: atBase ? null : task,
        samples: samples.value,
        objective,
        onSample: ({ samples: done, relativeError }) => {
          const error = relativeError === null ? '' : `, ± ${percent(relativeError)}`;
          const text = `${name}: sample ${wholeText(done)} of ${wholeText(count)}${error}`;
          context.progress((index + done / count) / models.length, text);
        },
      },
      context,
    );
    if (!fisher.ok) return fisher;
    const where = atBase || task === null ? 'the base' : `the fine-tune ${name}`;
    const caption = `At ${where}, over ${samplesText(samples.value)}; objective: ${objective.kind}.`;
    tasks.push({ task: name, model: task, fisher: fisher.value, caption });
  }
  return success({ tasks, findings: opened.value.findings, bytesRead: opened.value.bytesRead() });
}
