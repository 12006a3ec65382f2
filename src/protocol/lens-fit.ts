import type { LensNeeds } from './lens';
import type { StudySpec } from './study';

/** What a study lacks for a lens. */
export type Lack =
  | { readonly lack: 'base' }
  | { readonly lack: 'tasks'; readonly minimum: number }
  | { readonly lack: 'data' };

/** The first thing that a study lacks for a lens, or `null` where it can run. More tasks than it takes are no lack. */
export function lackFor(needs: LensNeeds, study: StudySpec): Lack | null {
  if (needs.base === 'required' && study.base === undefined) return { lack: 'base' };
  if (study.tasks.length < needs.tasks.minimum) return { lack: 'tasks', minimum: needs.tasks.minimum };
  return needs.data.every((data) => data === 'weights') ? null : { lack: 'data' };
}
