import { basename, dirname, resolve } from 'node:path';
import type { Checkpoint } from '../format/checkpoint';
import { readSpan } from '../format/read';
import { openCheckpoint } from '../format/registry';
import type { Finding } from '../protocol/finding';
import { success, type Problem, type Result } from '../protocol/result';
import type { StudySpec, TaskSpec } from '../protocol/study';
import { realPathOf } from './adapter-base';
import type { AdapterDescription } from './describe-adapter';
import type { ReadArchitecture } from './architecture';
import { denseTask, type BuiltTask } from './dense-task';
import { factoredTask } from './factored-task';
import { modelFinding, refuse } from './finding-codes';
import type { ReadSpan } from './load-delta';
import { openAdapter } from './open-adapter';
import { architectureBeside } from './read-architecture';
import type { Study } from './study';
import { readTraining } from './trainer-state';
import { runFolders, runTasks, type RunTasks } from './training-run';

/** How a study reads files; by default straight from disk. */
export interface OpenStudyOptions {
  /** Opens a checkpoint's directory, perhaps out of a cache. */
  readonly open?: (path: string) => Promise<Result<Checkpoint>>;
  readonly read?: ReadSpan;
}

/**
 * Opens base and tasks of a study: directories and adapter configurations, no values. Tasks stand in the order of
 * `spec`; the folder of a training run stands for its checkpoints. Fails with `study-invalid`, `study-base-adapter`, `study-task-duplicate`, `run-empty`, or as opening one of its files does; whatever merely does
 * not fit becomes a finding.
 */
export async function openStudy(spec: StudySpec, options: OpenStudyOptions = {}): Promise<Result<Study>> {
  const { open = openCheckpoint, read = readSpan } = options;
  const checked = checkSpec(spec);
  if (!checked.ok) return checked;
  const base = await openBase(spec, open, read);
  if (!base.ok) return base;
  const expanded = await withoutRuns(spec.tasks, open);
  if (!expanded.ok) return expanded;
  const tasks: BuiltTask[] = [];
  for (const task of expanded.value.tasks) {
    const built = await openTask(task, base.value, open, read);
    if (!built.ok) return built;
    const training = await readTraining(built.value.task.checkpoint);
    tasks.push(training ? { ...built.value, task: { ...built.value.task, training } } : built.value);
  }
  const { architecture, findings: odd } = await architectureOf(base.value, tasks);
  const findings = [
    ...(base.value?.findings ?? []),
    ...odd,
    ...expanded.value.findings,
    ...tasks.flatMap(({ task, findings: own }) => [...own, ...task.checkpoint.findings]),
  ];
  return success({
    spec,
    base: base.value,
    tasks: tasks.map(({ task }) => task),
    architecture,
    findings: [...findings.filter(isVerdict), ...findings.filter((finding) => !isVerdict(finding))],
  });
}

/** A base that does not fit makes everything else meaningless, so it is said first. */
function isVerdict({ code }: Finding): boolean {
  return code === 'study-task-does-not-fit' || code === 'adapter-base-differs';
}

/** The configuration beside the base; where there is none, that of the first task with one. */
async function architectureOf(
  base: Checkpoint | null,
  tasks: readonly BuiltTask[],
): Promise<ReadArchitecture> {
  const findings: Finding[] = [];
  for (const checkpoint of [...(base ? [base] : []), ...tasks.map(({ task }) => task.checkpoint)]) {
    const read = await architectureBeside(checkpoint);
    findings.push(...read.findings);
    if (read.architecture) return { ...read, findings };
  }
  return { architecture: null, findings };
}

type Open = (path: string) => Promise<Result<Checkpoint>>;

function checkSpec(spec: StudySpec): Result<null> {
  const path = spec.file ?? spec.name;
  if (spec.base === undefined && spec.tasks.length === 0) {
    return refuse('study-invalid', path, `The study "${spec.name}" has neither a base nor a task.`);
  }
  const seen = new Set<string>();
  for (const { name } of spec.tasks) {
    if (seen.has(name)) {
      return refuse('study-task-duplicate', path, `Two tasks of the study are called "${name}".`, name);
    }
    seen.add(name);
  }
  return success(null);
}

