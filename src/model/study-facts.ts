import type { StudyFacts } from '../protocol/study-facts';
import { attentionTensors } from './attention-tensors';
import { expertLayers } from './experts';
import { softPrompts } from './soft-prompts';
import type { Study } from './study';
import { isTrainingRun } from './training-run';
import { vocabularyMatrices } from './vocabulary';

const NO_FIELDS: ReadonlyMap<string, unknown> = new Map();

/** What an opened study holds, for choosing lenses. Experts and attention count in the base or in any whole checkpoint. */
export function studyFacts({ base, tasks }: Study): StudyFacts {
  const whole = tasks.filter(({ kind }) => kind === 'dense').map(({ checkpoint }) => checkpoint);
  const models = base ? [base, ...whole] : whole;
  return {
    tasks: tasks.length,
    parts: {
      experts: models.some(({ tensors }) => expertLayers(tensors).some(({ experts }) => experts.length > 1)),
      attention: models.some(({ tensors }) => attentionTensors(tensors).length > 0),
      vocabulary: base !== null && vocabularyMatrices(base.tensors).length > 0,
      run: isTrainingRun(tasks),
      adapter: tasks.some(({ adapter }) => adapter !== undefined),
      mixture: false,
      memory: false,
      hypernetwork: false,
      prompt: tasks.some(
        ({ checkpoint, adapter }) =>
          softPrompts(checkpoint.tensors, adapter?.description.fields ?? NO_FIELDS).length > 0,
      ),
    },
  };
}
