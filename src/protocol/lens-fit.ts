import type { LensNeeds } from './lens';
import type { StudySpec } from './study';

/** What a study lacks for a lens. */
export type Lack =
  | { readonly lack: 'base' }
  | { readonly lack: 'tasks'; readonly minimum: number }
  | { readonly lack: 'data' };

/** The first thing that a study lacks for a lens, or `null` where it can run. More tasks than it takes are no lack; how many a training run has is not known before it is opened. */
export function lackFor(needs: LensNeeds, study: StudySpec): Lack | null {
  if (needs.base === 'required' && study.base === undefined) return { lack: 'base' };
  const isRun = study.tasks.some(({ run }) => run);
  if (study.tasks.length < needs.tasks.minimum && !isRun)
    return { lack: 'tasks', minimum: needs.tasks.minimum };
  const runs = needs.data.some((data) => data !== 'weights');
  return runs && (study.graph === undefined || (study.data ?? []).length === 0) ? { lack: 'data' } : null;
}
