import type { Artifact, AxisEntry, Histogram, Matrix, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import { memoryAdvice } from './memory-layer-advice';
import { keyFigures, movedSlots, tableFigures } from './memory-layer-figures';
import type { ReadMemory, TableRows } from './memory-layer-models';
import { fromZero } from './domain';
import { effectiveNumber } from './mixture-weights';
import { positionCosines } from './prompt-pairs';

/** Sub-keys drawn against each other, and sides of the map of slots, at most. */
const MOST_DRAWN = 128;
const SETS_DRAWN = 16;
const SLOTS_LISTED = 100;
const BINS = 32;

/** All that is said of the memories of a study. */
export function memoryLayerArtifacts(models: readonly ReadMemory[]): Artifact[] {
  return [
    memoryAdvice(models),
    ...models.flatMap((memory) => slotMaps(memory)),
    ...models.flatMap((memory) => keyMatrices(memory)),
    ...models.flatMap((memory) => memory.tables.flatMap((table) => lengthHistogram(memory, table))),
    keyTable(models),
    slotTable(models),
    ...movedTable(models),
  ];
}

const nameOf = ({ model, layer }: ReadMemory) => (layer.module === '' ? model : `${model}: ${layer.module}`);

function keyMatrices(memory: ReadMemory): Matrix[] {
  return memory.keySets
    .filter(({ keys }) => keys.rows <= MOST_DRAWN)
    .slice(0, SETS_DRAWN)
    .map(({ label, keys }): Matrix => {
      const axis = Array.from({ length: keys.rows }, (_, at): AxisEntry => ({ label: String(at) }));
      return {
        kind: 'matrix',
        id: `keys:${nameOf(memory)}:${label}`,
        title: `Cosine of keys · ${nameOf(memory)}, ${label}`,
        facets: { memory: nameOf(memory), keys: label },
        caption: 'Near 1: two keys answer to the same queries, and select the same slots.',
        rows: axis,
        columns: axis,
        rowTitle: 'key',
        columnTitle: 'key',
        values: packNumbers(positionCosines(keys)),
        unit: 'cos(kᵢ, kⱼ)',
        scale: 'diverging',
        domain: [-1, 1],
      };
    });
}

/** Slots as their two sub-keys span them: how far each moved, or how long it is in the base. */
function slotMaps(memory: ReadMemory): Matrix[] {
  const side = memory.layer.keys?.count ?? 0;
  if (side === 0 || side > MOST_DRAWN) return [];
  const axis = Array.from({ length: side }, (_, at): AxisEntry => ({ label: String(at) }));
  return memory.tables
    .filter(({ lengths }) => lengths.length === side * side)
    .map(({ title, lengths, moved, before }): Matrix => {
      const values = Array.from(lengths, (length, at): number | null => {
        if (!moved || !before) return Number.isFinite(length) ? length : null;
        const [change, old] = [moved[at] ?? NaN, before[at] ?? NaN];
        return Number.isFinite(change) && old > 0 ? change / old : null;
      });
      return {
        kind: 'matrix',
        id: `slots:${nameOf(memory)}:${title}`,
        title: `${moved ? 'How far slots moved' : 'How long slots are'} · ${nameOf(memory)}, ${title}`,
        facets: { memory: nameOf(memory), table: title },
        caption: 'Slot (i, j) belongs to sub-key i of the first half and sub-key j of the second.',
        rows: axis,
        columns: axis,
        rowTitle: 'first sub-key',
        columnTitle: 'second sub-key',
        values: packNumbers(values),
        unit: moved ? '‖τ‖ / ‖θ₀‖' : '‖row‖',
        scale: 'sequential',
        domain: fromZero(values),
        ...(moved ? { measures: 'movement' as const } : {}),
      };
    });
}

function lengthHistogram(memory: ReadMemory, { title, lengths }: TableRows): Histogram[] {
  const finite = lengths.filter(Number.isFinite);
  const most = finite.reduce((best, value) => Math.max(best, value), 0);
  if (!(most > 0)) return [];
  const counts = new Array<number>(BINS).fill(0);
  for (const value of finite) {
    const bin = Math.min(BINS - 1, Math.floor((value / most) * BINS));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return [
    {
      kind: 'histogram',
      id: `lengths:${nameOf(memory)}:${title}`,
      title: `Length of slots · ${nameOf(memory)}, ${title}`,
      facets: { memory: nameOf(memory), table: title },
      edges: Array.from({ length: BINS + 1 }, (_, at) => (most * at) / BINS),
      counts,
      unit: '‖row‖',
    },
  ];
}

function keyTable(models: readonly ReadMemory[]): Table {
  return {
    kind: 'table',
    id: 'keys',
    title: 'Keys',
    caption:
      'Dead: length at most a thousandth of the median. Same: a cosine of at least 0.99 with an earlier key. Perplexity: entries in use, from the counts stored with a codebook.',
    columns: [
      { name: 'model', title: 'Checkpoint', type: 'text' },
      { name: 'module', title: 'Memory', type: 'text' },
      { name: 'kind', title: 'Kind', type: 'text' },
      { name: 'keys', title: 'Keys of', type: 'text' },
      { name: 'count', title: 'Keys', type: 'integer' },
      { name: 'width', title: 'Width', type: 'integer' },
      { name: 'dead', title: 'Dead', type: 'integer' },
      { name: 'same', title: 'Same', type: 'integer' },
      { name: 'mean_cosine', title: 'Mean |cos|', type: 'number' },
      { name: 'most_cosine', title: 'Largest cosine', type: 'number' },
      { name: 'perplexity', title: 'Perplexity', type: 'number' },
    ],
    rows: models.flatMap(({ model, layer, keySets, counts }) =>
      keySets.map(({ label, keys }, set): TableCell[] => {
        const { dead, same, meanCosine, mostCosine } = keyFigures(keys);
        const own = counts?.subarray(set * keys.rows, (set + 1) * keys.rows);
        const perplexity = own && own.length === keys.rows ? effectiveNumber(own) : null;
        return [
          model,
          layer.module,
          layer.kind,
          label,
          keys.rows,
          keys.columns,
          dead,
          same,
          meanCosine,
          mostCosine,
          perplexity,
        ];
      }),
    ),
  };
}

function slotTable(models: readonly ReadMemory[]): Table {
  return {
    kind: 'table',
    id: 'slots',
    title: 'Slots',
    caption:
      'Changed: rows that moved by more than a millionth of their length in the base; undefined without one.',
    columns: [
      { name: 'model', title: 'Checkpoint', type: 'text' },
      { name: 'module', title: 'Memory', type: 'text' },
      { name: 'table', title: 'Table', type: 'text' },
      { name: 'slots', title: 'Slots', type: 'integer' },
      { name: 'dead', title: 'Dead', type: 'integer' },
      { name: 'median', title: 'Median length', type: 'number' },
      { name: 'longest', title: 'Longest', type: 'number' },
      { name: 'changed', title: 'Changed', type: 'share' },
      { name: 'half_energy', title: 'Slots with half the change', type: 'integer' },
    ],
    rows: models.flatMap(({ model, layer, tables }) =>
      tables.map((table): TableCell[] => {
        const { dead, median, longest, changed, halfEnergy } = tableFigures(table);
        return [
          model,
          layer.module,
          table.title,
          table.lengths.length,
          dead,
          median,
          longest,
          changed,
          halfEnergy,
        ];
      }),
    ),
  };
}

function movedTable(models: readonly ReadMemory[]): Table[] {
  const rows = models.flatMap((memory) =>
    memory.tables.flatMap((table) =>
      movedSlots(table, SLOTS_LISTED).map((slot): TableCell[] => {
        const side = memory.layer.keys?.count ?? 0;
        const own = side > 0 ? slot % (side * side) : 0;
        const [moved, before] = [table.moved?.[slot] ?? null, table.before?.[slot] ?? null];
        return [
          memory.model, memory.layer.module, table.title, slot,
          side > 0 ? Math.floor(own / side) : null, side > 0 ? own % side : null, moved, before,
        ]; // prettier-ignore
      }),
    ),
  );
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      id: 'moved',
      title: 'Slots that changed most',
      columns: [
        { name: 'model', title: 'Checkpoint', type: 'text' },
        { name: 'module', title: 'Memory', type: 'text' },
        { name: 'table', title: 'Table', type: 'text' },
        { name: 'slot', title: 'Slot', type: 'integer' },
        { name: 'first_key', title: 'First sub-key', type: 'integer' },
        { name: 'second_key', title: 'Second sub-key', type: 'integer' },
        { name: 'moved', title: '‖τ‖', type: 'number' },
        { name: 'before', title: '‖θ₀‖', type: 'number' },
      ],
      rows,
    },
  ];
}
