import type { Study } from '../model/study';
import type { Note } from '../protocol/artifact';
import type { TensorAlignment } from './alignment-pass';

/** A gain in the subspace alignment ratio that is worth a try. */
const WORTH_TRYING = 0.005;
const TENSORS_SHOWN = 3;

interface TaskMeans {
  readonly name: string;
  readonly before: number | null;
  readonly after: number | null;
}

/** Whether flattening would help, whom most, and where tasks get in each other's way. */
export function alignmentAdvice(study: Study, tensors: readonly TensorAlignment[]): Note {
  const tasks = study.tasks.map(({ name }, task): TaskMeans => {
    const own = tensors.flatMap((tensor) => tensor.tasks.filter((each) => each.task === task));
    return {
      name,
      before: mean(own.map(({ sar }) => sar)),
      after: mean(own.map(({ flattenedSar }) => flattenedSar)),
    };
  });
  const lines = tasks.map(
    ({ name, before, after }) => `${name}: ${digits(before)} before, ${digits(after)} after flattening.`,
  );
  return {
    kind: 'note',
    id: 'alignment',
    title: 'What a merge would keep of each task',
    severity: 'information',
    role: 'recommendation',
    text: [
      verdictOn(tasks),
      ...lines,
      ...crowdedText(tensors),
      'Limits: alignment correlates with accuracy after merging; it does not replace measuring it.',
    ].join('\n'),
  };
}

function verdictOn(tasks: readonly TaskMeans[]): string {
  const [weakest] = tasks
    .filter(({ before }) => before !== null)
    .sort((a, b) => (a.before ?? 1) - (b.before ?? 1));
  if (!weakest) return 'No tensor is changed by two tasks, so there is nothing to align.';
  const before = mean(tasks.map((each) => each.before)) ?? 0;
  const after = mean(tasks.map((each) => each.after)) ?? 0;
  const gain = after - before;
  return gain > WORTH_TRYING
    ? `Flattening the spectrum of the sum (Iso-C) brings the tasks closer to it by ${gain.toFixed(3)} on average: try it, above all for ${weakest.name}, which the plain sum represents least.`
    : `The plain sum already represents the tasks (${weakest.name} least); flattening it gains only ${gain.toFixed(3)} on average.`;
}

function crowdedText(tensors: readonly TensorAlignment[]): string[] {
  const crowded = tensors
    .filter(({ relativeInterference }) => relativeInterference !== null)
    .sort((a, b) => (b.relativeInterference ?? 0) - (a.relativeInterference ?? 0))
    .slice(0, TENSORS_SHOWN)
    .map(({ tensor }) => tensor);
  return crowded.length > 0
    ? [`The strongest directions of the tasks interfere most in ${crowded.join(', ')}.`]
    : [];
}

function mean(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value) => value !== null);
  return defined.length > 0 ? defined.reduce((sum, value) => sum + value, 0) / defined.length : null;
}

function digits(value: number | null): string {
  return value === null ? 'undefined' : value.toFixed(3);
}
