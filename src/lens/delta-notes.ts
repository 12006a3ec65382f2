import type { TensorEntry } from '../format/checkpoint';
import type { Place } from '../model/place';
import type { Study } from '../model/study';
import type { Note } from '../protocol/artifact';
import type { ProfileSums } from './profile-sums';
import { namesText, wholeText } from './wording';

/** One tensor of one task with its sums. */
export interface ProfiledTensor {
  /** Index into the study's tasks. */
  readonly task: number;
  readonly base: TensorEntry;
  readonly place: Place;
  readonly factored: boolean;
  readonly sums: ProfileSums;
}

/** What each task left as it was, and whether it only touched one kind of module. */
export function changeNote(study: Study, byTask: readonly (readonly ProfiledTensor[])[]): Note {
  const lines = study.tasks.map(({ name, kind }, task) => {
    const tensors = byTask[task] ?? [];
    const changed = tensors.filter(({ sums }) => sums.deltaSquares > 0);
    const unchanged = tensors.filter(({ sums }) => sums.deltaSquares === 0 && sums.compared !== 0);
    const of = kind === 'factored' ? 'targeted tensors' : 'tensors';
    const roles = [...new Set(changed.map(({ place }) => place.role))];
    const only = roles.length === 1 ? `; only ${roles.join('')} modules` : '';
    const same =
      unchanged.length > 0 ? `; unchanged: ${namesText(unchanged.map(({ base }) => base.name))}` : '';
    return `${name}: ${wholeText(changed.length)} of ${wholeText(tensors.length)} ${of} changed${only}${same}.`;
  });
  return {
    kind: 'note',
    id: 'changed',
    title: 'What changed',
    severity: 'information',
    text: lines.join('\n'),
  };
}
