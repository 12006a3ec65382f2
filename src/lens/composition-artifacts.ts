import type { Artifact, Graph, Matrix, Note, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { STANDS_OUT, type CompositionBoard, type HeadPair } from './composition-board';
import { extent, fromZero } from './domain';
import { COMPOSITIONS, type Composition } from './head-readers';
import { namesText, wholeText } from './wording';

/** The compositions of one model. */
export interface ComposedModel {
  readonly name: string;
  readonly isBase: boolean;
  readonly board: CompositionBoard;
}

const UNIT = '× a random direction';
const KIND_TITLES: Readonly<Record<Composition, string>> = {
  Q: 'Q-composition',
  K: 'K-composition',
  V: 'V-composition',
};

/** Graph, matrices, table and notes, with changes against the base where there is one. `caption` says what was folded and read. */
export function compositionArtifacts(models: readonly ComposedModel[], caption: string): Artifact[] {
  const base = models.find(({ isBase }) => isBase) ?? null;
  return [
    verdict(models),
    ...models.map((model) => graphOf(model, caption)),
    ...matrices(models, caption),
    ...(base ? changes(models, base, caption) : []),
    recommendation(models, base),
    table(models, base, caption),
  ];
}

function graphOf({ name, board }: ComposedModel, caption: string): Graph {
  const { axis } = board;
  const columns = new Map(axis.blocks.map(({ label }, column) => [label, column]));
  return {
    kind: 'graph',
    id: `graph:${name}`,
    title: `Strongest compositions · ${name}`,
    facets: { task: name },
    caption: `Heads by layer; an edge leads from an earlier head to a later one that reads a component of it. ${caption}`,
    nodes: axis.blocks.flatMap(({ heads, label }, block) =>
      Array.from({ length: heads }, (_, head) => ({
        entry: axis.heads[(axis.starts[block] ?? 0) + head] ?? { label },
        column: columns.get(label) ?? block,
        row: head,
      })),
    ),
    columnTitle: 'attention block, in network order',
    rowTitle: 'head',
    edges: board.strongest().map(({ early, late, ratio, kind }) => ({
      from: early,
      to: late,
      weight: ratio,
      group: KIND_TITLES[kind],
    })),
    unit: UNIT,
  };
}

function matrices(models: readonly ComposedModel[], caption: string): Matrix[] {
  return COMPOSITIONS.flatMap((kind) => {
    const values = models.map(({ board }) => board.cells(kind));
    const domain = fromZero(values.flat());
    return models.map((model, index) => ({
      ...axes(model),
      id: `${kind}:${model.name}`,
      title: `${KIND_TITLES[kind]} · ${model.name}`,
      facets: { metric: KIND_TITLES[kind], task: model.name },
      caption: `Strongest component of the earlier head's W_OV in the later head; 1 is what a random direction scores. ${caption}`,
      values: packNumbers(values[index] ?? []),
      unit: UNIT,
      scale: 'sequential' as const,
      domain,
    }));
  });
}

function changes(models: readonly ComposedModel[], base: ComposedModel, caption: string): Matrix[] {
  const tasks = models.filter((model) => model !== base && model.board.size === base.board.size);
  return COMPOSITIONS.flatMap((kind) => {
    const before = base.board.cells(kind);
    const values = tasks.map(({ board }) =>
      board.cells(kind).map((value, at) => difference(value, before[at] ?? null)),
    );
    const range = extent(values.flat());
    const most = range ? Math.max(-range[0], range[1]) || 1 : 0;
    return tasks.map((task, index) => ({
      ...axes(task),
      id: `${kind}-change:${task.name}`,
      title: `Change of ${KIND_TITLES[kind]} · ${task.name}`,
      facets: { metric: `change of ${KIND_TITLES[kind]}`, task: task.name },
      caption: `Of the task minus of the base. ${caption}`,
      values: packNumbers(values[index] ?? []),
      unit: `${UNIT}, task − base`,
      scale: 'diverging' as const,
      domain: range && ([-most, most] as const),
    }));
  });
}

function axes({
  board,
  name,
}: ComposedModel): Pick<Matrix, 'kind' | 'rows' | 'columns' | 'rowTitle' | 'columnTitle'> {
  const { axis, byHead } = board;
  const entries = byHead
    ? axis.heads.map((entry) => ({ ...entry, task: name }))
    : axis.blocks.map(({ label, layer }) => ({ label, layer, task: name }));
  const what = byHead ? 'head' : 'attention block';
  return {
    kind: 'matrix',
    rows: entries,
    columns: entries,
    rowTitle: `earlier ${what}`,
    columnTitle: `later ${what}`,
  };
}

function table(models: readonly ComposedModel[], base: ComposedModel | null, caption: string): Table {
  const rows = models.flatMap(({ name, isBase, board }) =>
    board.strongest().map((pair): TableCell[] => {
      const { kind, early, late, component, energy, score, ratio, deviations } = pair;
      const before = isBase || !base?.board.byHead ? null : base.board.ratioOf(pair);
      const [from, to] = [board.axis.heads[early], board.axis.heads[late]];
      return [
        name,
        kind,
        from?.layer ?? '',
        from?.head ?? null,
        component,
        to?.layer ?? '',
        to?.head ?? null,
        score,
        ratio,
        deviations,
        energy,
        before,
        difference(ratio, before),
      ];
    }),
  );
  return {
    kind: 'table',
    id: 'compositions',
    title: 'Strongest compositions',
    caption: `The strongest pairs of heads of each model; between two heads the strongest component counts. ${caption}`,
    columns: [
      { name: 'task', title: 'Task', type: 'text' },
      { name: 'kind', title: 'Kind', type: 'text' },
      { name: 'early_layer', title: 'Earlier layer', type: 'text' },
      { name: 'early_head', title: 'Earlier head', type: 'integer' },
      { name: 'component', title: 'Component', type: 'integer' },
      { name: 'late_layer', title: 'Later layer', type: 'text' },
      { name: 'late_head', title: 'Later head', type: 'integer' },
      { name: 'score', title: 'Score', type: 'number' },
      { name: 'ratio', title: '× random', type: 'number' },
      { name: 'deviations', title: 'Standard deviations above random', type: 'number' },
      { name: 'energy', title: 'Share of W_OV', type: 'share' },
      { name: 'base_ratio', title: '× random in the base', type: 'number' },
      { name: 'change', title: 'Change of × random', type: 'number' },
    ],
    rows,
  };
}

function verdict(models: readonly ComposedModel[]): Note {
  const lines = models.map(({ name, board: { pairs, standingOut, axis } }) =>
    pairs === 0
      ? `${name}: no head has a later one on the same residual stream to write to.`
      : `${name}: ${wholeText(standingOut)} of ${wholeText(pairs)} pairs (earlier head, later head, kind) among ${wholeText(axis.heads.length)} heads stand out from random directions by more than ${wholeText(STANDS_OUT)} standard deviations.`,
  );
  const something = models.some(({ board }) => board.standingOut > 0);
  return {
    kind: 'note',
    id: 'verdict',
    title: something ? 'Heads write to each other' : 'No head stands out as writing to another',
    severity: 'information',
    role: 'verdict',
    text: lines.join('\n'),
  };
}

const PAIRS_NAMED = 3;

function recommendation(models: readonly ComposedModel[], base: ComposedModel | null): Note {
  const lines = models.flatMap(({ name, board }) => {
    const strongest = board.strongest().slice(0, PAIRS_NAMED);
    const keep = strongest.map((pair) => pairText(board, pair)).join('; ');
    return [
      ...(strongest.length > 0 ? [`${name}: leave whole what belongs together: ${keep}.`] : []),
      ...quietText(name, board),
    ];
  });
  const moved = base ? models.flatMap((model) => (model === base ? [] : movedText(model, base))) : [];
  return {
    kind: 'note',
    id: 'recommendation',
    title: 'Heads to keep together, and heads to try without',
    severity: 'information',
    role: 'recommendation',
    text: [
      ...lines,
      ...moved,
      'Limits: read off the weights alone. A channel may carry what no input uses, and heads also work through MLPs and straight on the output. Ablate a head on your data before you prune it.',
    ].join('\n'),
  };
}

function pairText({ axis }: CompositionBoard, { kind, early, late, component, ratio }: HeadPair): string {
  const [from, to] = [axis.heads[early]?.label ?? '', axis.heads[late]?.label ?? ''];
  return `${from} → ${to} (${KIND_TITLES[kind]} of component ${String(component)}, ${ratio.toFixed(1)} times a random direction)`;
}

/** Heads whose writing no later head reads much better than a random direction. */
function quietText(name: string, board: CompositionBoard): string[] {
  const heads = board.axis.heads.flatMap(({ label }, head) => {
    const most = board.strongestOf(head);
    return most === null ? [] : [{ label, most }];
  });
  const quiet = heads.filter(({ most }) => most < 1.5).sort((a, b) => a.most - b.most);
  if (quiet.length === 0 || heads.length === 0) return [];
  return [
    `${name}: no later head reads much of ${namesText(quiet.map(({ label }) => label))} (under 1.5 times a random direction): candidates for pruning, unless they write to MLPs or the output.`,
  ];
}

function movedText({ name, board }: ComposedModel, base: ComposedModel): string[] {
  if (!board.byHead || board.size !== base.board.size) return [];
  let most: { pair: HeadPair; change: number } | null = null;
  for (const pair of board.strongest()) {
    const change = difference(pair.ratio, base.board.ratioOf(pair));
    if (change !== null && (most === null || Math.abs(change) > Math.abs(most.change)))
      most = { pair, change };
  }
  if (!most) return [];
  const sign = most.change >= 0 ? 'grew' : 'shrank';
  return [
    `${name}: among its strongest pairs ${pairText(board, most.pair)} ${sign} most against the base, by ${Math.abs(most.change).toFixed(2)}.`,
  ];
}

function difference(value: number | null, before: number | null): number | null {
  return value === null || before === null ? null : value - before;
}