/** The tasks with the checkpoints of training runs in the place of the runs. */
async function withoutRuns(specs: readonly TaskSpec[], open: Open): Promise<Result<RunTasks>> {
  const tasks: TaskSpec[] = [];
  const findings: Finding[] = [];
  for (const task of specs) {
    if (!(await isRun(task, open))) {
      tasks.push(task);
      continue;
    }
    const run = await runTasks(task, specs.length > 1, open);
    if (!run.ok) return run;
    tasks.push(...run.value.tasks);
    findings.push(...run.value.findings);
  }
  return success({ tasks, findings });
}

/** A run is called one, or is a folder with checkpoints in folders and none of its own. */
async function isRun({ path, run }: TaskSpec, open: Open): Promise<boolean> {
  if (run) return true;
  const opened = await open(path);
  if (opened.ok || opened.problem.code !== 'folder-of-run') return false;
  return (await runFolders(path)).length > 0;
}

async function openBase(spec: StudySpec, open: Open, read: ReadSpan): Promise<Result<Checkpoint | null>> {
  if (spec.base === undefined) return success(null);
  const base = await open(spec.base);
  if (!base.ok) return base;
  const adapter = await openAdapter(base.value, read);
  // A single stray factor makes no adapter of a model.
  if (adapter.ok && adapter.value && (adapter.value.config !== null || adapter.value.targets.length > 0)) {
    return refuse(
      'study-base-adapter',
      spec.base,
      `${spec.base} is an adapter; a base must be a whole checkpoint.`,
    );
  }
  return base;
}

async function openTask(
  { name, path }: TaskSpec,
  base: Checkpoint | null,
  open: Open,
  read: ReadSpan,
): Promise<Result<BuiltTask>> {
  const checkpoint = await open(path);
  if (!checkpoint.ok) return checkpoint;
  const adapter = await openAdapter(checkpoint.value, read);
  if (!adapter.ok) return success(unreadableAdapter(name, checkpoint.value, adapter.problem));
  if (adapter.value) {
    const built = factoredTask(name, checkpoint.value, adapter.value, base, read);
    const other = await otherBase(name, adapter.value, base);
    return success(other ? { ...built, findings: [other, ...built.findings] } : built);
  }
  if (base) return success(denseTask(name, checkpoint.value, base));
  const alone = {
    name,
    checkpoint: checkpoint.value,
    kind: 'dense' as const,
    deltas: new Map(),
    unplaced: [],
  };
  return success({ task: alone, findings: [] });
}

/** Without its configuration an adapter has no task vector, but still tensors to look at. */
function unreadableAdapter(name: string, checkpoint: Checkpoint, problem: Problem): BuiltTask {
  const { code, message, action, path = checkpoint.path, at } = problem;
  const finding: Finding = {
    code,
    severity: 'error',
    path,
    message,
    help: action,
    ...(at === undefined ? {} : { at }),
  };
  const unplaced = checkpoint.tensors.map((entry) => ({ tensor: entry.name, reason: message }));
  return {
    task: { name, checkpoint, kind: 'factored', deltas: new Map(), unplaced },
    findings: [finding],
  };
}

/** The configuration of an adapter may lead to another checkpoint than the study's base. */
async function otherBase(
  name: string,
  { config }: AdapterDescription,
  base: Checkpoint | null,
): Promise<Finding | null> {
  if (!base || !config || config.baseName === null || config.baseName.includes('\0')) return null;
  const named = await realPathOf(resolve(dirname(config.path), config.baseName));
  if (named === null) return null;
  const ours = await Promise.all([base.path, dirname(base.files[0]?.path ?? base.path)].map(realPathOf));
  if (ours.includes(named) || ours.includes(dirname(named))) return null;
  const message = `${name} was trained on ${named}, and the base of the study is ${basename(base.path)} (${base.path}).`;
  return modelFinding('adapter-base-differs', config.path, message, 'base_model_name_or_path');
}
