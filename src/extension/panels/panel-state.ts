import type { ResultPanelState } from '../../protocol/panel';
import type { RunSpec, StudySpec } from '../../protocol/study';

/**
 * What a result panel left behind for the next window. It comes from VS Code's storage and may be of an older version
 * or damaged, so its shape is checked; `null` where it cannot be used.
 */
export function readPanelState(state: unknown): ResultPanelState | null {
  if (!isRecord(state) || !isRun(state.run)) return null;
  return { run: state.run, view: isRecord(state.view) ? state.view : {} };
}

/** Two runs with the same key give the same result, so one panel serves both. */
export function runKey(run: RunSpec): string {
  const { base, tasks } = run.study;
  const parameters = Object.entries(run.parameters).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([run.lens, base ?? null, tasks.map((task) => [task.name, task.path]), parameters]);
}

function isRun(run: unknown): run is RunSpec {
  return isRecord(run) && typeof run.lens === 'string' && isStudy(run.study) && isRecord(run.parameters);
}

function isStudy(study: unknown): study is StudySpec {
  return (
    isRecord(study) &&
    typeof study.name === 'string' &&
    ['string', 'undefined'].includes(typeof study.base) &&
    Array.isArray(study.tasks) &&
    study.tasks.every(
      (task: unknown) => isRecord(task) && typeof task.name === 'string' && typeof task.path === 'string',
    )
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
