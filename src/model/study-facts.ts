import type { StudyFacts } from '../protocol/study-facts';
import { attentionTensors } from './attention-tensors';
import { expertLayers } from './experts';
import { hypernetwork } from './hypernetworks';
import { hasMixtures, learnedMixtures } from './learned-mixtures';
import { memoryLayers } from './memory-layers';
import { softPrompts } from './soft-prompts';
import type { Study } from './study';
import type { TaskVector } from './task-vector';
import { isTrainingRun } from './training-run';
import { vocabularyMatrices } from './vocabulary';

const NO_FIELDS: ReadonlyMap<string, unknown> = new Map();

/** What an opened study holds, for choosing lenses. Experts and attention count in the base or in any whole checkpoint. */
export function studyFacts({ base, tasks }: Study): StudyFacts {
  const whole = tasks.filter(({ kind }) => kind === 'dense').map(({ checkpoint }) => checkpoint);
  const models = base ? [base, ...whole] : whole;
  const all = [...(base ? [base] : []), ...tasks.map(({ checkpoint }) => checkpoint)];
  const fieldsOf = ({ adapter }: TaskVector) => adapter?.description.fields ?? NO_FIELDS;
  return {
    tasks: tasks.length,
    parts: {
      experts: models.some(({ tensors }) => expertLayers(tensors).some(({ experts }) => experts.length > 1)),
      attention: models.some(({ tensors }) => attentionTensors(tensors).length > 0),
      vocabulary: base !== null && vocabularyMatrices(base.tensors).length > 0,
      run: isTrainingRun(tasks),
      adapter: tasks.some(({ adapter }) => adapter !== undefined),
      prompt: tasks.some((task) => softPrompts(task.checkpoint.tensors, fieldsOf(task)).length > 0),
      mixture: tasks.some((task) => hasMixtures(learnedMixtures(task.checkpoint.tensors, fieldsOf(task)))),
      memory: all.some(({ tensors }) => memoryLayers(tensors).length > 0),
      hypernetwork: all.some(({ tensors }) => hypernetwork(tensors) !== null),
    },
  };
}
