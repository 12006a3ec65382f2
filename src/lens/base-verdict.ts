import { isFloating } from '../model/dense-task';
import { placeOf } from '../model/naming';
import type { Study } from '../model/study';
import type { TaskVector } from '../model/task-vector';
import type { Note } from '../protocol/artifact';
import type { ProfiledTensor } from './delta-notes';
import { addProfiles, figuresOf, type ProfileFigures, type ProfileSums } from './profile-sums';
import { countText, shortNumber, wholeText } from './wording';

/** Matrices of a fine-tune point nearly where the base's do; those of a network trained apart are at right angles to them. */
const LEAST_COSINE = 0.5;

/**
 * Whether the base fits its tasks: what to know before any other figure. Doubts are: fewer than half of the tensors have
 * a counterpart, another number of rows in the vocabulary, matrices that point elsewhere than the base's (Ilharco et
 * al. 2023 presume one base), an adapter that names another base or changes more than the base's own weights.
 */
export function baseVerdict(study: Study, byTask: readonly (readonly ProfiledTensor[])[]): Note {
  const trained = study.base?.tensors.filter(isFloating).length ?? 0;
  const fits = study.tasks.map((task, index) => fitOf(study, task, trained, byTask[index] ?? []));
  const doubtful = fits.filter(({ doubts }) => doubts.length > 0);
  const sound = fits.filter(({ doubts }) => doubts.length === 0);
  return {
    kind: 'note',
    id: 'fit',
    title: doubtful.length > 0 ? 'The base may not be the right one' : 'The base fits',
    severity: doubtful.length > 0 ? 'warning' : 'information',
    role: 'verdict',
    text: [...doubtful, ...sound]
      .map(({ text, doubts }) => (doubts.length > 0 ? `${text} Doubtful: ${doubts.join('; ')}.` : text))
      .join('\n'),
  };
}

interface Fit {
  readonly text: string;
  readonly doubts: readonly string[];
}

function fitOf(study: Study, task: TaskVector, trained: number, tensors: readonly ProfiledTensor[]): Fit {
  const { name, kind, deltas, unplaced } = task;
  const left = unplaced.length > 0 ? `, ${countText(unplaced.length, 'tensor')} of it left out` : '';
  const matrices = figuresOver(tensors.filter(({ base }) => base.span.shape.length > 1));
  const placed = wholeText(deltas.size);
  if (kind === 'factored') {
    const size = matrices.relative === null ? '' : ` ‖τ‖/‖θ₀‖ = ${shortNumber(matrices.relative)} there.`;
    return {
      text: `${name}: an adapter of ${placed} of the base's ${wholeText(trained)} tensors${left}.${size}`,
      doubts: doubtsOfAdapter(study, task, matrices),
    };
  }
  const identical = tensors.filter(({ sums }) => sums.identical === sums.count).length;
  const direction =
    matrices.cosine === null ? '' : `, cos(θ₀, θ) of its matrices is ${shortNumber(matrices.cosine)}`;
  return {
    text: `${name}: ${placed} of the base's ${wholeText(trained)} trained tensors have a counterpart${left}; ${wholeText(identical)} of them are bit-identical${direction}.`,
    doubts: doubtsOfFineTune(task, trained, matrices),
  };
}

function doubtsOfFineTune(
  { deltas, unplaced }: TaskVector,
  trained: number,
  { cosine }: ProfileFigures,
): string[] {
  const doubts: string[] = [];
  if (deltas.size * 2 < trained) doubts.push('fewer than half of the tensors have a counterpart');
  const vocabulary = unplaced.find(
    ({ tensor, reason }) => placeOf(tensor).module === 'embedding.token' && reason.endsWith(' in the base'),
  );
  if (vocabulary) doubts.push(`the vocabulary differs (${vocabulary.tensor} is ${vocabulary.reason})`);
  if (cosine !== null && cosine < LEAST_COSINE) {
    doubts.push('its matrices point elsewhere than the base’s, as those of a network trained apart do');
  }
  return doubts;
}

function doubtsOfAdapter(study: Study, task: TaskVector, { relative }: ProfileFigures): string[] {
  const doubts: string[] = [];
  if (task.deltas.size === 0) doubts.push('none of its tensors has a place in the base');
  const other = study.findings.some(
    ({ code, message }) => code === 'adapter-base-differs' && message.startsWith(`${task.name} was `),
  );
  if (other) doubts.push('its configuration names another base');
  if (relative !== null && relative > 1) {
    doubts.push('it changes more than the base’s own weights, so its scale or its base is another');
  }
  return doubts;
}

function figuresOver(tensors: readonly ProfiledTensor[]): ProfileFigures {
  const [first, ...rest] = tensors.map(({ sums }) => sums);
  return figuresOf(rest.reduce(addProfiles, first ?? NOTHING));
}

const NOTHING: ProfileSums = {
  tensors: 0,
  count: 0,
  baseSquares: 0,
  taskSquares: 0,
  dot: 0,
  deltaSquares: 0,
  deltaAbsMax: null,
  identical: null,
  signFlips: null,
  below: null,
  compared: null,
};
