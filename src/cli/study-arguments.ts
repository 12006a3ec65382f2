import fs from 'node:fs';
import path from 'node:path';
import { dataName } from '../model/study-data';
import { uniqueNames } from '../model/task-name';
import { failure, success, type Result } from '../protocol/result';
import type { DataSpec, StudySpec, TaskSpec } from '../protocol/study';
import { splitAssignment, wrongUse, type Arguments } from './arguments';
import type { Session } from './session';
import { inputPath } from './input-path';

/**
 * The study that a command line describes: `--study FILE`, or `--base PATH [NAME=]PATH... [--run FOLDER]`; with either,
 * `--graph FILE`, `--data [NAME=]FILE...` and `--fisher [NAME=]FILE...`, which take the place of those of the file. All paths become absolute.
 */
export async function studyOf(
  given: Arguments,
  tasks: readonly string[],
  session: Session,
): Promise<Result<StudySpec>> {
  const study = await studyOfWeights(given, tasks, session);
  if (!study.ok) return study;
  const graph = given.text('graph');
  const data = given.texts('data').map(dataSet);
  const fisher = given.texts('fisher').map(dataSet);
  const twice = [data, fisher].flatMap(
    (sets) => sets.find(({ name }, index) => sets.findIndex((other) => other.name === name) !== index) ?? [],
  )[0];
  if (twice !== undefined) {
    return failure(wrongUse(`Two files are called "${twice.name}".`, 'Give each its own: NAME=FILE.'));
  }
  return success({
    ...study.value,
    ...(graph === undefined ? {} : { graph: path.resolve(graph) }),
    ...(data.length === 0 ? {} : { data }),
    ...(fisher.length === 0 ? {} : { fisher }),
  });
}

function dataSet(word: string): DataSpec {
  const assignment = fs.existsSync(word) ? null : splitAssignment(word);
  const file = assignment?.value ?? word;
  return { name: assignment?.key ?? dataName(file), path: path.resolve(file) };
}

async function studyOfWeights(
  given: Arguments,
  tasks: readonly string[],
  session: Session,
): Promise<Result<StudySpec>> {
  const file = given.text('study');
  const base = given.text('base');
  const run = given.text('run');
  if (file === undefined) return studyOfPaths(base, tasks, run, session);
  if (base !== undefined || run !== undefined || tasks.length > 0) {
    return failure(wrongUse('--study already names the base and the tasks.', 'Leave the others out.'));
  }
  return session.ask('deltalens/readStudy', { path: path.resolve(file) });
}

async function studyOfPaths(
  base: string | undefined,
  words: readonly string[],
  run: string | undefined,
  session: Session,
): Promise<Result<StudySpec>> {
  if (base === undefined && words.length === 0 && run === undefined) {
    return failure(wrongUse('There is nothing to look at.', 'Name a base, tasks or a study.'));
  }
  const tasks = [...namedTasks(words), ...(run === undefined ? [] : [runTask(run)])];
  const names = tasks.map((task) => task.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    return failure(wrongUse(`Two tasks are called "${twice}".`, 'Give each its own: NAME=PATH.'));
  }
  const found = base === undefined ? await baseOfAdapters(tasks, session) : success(inputPath(base));
  if (!found.ok) return found;
  const of = names.join(', ');
  if (found.value === null) return success({ name: of, tasks });
  const [baseName = ''] = uniqueNames([found.value]);
  return success({ name: of === '' ? baseName : `${of} against ${baseName}`, base: found.value, tasks });
}

function namedTasks(words: readonly string[]): TaskSpec[] {
  const split = words.map((word) => {
    const assignment = fs.existsSync(word) ? null : splitAssignment(word);
    return { name: assignment?.key, path: inputPath(assignment?.value ?? word) };
  });
  const names = uniqueNames(split.map((task) => task.path));
  return split.map((task, index) => ({ name: task.name ?? names[index] ?? task.path, path: task.path }));
}

function runTask(folder: string): TaskSpec {
  const absolute = path.resolve(folder);
  return { name: path.basename(absolute), path: absolute, run: true };
}

/** The base that all adapters among the tasks name; `null` where there is none. Whole checkpoints say nothing of theirs. */
async function baseOfAdapters(tasks: readonly TaskSpec[], session: Session): Promise<Result<string | null>> {
  const paths = tasks.filter((task) => !task.run).map((task) => task.path);
  if (paths.length === 0) return success(null);
  const study = await session.ask('deltalens/makeStudy', { paths, roots: [process.cwd()] });
  if (!study.ok) return study.problem.code === 'study-base-unknown' ? success(null) : study;
  const { base } = study.value;
  return success(base === undefined || paths.includes(base) ? null : base);
}
