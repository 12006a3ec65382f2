import type { StudyCard, StudyPanelState } from '../../protocol/panel';
import type { RunSpec, StudySpec } from '../../protocol/study';

/**
 * What a study panel left behind for the next window. It comes from VS Code's storage and may be of an older version (one run to
 * a panel) or damaged, so its shape is checked; `null` where it cannot be used.
 */
export function readPanelState(state: unknown): StudyPanelState | null {
  if (!isRecord(state)) return null;
  if (isRun(state.run)) {
    const { lens, parameters, study } = state.run;
    return {
      study,
      cards: [{ id: 'card-1', lens, parameters, view: isRecord(state.view) ? state.view : {} }],
    };
  }
  if (!isStudy(state.study) || !Array.isArray(state.cards)) return null;
  const cards = state.cards.filter(isCard);
  const known = new Set(cards.map(({ id }) => id));
  const isKnown = (id: unknown): id is string => typeof id === 'string' && known.has(id);
  const pair: readonly unknown[] = Array.isArray(state.compared) ? state.compared : [];
  const [a, b] = pair;
  return {
    study: state.study,
    cards,
    ...(typeof state.lensesOpen === 'boolean' && { lensesOpen: state.lensesOpen }),
    ...(typeof state.linked === 'boolean' && { linked: state.linked }),
    ...(isKnown(state.maximised) && { maximised: state.maximised }),
    ...(isKnown(a) && isKnown(b) && { compared: [a, b] as const }),
    ...(isRecord(state.selection) && { selection: state.selection }),
  };
}

/** Two studies with the same key have the same base and tasks, so one panel serves both. */
export function studyKey({ base, tasks }: StudySpec): string {
  return JSON.stringify([base ?? null, tasks.map((task) => [task.name, task.path])]);
}

/** Two runs with the same key give the same result. */
export function runKey(run: RunSpec): string {
  const parameters = Object.entries(run.parameters).sort(([a], [b]) => (a < b ? -1 : 1));
  const { graph, data, fisher } = run.study;
  return JSON.stringify([run.lens, studyKey(run.study), parameters, graph ?? null, data ?? [], fisher ?? []]);
}

function isCard(card: unknown): card is StudyCard {
  return (
    isRecord(card) &&
    typeof card.id === 'string' &&
    typeof card.lens === 'string' &&
    isRecord(card.parameters) &&
    isRecord(card.view)
  );
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
