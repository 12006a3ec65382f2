import type { Study } from '../model/study';
import { isTrainingRun } from '../model/training-run';
import type { AxisEntry, Series } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';

/** A checkpoint of a run in its place. */
export interface RunStage {
  /** Index into the study's tasks. */
  readonly task: number;
  readonly name: string;
  readonly step: number | null;
}

/** The checkpoints of a run in the order of their steps where all of them are known; tasks else as given. */
export function runOrder({ tasks }: Study): RunStage[] {
  const stages = tasks.map(({ name, training }, task) => ({ task, name, step: training?.step ?? null }));
  if (!isTrainingRun(tasks) || stages.some(({ step }) => step === null)) return stages;
  return stages.sort((a, b) => (a.step ?? 0) - (b.step ?? 0));
}

/** What a caption says of the order. */
export function orderText(stages: readonly RunStage[]): string {
  return stages.some(({ step }) => step === null)
    ? 'Checkpoints in the order given, since the steps of some are unknown.'
    : isAscending(stages)
      ? 'Checkpoints in the order of their steps.'
      : 'In the order given, since these are no checkpoints of one training run.';
}

function isAscending(stages: readonly RunStage[]): boolean {
  return stages.every(({ step }, index) => index === 0 || (stages[index - 1]?.step ?? 0) <= (step ?? 0));
}

/** Checkpoints as an axis: by step, or by name where a step is unknown. */
export function stageAxis(stages: readonly RunStage[]): AxisEntry[] {
  return stages.map(({ name, step }) => ({
    label: step === null ? name : `step ${String(step)}`,
    task: name,
  }));
}

/** The x axis of curves over a run. */
export function stageValues(stages: readonly RunStage[]): Series['x'] {
  const steps = stages.flatMap(({ step }) => step ?? []);
  return steps.length === stages.length
    ? { title: 'step', values: steps }
    : { title: 'checkpoint', values: stages.map(({ name }) => name) };
}

/** The loss curve that the trainer logged, as the last checkpoint with a log has it; `null` where there is none. */
export function lossSeries(study: Study, stages: readonly RunStage[]): Series | null {
  const logs = stages.flatMap(({ task }) => study.tasks[task]?.training?.losses ?? []);
  const latest = stages.findLast(({ task }) => (study.tasks[task]?.training?.losses.length ?? 0) > 0);
  const losses = latest ? (study.tasks[latest.task]?.training?.losses ?? []) : [];
  if (logs.length === 0 || losses.length === 0) return null;
  const steps = [...new Set(losses.map(({ step }) => step))].sort((a, b) => a - b);
  const at = (pick: (each: (typeof losses)[number]) => number | null) => {
    const known = new Map(losses.flatMap((each) => (pick(each) === null ? [] : [[each.step, pick(each)]])));
    return steps.map((step) => known.get(step) ?? null);
  };
  const lines = [
    { name: 'training loss', values: at(({ loss }) => loss) },
    { name: 'evaluation loss', values: at(({ evaluation }) => evaluation) },
  ].filter(({ values }) => values.some((value) => value !== null));
  return {
    kind: 'series',
    id: 'loss',
    title: 'Loss',
    caption: `As the trainer logged it (trainer_state.json of ${latest?.name ?? ''}).`,
    x: { title: 'step', values: steps },
    lines: lines.map(({ name, values }) => ({ name, values: packNumbers(values) })),
    unit: 'loss',
  };
}
