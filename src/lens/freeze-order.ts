import type { Note, Table, TableCell } from '../protocol/artifact';
import { rowRanges } from './row-ranges';
import type { RunStage } from './run-order';
import type { DriftScope } from './trajectory-artifacts';
import { shortNumber } from './wording';

/** When a layer came to rest. */
interface Settled {
  readonly scope: DriftScope;
  /** Place in the run of the first checkpoint from which on the layer stays near its end; `null`: it never moved. */
  readonly at: number | null;
}

/** The layers in the order in which they came within `share` of their whole change of the last checkpoint, and stayed. */
function settledLayers(scopes: readonly DriftScope[], stages: readonly RunStage[], share: number): Settled[] {
  const last = stages.length - 1;
  return scopes
    .filter(({ kind }) => kind === 'layer')
    .map((scope) => {
      if (!(scope.sums.dot(last, last) > 0)) return { scope, at: null };
      let at = last;
      while (at > 0 && (scope.sums.remaining(at - 1) ?? Infinity) <= share) at--;
      return { scope, at };
    });
}

/** One row per layer, first to settle first. */
export function freezeTable(
  scopes: readonly DriftScope[],
  stages: readonly RunStage[],
  share: number,
): Table {
  const settled = settledLayers(scopes, stages, share).sort((a, b) => (a.at ?? -1) - (b.at ?? -1));
  return {
    kind: 'table',
    id: 'freeze_order',
    title: 'Order in which layers settle',
    caption: `proxy: the first checkpoint from which on a layer stays within ${shortNumber(share)}·‖τ_last‖ of its last weights. A layer without a checkpoint never moved.`,
    columns: [
      { name: 'layer', title: 'Layer', type: 'text' },
      { name: 'checkpoint', title: 'Settled at', type: 'text' },
      { name: 'step', title: 'Step', type: 'integer' },
      { name: 'remaining', title: 'Still to go there', type: 'number' },
    ],
    rows: settled.map(({ scope, at }): TableCell[] =>
      at === null
        ? [scope.name, null, null, null]
        : [scope.name, stages[at]?.name ?? null, stages[at]?.step ?? null, scope.sums.remaining(at)],
    ),
  };
}

/** In words: which layers can be frozen from when on, and whether late training undoes early training. */
export function trajectoryAdvice(
  scopes: readonly DriftScope[],
  stages: readonly RunStage[],
  share: number,
): Note {
  const settled = settledLayers(scopes, stages, share);
  const rows = settled.map(({ scope }) => scope.entry);
  const at = (stage: number | null) => settled.flatMap((each, row) => (each.at === stage ? [row] : []));
  const lines: string[] = [];
  const still = at(null);
  if (still.length > 0)
    lines.push(`${rowRanges(rows, still)} never moved: frozen, or not needed by this training.`);
  for (const [k, stage] of stages.slice(0, -1).entries()) {
    const found = at(k);
    if (found.length === 0) continue;
    lines.push(
      `${rowRanges(rows, found)} stayed within ${shortNumber(100 * share)} % of the whole change from ${stageName(stage)} on: a repeat of this training could freeze that from there.`,
    );
  }
  if (lines.length === 0) {
    lines.push(
      `No layer came to rest before ${stageName(stages.at(-1))}: freeze none, and consider training on.`,
    );
  }
  const [all] = scopes;
  const undone = stages.flatMap((stage, k) => {
    const cosine = all?.sums.stageCosine(k) ?? null;
    return cosine !== null && cosine < 0 ? [`${stageName(stage)} (${shortNumber(cosine)})`] : [];
  });
  if (undone.length > 0) {
    lines.push(
      `The way up to ${undone.join(', ')} goes against the stage before it: part of what was learned is undone.`,
    );
  }
  return {
    kind: 'note',
    id: 'advice',
    title: 'Where training came to rest',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      'Limits: weights that rest may still matter when others move, and a falling learning rate brings every layer to rest. Freeze, train and measure.',
    ].join('\n'),
  };
}

function stageName(stage: RunStage | undefined): string {
  if (!stage) return '';
  return stage.step === null ? stage.name : `step ${String(stage.step)}`;
}
