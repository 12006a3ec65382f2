import type { LensNeeds } from './lens';
import type { StudySpec } from './study';
import type { StudyFacts, StudyPart } from './study-facts';

/** What a study lacks for a lens. */
export type Lack =
  | { readonly lack: 'base' }
  | { readonly lack: 'tasks'; readonly minimum: number }
  | { readonly lack: 'data' }
  | { readonly lack: StudyPart };

/**
 * The first thing that a study lacks for a lens, or `null` where it can run. More tasks than it takes are no lack. Without `facts`
 * nothing is known of what is in the files, nor how many checkpoints a training run has.
 */
export function lackFor(needs: LensNeeds, study: StudySpec, facts: StudyFacts | null = null): Lack | null {
  if (needs.base === 'required' && study.base === undefined) return { lack: 'base' };
  const isUncounted = facts === null && study.tasks.some(({ run }) => run);
  const tasks = facts?.tasks ?? study.tasks.length;
  if (tasks < needs.tasks.minimum && !isUncounted) return { lack: 'tasks', minimum: needs.tasks.minimum };
  const missing = facts && needs.parts?.find((part) => !facts.parts[part]);
  if (missing) return { lack: missing };
  const replaced = needs.instead !== undefined && (study[needs.instead] ?? []).length > 0;
  const runs = !replaced && needs.data.some((data) => data !== 'weights');
  return runs && (study.graph === undefined || (study.data ?? []).length === 0) ? { lack: 'data' } : null;
}
