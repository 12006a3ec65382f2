import type { Checkpoint } from '../format/checkpoint';
import { success, type Result } from '../protocol/result';
import type { StudySpec } from '../protocol/study';
import { isCalledBase } from './adapter-base';
import { structureOf } from './family';
import { refuse } from './finding-codes';
import { nameOf, uniqueNames } from './task-name';

/** One selected file or folder, opened. */
export interface StudyCandidate {
  /** As selected, absolute. */
  readonly path: string;
  readonly checkpoint: Checkpoint;
  /** Set for an adapter; `basePath` as `findAdapterBase` found it. */
  readonly adapter?: { readonly basePath: string | null };
}

/**
 * Makes a study of a selection. The base is, in this order: the one given; the one to which all selected adapters
 * lead; among two or more checkpoints of one structure the only one called `base`. Fails with `study-base-unknown`
 * where none of this tells (the user must choose), with `study-invalid` for an empty selection. A single checkpoint
 * without a base, or adapters alone, become a study without one.
 */
export function makeStudy(candidates: readonly StudyCandidate[], base?: string): Result<StudySpec> {
  const [first] = candidates;
  if (!first)
    return refuse('study-invalid', base ?? '', 'Nothing is selected, so there is nothing to study.');
  const chosen = base === undefined ? chooseBase(candidates) : success(base);
  if (!chosen.ok) return chosen;
  const tasks = candidates.filter(
    ({ path, checkpoint }) => path !== chosen.value && checkpoint.path !== chosen.value,
  );
  const names = uniqueNames(tasks.map(({ path }) => path));
  return success({
    name: studyName(chosen.value, tasks, names),
    ...(chosen.value === null ? {} : { base: chosen.value }),
    tasks: tasks.map(({ path }, index) => ({ name: names[index] ?? nameOf(path), path })),
  });
}

function chooseBase(candidates: readonly StudyCandidate[]): Result<string | null> {
  const whole = candidates.filter(({ adapter }) => !adapter);
  const adapters = candidates.filter(({ adapter }) => adapter);
  const led = new Set(adapters.flatMap(({ adapter }) => adapter?.basePath ?? []));
  const [basePath] = led;
  if (led.size === 1 && basePath !== undefined) return success(selectedPath(whole, basePath) ?? basePath);
  if (whole.length === 0 || (whole.length === 1 && adapters.length === 0)) return success(null);
  if (whole.length === 1 && led.size === 0) return success(whole[0]?.path ?? null);
  const structures = new Set(whole.map(({ checkpoint }) => structureOf(checkpoint)));
  const called = whole.filter(({ path }) => isCalledBase(path));
  if (structures.size === 1 && called.length === 1) return success(called[0]?.path ?? null);
  return unknownBase(candidates);
}

/** The selected path of a checkpoint that is known by another of its paths. */
function selectedPath(whole: readonly StudyCandidate[], basePath: string): string | null {
  const found = whole.find(
    ({ path, checkpoint }) =>
      path === basePath ||
      checkpoint.path === basePath ||
      checkpoint.files.some((file) => isAtOrIn(file.path, basePath)),
  );
  return found?.path ?? null;
}

function isAtOrIn(file: string, place: string): boolean {
  return file === place || file.startsWith(`${place}/`) || file.startsWith(`${place}\\`);
}

function unknownBase(candidates: readonly StudyCandidate[]): Result<never> {
  const names = uniqueNames(candidates.map(({ path }) => path)).join(', ');
  return refuse(
    'study-base-unknown',
    candidates[0]?.path ?? '',
    `Which of ${names} is the base of the others cannot be told from their names and configurations.`,
  );
}

function studyName(base: string | null, tasks: readonly StudyCandidate[], names: readonly string[]): string {
  const shown =
    names.slice(0, 3).join(', ') +
    (names.length > 3 ? ` and ${(names.length - 3).toLocaleString('en-US')} more` : '');
  if (base === null) return shown;
  return tasks.length === 0 ? nameOf(base) : `${shown} against ${nameOf(base)}`;
}
