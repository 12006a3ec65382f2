import { compareModules, compareRows, placeOf } from '../model/naming';
import type { Study } from '../model/study';
import type { AxisEntry, Matrix, Series, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { fromZero } from './domain';
import { DriftSums } from './drift-sums';
import { orderText, stageAxis, stageValues, type RunStage } from './run-order';
import type { TensorGram } from './task-gram';

/** A part of the network along a run. */
export interface DriftScope {
  readonly kind: 'all' | 'layer' | 'module' | 'tensor';
  readonly entry: AxisEntry;
  readonly name: string;
  readonly sums: DriftSums;
}

/** The whole, heatmap rows, modules and tensors, over the tensors that all checkpoints have. */
export function driftScopes(tensors: readonly TensorGram[], stages: readonly RunStage[]): DriftScope[] {
  const order = stages.map(({ task }) => task);
  const make = (kind: DriftScope['kind'], name: string, entry: AxisEntry): DriftScope => ({
    kind,
    name,
    entry,
    sums: new DriftSums(order),
  });
  const all = make('all', 'all', { label: 'whole model' });
  const layers = new Map<string, DriftScope>();
  const modules = new Map<string, DriftScope>();
  const single: DriftScope[] = [];
  for (const each of tensors) {
    const { row, layerLabel, module } = placeOf(each.tensor);
    const layer = layers.get(row) ?? make('layer', row, { label: layerLabel, layer: row });
    layers.set(row, layer);
    const kind = modules.get(module) ?? make('module', module, { label: module, module });
    modules.set(module, kind);
    const own = make('tensor', each.tensor, { label: each.tensor, tensor: each.tensor });
    for (const { sums } of [all, layer, kind, own]) sums.add(each);
    single.push(own);
  }
  return [
    all,
    ...[...layers.values()].sort((a, b) => compareRows(a.name, b.name)),
    ...[...modules.values()].sort((a, b) => compareModules(a.name, b.name)),
    ...single,
  ];
}

const METRICS = [
  {
    name: 'relative_drift',
    title: 'Relative drift',
    unit: '‖θₛ − θₛ₋₁‖ / ‖θₛ₋₁‖',
    of: (sums: DriftSums, k: number) => sums.relativeDrift(k),
    caption:
      'How far a checkpoint moved from the one before it (the first: from the base), in units of the weights. proxy: the L2 norm in the place of the mean absolute change of Zhao et al. 2023.',
  },
  {
    name: 'remaining',
    title: 'Still to go',
    unit: '‖θₛ − θ_last‖ / ‖τ_last‖',
    of: (sums: DriftSums, k: number) => sums.remaining(k),
    caption: 'Distance to the last checkpoint, in units of the whole change: 0 is settled.',
  },
  {
    name: 'relative',
    title: 'Relative norm',
    unit: '‖τₛ‖ / ‖θ₀‖',
    of: (sums: DriftSums, k: number) => sums.relative(k),
    caption: 'How far a checkpoint is from the base, in units of the base.',
  },
] as const;

/** Layers × checkpoints and modules × checkpoints, for every figure. */
export function driftMatrices(scopes: readonly DriftScope[], stages: readonly RunStage[]): Matrix[] {
  return METRICS.flatMap(({ name, title, unit, of, caption }) =>
    (['layer', 'module'] as const).map((kind): Matrix => {
      const rows = scopes.filter((scope) => scope.kind === kind);
      const values = rows.flatMap(({ sums }) => stages.map((_, k) => of(sums, k)));
      return {
        kind: 'matrix',
        id: `${name}:${kind}`,
        title: `${title} · by ${kind}`,
        facets: { metric: name, by: kind },
        caption: `${caption} Tensors of a ${kind} taken as one vector; only tensors that all checkpoints have. ${orderText(stages)}`,
        rows: rows.map(({ entry }) => entry),
        columns: stageAxis(stages),
        rowTitle: kind,
        columnTitle: 'checkpoint',
        values: packNumbers(values),
        unit,
        scale: 'sequential',
        domain: fromZero(values),
      };
    }),
  );
}

/** The run in one figure: norm, cosine with the last, stage cosine over steps. */
export function runCurves({ sums }: DriftScope, stages: readonly RunStage[]): Series {
  const line = (name: string, of: (k: number) => number | null) => ({
    name,
    values: packNumbers(stages.map((_, k) => of(k))),
  });
  const last = stages.length - 1;
  return {
    kind: 'series',
    id: 'direction',
    title: 'Direction along the run',
    caption: `Stage cosine: cos(θₛ − θₛ₋₁, θₛ₋₁ − θₛ₋₂), below 0 where a stage undoes the one before. ${orderText(stages)}`,
    x: stageValues(stages),
    lines: [
      line('cosine with the last', (k) => sums.cosine(k, last)),
      line('cosine with the one before', (k) => sums.cosine(k, k - 1)),
      line('stage cosine', (k) => sums.stageCosine(k)),
      line('still to go', (k) => sums.remaining(k)),
    ],
    unit: 'cosine, share',
  };
}

/** One row per checkpoint, the whole task vector. */
export function stepTable(study: Study, { sums }: DriftScope, stages: readonly RunStage[]): Table {
  return {
    kind: 'table',
    id: 'steps',
    title: 'Checkpoints of the run',
    caption: `τ of every checkpoint against the base, whole. Drift is the distance to the checkpoint before it, of the first to the base; less than 1e-6·‖τ‖ counts as none. The loss is the last one logged up to the step. ${orderText(stages)}`,
    columns: [
      { name: 'checkpoint', title: 'Checkpoint', type: 'text' },
      { name: 'step', title: 'Step', type: 'integer' },
      ...FIGURES.map(({ name, title }) => ({ name, title, type: 'number' as const })),
      { name: 'loss', title: 'Training loss', type: 'number' },
    ],
    rows: stages.map(({ task, name, step }, k): TableCell[] => [
      name,
      step,
      ...FIGURES.map(({ of }) => of(sums, k, stages.length - 1)),
      study.tasks[task]?.training?.losses.findLast(({ loss }) => loss !== null)?.loss ?? null,
    ]),
  };
}

const FIGURES: readonly {
  readonly name: string;
  readonly title: string;
  readonly of: (sums: DriftSums, k: number, last: number) => number | null;
}[] = [
  { name: 'norm', title: 'Norm', of: (sums, k) => sums.norm(k) },
  { name: 'relative', title: 'Relative norm', of: (sums, k) => sums.relative(k) },
  { name: 'cosine_with_last', title: 'Cosine with the last', of: (sums, k, last) => sums.cosine(k, last) },
  {
    name: 'cosine_with_previous',
    title: 'Cosine with the one before',
    of: (sums, k) => sums.cosine(k, k - 1),
  },
  { name: 'drift', title: 'Drift', of: (sums, k) => sums.drift(k) },
  { name: 'relative_drift', title: 'Relative drift', of: (sums, k) => sums.relativeDrift(k) },
  { name: 'stage_cosine', title: 'Stage cosine', of: (sums, k) => sums.stageCosine(k) },
  { name: 'remaining', title: 'Still to go', of: (sums, k) => sums.remaining(k) },
];

/** One row per layer, module or tensor and checkpoint. */
export function driftTable(scopes: readonly DriftScope[], stages: readonly RunStage[]): Table {
  const parts = scopes.filter(({ kind }) => kind !== 'all');
  return {
    kind: 'table',
    id: 'drift',
    title: 'Drift of layers, modules and tensors',
    caption: `As in "steps", for the tensors of a part taken as one vector. ${orderText(stages)}`,
    columns: [
      { name: 'scope', title: 'Layer, module or tensor', type: 'text' },
      { name: 'checkpoint', title: 'Checkpoint', type: 'text' },
      { name: 'step', title: 'Step', type: 'integer' },
      ...FIGURES.map(({ name, title }) => ({ name, title, type: 'number' as const })),
      { name: 'kind', title: 'Kind of scope', type: 'text', hidden: true },
    ],
    rows: parts.flatMap(({ kind, name: scope, sums }) =>
      stages.map(({ name, step }, k): TableCell[] => [
        scope,
        name,
        step,
        ...FIGURES.map(({ of }) => of(sums, k, stages.length - 1)),
        kind,
      ]),
    ),
  };
}
