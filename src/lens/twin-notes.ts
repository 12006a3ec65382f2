import type { Note } from '../protocol/artifact';
import type { TaskBudgets } from './twin-budgets';
import type { SharedModel } from './twin-pass';
import { percent, wholeText } from './wording';

/** An error that most tasks bear. */
const BEARABLE = 0.2;

/** Which rank budget to take for each task, and whether the shared model is worth having. */
export function twinAdvice(tasks: readonly TaskBudgets[], shared: SharedModel): Note {
  return {
    kind: 'note',
    id: 'budget',
    title: 'How small a task becomes beside the shared model',
    severity: 'information',
    role: 'recommendation',
    text: [
      `The shared model θ* is ${shared.text}.`,
      ...tasks.map(adviceFor),
      'Limits: the error is of weights, not of accuracy, and a router has to choose the parts: check the cut models on validation data.',
    ].join('\n'),
  };
}

function adviceFor({
  name,
  budgets,
  exclusiveError,
  wholeError,
  bytes,
  denseBytes,
  exclusiveEnergy,
}: TaskBudgets): string {
  if (exclusiveEnergy === null) return `${name}: nothing to compare.`;
  const at = exclusiveError.findIndex((error) => error !== null && error <= BEARABLE);
  const chosen = at < 0 ? budgets.length - 1 : at;
  const share = denseBytes > 0 ? (bytes[chosen] ?? 0) / denseBytes : 1;
  const [error, alone] = [exclusiveError[chosen] ?? 0, wholeError[chosen] ?? 0];
  const verdict =
    exclusiveEnergy >= 1
      ? 'the shared model is no nearer to it than the base: cut its task vector instead'
      : error <= alone
        ? 'the shared model pays'
        : 'its task vector alone is cut with less error: the shared model does not pay';
  return `${name}: ${percent(exclusiveEnergy)} of ‖τ‖² is exclusive; rank ${wholeText(budgets[chosen] ?? 0)} leaves an error of ${percent(error)} in ${percent(share)} of its size (its task vector alone: ${percent(alone)}); ${verdict}.`;
}
