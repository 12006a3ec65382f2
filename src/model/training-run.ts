import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Checkpoint } from '../format/checkpoint';
import type { Finding } from '../protocol/finding';
import { success, type Problem, type Result } from '../protocol/result';
import { stepInName } from '../protocol/step-name';
import type { TaskSpec } from '../protocol/study';
import { homeOf } from './adapter-base';
import { modelFinding, refuse } from './finding-codes';
import { compareNatural } from './natural-order';
import type { TaskVector } from './task-vector';
import type { Training } from './trainer-state';

/** The checkpoints of a training run as tasks, in the order of their steps. */
export interface RunTasks {
  readonly tasks: readonly TaskSpec[];
  /** Which checkpoints are left out: the newest while it is being written, older ones that cannot be read. */
  readonly findings: readonly Finding[];
}

/**
 * Whether tasks are checkpoints of one training run: folders of one folder that are called by their steps (`checkpoint-500`), or
 * checkpoints whose trainer logged on where the one before had stopped. Fine-tunes that merely lie side by side are none.
 */
export function isTrainingRun(tasks: readonly TaskVector[]): boolean {
  if (tasks.length < 2) return false;
  const homes = tasks.map(({ checkpoint }) => homeOf(checkpoint.path));
  const [first = ''] = homes;
  const areNumbered = homes.every(
    (home) => dirname(home) === dirname(first) && stepInName(basename(home)) !== null,
  );
  return areNumbered || logOn(tasks);
}

function logOn(tasks: readonly TaskVector[]): boolean {
  const logs = tasks.map(({ training }) => training?.losses ?? []).sort((a, b) => a.length - b.length);
  return logs.every((log, index) => {
    const next = logs[index + 1];
    return log.length > 0 && (!next || log.every((each, at) => isSameEntry(each, next[at])));
  });
}

type Logged = Training['losses'][number];

function isSameEntry(a: Logged, b: Logged | undefined): boolean {
  return a.step === b?.step && a.loss === b.loss && a.evaluation === b.evaluation;
}

type Open = (path: string) => Promise<Result<Checkpoint>>;

/** Folders in a run's folder that are called like checkpoints (`checkpoint-500`), by ascending step. Empty where there are none. */
export async function runFolders(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && stepInName(entry.name) !== null)
    .map((entry) => entry.name)
    .sort((a, b) => (stepInName(a) ?? 0) - (stepInName(b) ?? 0) || compareNatural(a, b));
}

/**
 * The tasks of a run: every complete checkpoint in its folder. One that does not open is left out; as the newest it
 * counts as still being written. Task names are the folders', with the run's name before them where `prefixed`. Fails
 * with `run-empty`.
 */
export async function runTasks(run: TaskSpec, prefixed: boolean, open: Open): Promise<Result<RunTasks>> {
  const names = await runFolders(run.path);
  const tasks: TaskSpec[] = [];
  const findings: Finding[] = [];
  for (const name of names) {
    const path = join(run.path, name);
    const opened = await open(path);
    if (opened.ok) tasks.push({ name: prefixed ? `${run.name}/${name}` : name, path });
    else findings.push(leftOut(name, path, opened.problem, name === names.at(-1)));
  }
  if (tasks.length > 0) return success({ tasks, findings });
  const [first] = findings;
  const reason = first ? ` ${first.message}` : '';
  return refuse(
    'run-empty',
    run.path,
    `${run.path} holds no complete checkpoint of a training run.${reason}`,
  );
}

function leftOut(name: string, path: string, problem: Problem, newest: boolean): Finding {
  return newest
    ? modelFinding('run-checkpoint-unfinished', path, `${name} is left out: it is not complete yet.`)
    : modelFinding('run-checkpoint-unreadable', path, `${name} is left out: ${problem.message}`);
}
