import * as path from 'node:path';
import * as vscode from 'vscode';
import type { ExplorerEntry, Family } from '../../protocol/explorer';
import { success, type Result } from '../../protocol/result';
import type { StudySpec } from '../../protocol/study';
import type { DeltalensContext } from '../context';
import { workspaceRoots } from '../file-uri';
import { pickCheckpoint } from './pick-checkpoint';

/** The problem of a selection in which no base can be told from the rest. */
const BASE_UNKNOWN = 'study-base-unknown';

/** Makes a study; `undefined` where the user broke it off. */
type MaybeStudy = Promise<Result<StudySpec> | undefined>;

/** The tasks `paths` next to their base: the selected one, their family's, the one an adapter names, or a picked one. */
export async function studyAgainstBase(context: DeltalensContext, paths: readonly string[]): MaybeStudy {
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
export async function studyOfSelection(context: DeltalensContext, paths: readonly string[]): MaybeStudy {
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
  paths: readonly string[],
): Promise<Result<StudySpec>> {
  const base = await knownBase(context, paths);
  const study = await makeStudy(context, paths, base);
  return study.ok || paths.length > 1 ? study : success(loneStudy(paths));
}

async function makeStudy(
  { client }: DeltalensContext,
  paths: readonly string[],
  base?: string,
): Promise<Result<StudySpec>> {
  return client.request('deltalens/makeStudy', {
    paths,
    roots: workspaceRoots(),
    ...(base === undefined ? {} : { base }),
  });
}

/** A base that needs no asking, and is not itself among the tasks. */
async function knownBase(
  { tree, base }: DeltalensContext,
  paths: readonly string[],
): Promise<string | undefined> {
  const { families } = await tree.explore();
  const family = families.find(({ entries }) =>
    entries.some((entry) => paths.some((path) => isAt(entry, path))),
  );
  const selected = base.path;
  if (selected !== undefined && !paths.includes(selected) && mayBelong(selected, family, families))
    return selected;
  const own = family?.entries.find((entry) => entry.kind === 'base');
  return own === undefined || paths.some((path) => isAt(own, path)) ? undefined : own.path;
}

/** A selected base of another family is meant for that one; one from outside the workspace may be meant for any. */
function mayBelong(selected: string, family: Family | undefined, families: readonly Family[]): boolean {
  const owner = families.find(({ entries }) => entries.some((entry) => entry.path === selected));
  return owner === undefined || family === undefined || owner.id === family.id;
}

/** An entry may be a file, a folder, or the folder of the file that was clicked. */
function isAt(entry: ExplorerEntry, file: string): boolean {
  return entry.path === file || path.dirname(entry.path) === file || entry.path === path.dirname(file);
}

function loneStudy(paths: readonly string[]): StudySpec {
  const tasks = paths.map((path) => ({ name: shortName(path), path }));
  return { name: tasks.map((task) => task.name).join(', '), tasks };
}

/** `model.safetensors` says nothing; the folder it lies in does. */
function shortName(file: string): string {
  const name = path.basename(file);
  return /\.(safetensors|json)$/.test(name) ? path.basename(path.dirname(file)) : name;
}

function without(paths: readonly string[], path: string): string[] {
  return paths.filter((other) => other !== path);
}
