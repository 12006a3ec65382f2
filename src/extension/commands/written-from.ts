import type { ExplorerEntry } from '../../protocol/explorer';
import type { DeltalensContext } from '../context';
import { showProblem } from '../show-problem';
import { entryAt } from './entry-at';
import { pickCheckpoint } from './pick-checkpoint';
import { studyAgainstBase } from './study-of-paths';
import { pathsInFront, pathsOf } from './targets';

/** What an action that writes starts from: what was clicked, what is in front, else what the user picks. */
export async function sourceOf(
  context: DeltalensContext,
  given: readonly unknown[],
  pick: { readonly title: string; readonly placeholder: string },
  kinds: readonly ExplorerEntry['kind'][],
): Promise<string | undefined> {
  const paths = await pathsOf(context, given[0], given[1]);
  if (!paths.ok) {
    await showProblem(paths.problem);
    return undefined;
  }
  const [clicked] = paths.value;
  if (clicked !== undefined) return clicked;
  const contents = await context.tree.explore();
  const front = pathsInFront(context).find((path) => {
    const kind = entryAt(contents, path)?.kind;
    return kind !== undefined && kinds.includes(kind);
  });
  if (front !== undefined) return front;
  const entries = contents.families.flatMap((family) => family.entries);
  const among = entries.filter(({ kind }) => kinds.includes(kind)).map(({ path }) => path);
  return pickCheckpoint(context, { ...pick, among });
}

/** The base of an adapter or fine-tune: where its configuration or family leads, else what the user picks. */
export async function baseOf(context: DeltalensContext, path: string): Promise<string | undefined> {
  const study = await studyAgainstBase(context, [path]);
  if (!study) return undefined;
  if (!study.ok) {
    await showProblem(study.problem);
    return undefined;
  }
  return study.value.base;
}
