import * as path from 'node:path';
import * as vscode from 'vscode';
import { success, type Result } from '../../protocol/result';
import type { StudySpec } from '../../protocol/study';
import type { DeltalensContext } from '../context';
import { entryAt, familyOf } from './entry-at';
import { pickCheckpoint } from './pick-checkpoint';
import { isCheckpointFilePath } from '../../protocol/checkpoint-names';

/** The problem of a selection in which no base can be told from the rest. */
const BASE_UNKNOWN = 'study-base-unknown';

/** Makes a study; `undefined` where the user broke it off. */
type MaybeStudy = Promise<Result<StudySpec> | undefined>;

/** The tasks `paths` next to their base: the selected one, their family's, the one an adapter names, or a picked one. */
export async function studyAgainstBase(context: DeltalensContext, given: readonly string[]): MaybeStudy {
  const paths = await asListed(context, given);
  const known = await knownBase(context, paths);
  if (known !== undefined) return makeStudy(context, paths, known);
  const found = await makeStudy(context, paths);
  if (!found.ok && found.problem.code !== BASE_UNKNOWN) return found;
  if (found.ok && found.value.base !== undefined && found.value.tasks.length > 0) return found;
  const base = await pickCheckpoint(context, {
    title: vscode.l10n.t('Compare with Base'),
    placeholder: vscode.l10n.t('Which checkpoint was {0} made from?', paths.map(shortName).join(', ')),
    except: paths,
    ...(paths[0] === undefined ? {} : { near: paths[0] }),
  });
  return base === undefined ? undefined : makeStudy(context, paths, base);
}

/**
 * Several selected checkpoints and adapters: against the selected base or the one that is plainly among them, else
 * against the base of their family, else against the one of them that the user says is the base.
 */
export async function studyOfSelection(context: DeltalensContext, given: readonly string[]): MaybeStudy {
  const paths = await asListed(context, given);
  const selected = context.base.path;
  if (selected !== undefined && paths.includes(selected)) {
    return makeStudy(context, without(paths, selected), selected);
  }
  const found = await makeStudy(context, paths);
  if (found.ok) return found.value.base === undefined ? studyAgainstBase(context, paths) : found;
  if (found.problem.code !== BASE_UNKNOWN) return found;
  const known = await knownBase(context, paths);
  if (known !== undefined) return makeStudy(context, paths, known);
  const base = await pickCheckpoint(context, {
    title: vscode.l10n.t('Compare Selected'),
    placeholder: vscode.l10n.t('Which of these is the base?'),
    among: paths,
  });
  return base === undefined ? undefined : makeStudy(context, without(paths, base), base);
}

/** Whatever can be said about `paths` without asking: with their base where it is known, else without one. */
export async function studyWithoutAsking(
  context: DeltalensContext,
  given: readonly string[],
): Promise<Result<StudySpec>> {
  const paths = await asListed(context, given);
  const base = await knownBase(context, paths);
  const study = await makeStudy(context, paths, base);
  return study.ok || paths.length > 1 ? study : success(loneStudy(paths));
}

async function makeStudy(
  { client, copies }: DeltalensContext,
  paths: readonly string[],
  base?: string,
): Promise<Result<StudySpec>> {
  return client.request('deltalens/makeStudy', {
    paths,
    roots: copies.roots(),
    ...(base === undefined ? {} : { base }),
  });
}

/** A base that needs no asking, and is not itself among the tasks. */
async function knownBase(
  { tree, base }: DeltalensContext,
  paths: readonly string[],
): Promise<string | undefined> {
  const contents = await tree.explore();
  const [family] = paths.flatMap((path) => familyOf(contents, entryAt(contents, path)) ?? []);
  const selected = base.path;
  if (selected !== undefined && !paths.includes(selected)) {
    // A selected base of another family is meant for that one; one from outside the workspace may be meant for any.
    const owner = familyOf(contents, entryAt(contents, selected));
    if (!owner || !family || owner.id === family.id) return selected;
  }
  const own = family?.entries.find((entry) => entry.kind === 'base')?.path;
  return own === undefined || paths.includes(own) ? undefined : own;
}

/** A folder and the file in it are the same checkpoint: named the same way, they lead to the same result. */
async function asListed({ tree }: DeltalensContext, paths: readonly string[]): Promise<string[]> {
  const contents = await tree.explore();
  return [...new Set(paths.map((path) => entryAt(contents, path)?.path ?? path))];
}

function loneStudy(paths: readonly string[]): StudySpec {
  const tasks = paths.map((path) => ({ name: shortName(path), path }));
  return { name: tasks.map((task) => task.name).join(', '), tasks };
}

/** `model.safetensors` says nothing; the folder it lies in does. */
function shortName(file: string): string {
  const name = path.basename(file);
  return isCheckpointFilePath(name) ? path.basename(path.dirname(file)) : name;
}

function without(paths: readonly string[], path: string): string[] {
  return paths.filter((other) => other !== path);
}
