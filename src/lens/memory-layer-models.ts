import type { TensorEntry } from '../format/checkpoint';
import { memoryLayers, type MemoryLayer } from '../model/memory-layers';
import { ModelFindings } from '../model/model-findings';
import type { Study } from '../model/study';
import type { Finding } from '../protocol/finding';
import { failure, success, type Result } from '../protocol/result';
import type { Dense } from '../tensor/linear/dense';
import { rowsOfSpan } from './embedding-tensors';
import type { LensContext } from './lens';
import { readMatrices, type MatrixWork } from './matrix-pass';
import { partOf } from './progress-part';
import { rowSquares } from './prompt-pairs';
import { rowBlocks } from './row-drift';
import { readSmallTensors } from './small-tensors';

/** Lengths of the rows of a table, and how far they are from the base's. */
export interface TableRows {
  readonly title: string;
  readonly entry: TensorEntry;
  /** ‖row‖; NaN where it is not finite. */
  readonly lengths: Float64Array;
  /** ‖τ_row‖ and ‖θ₀_row‖; `null` in the base, and where the base has no such table. */
  readonly moved: Float64Array | null;
  readonly before: Float64Array | null;
}

export interface ReadMemory {
  readonly model: string;
  readonly layer: MemoryLayer;
  /** One for each head and half: count × width. For a codebook one for each head. */
  readonly keySets: readonly { readonly label: string; readonly keys: Dense }[];
  readonly tables: readonly TableRows[];
  /** How often entries of a codebook were used; `null` where that is not stored. */
  readonly counts: Float64Array | null;
}

export interface ReadMemories {
  readonly models: readonly ReadMemory[];
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
}

interface Found {
  readonly model: string;
  readonly path: string;
  readonly layer: MemoryLayer;
  readonly base: MemoryLayer | null;
}

/**
 * Reads keys of all memories whole and their tables in blocks of rows, the base's beside each task's. What holds NaN or infinities
 * is left out or undefined, with a finding. Fails with `no-task-vector` where there is no memory, else as reading does, or with
 * `cancelled`.
 */
export async function readMemories(study: Study, context: LensContext): Promise<Result<ReadMemories>> {
  const ofBase = memoryLayers(study.base?.tensors ?? []);
  const found: Found[] = [
    ...ofBase.map((layer) => ({ model: 'base', path: study.base?.path ?? '', layer, base: null })),
    ...study.tasks.flatMap(({ name, checkpoint }) =>
      memoryLayers(checkpoint.tensors).map((layer) => ({
        model: name,
        path: checkpoint.path,
        layer,
        base: ofBase.find(({ module, kind }) => module === layer.module && kind === layer.kind) ?? null,
      })),
    ),
  ];
  if (found.length === 0) return noMemory(study);
  const small = found.flatMap(({ layer: { keys, codes, counts } }) =>
    [keys?.entry, codes, counts].flatMap((entry) => (entry ? [entry] : [])),
  );
  const read = await readSmallTensors(small, partOf(context, 0, 0.3), 'Reading keys');
  if (!read.ok) return read;
  let bytesRead = read.value.bytesRead;
  const findings: Finding[] = [];
  const models: ReadMemory[] = [];
  for (const [at, each] of found.entries()) {
    const odd = new ModelFindings(each.path);
    const part = partOf(context, 0.3 + (0.7 * at) / found.length, 0.3 + (0.7 * (at + 1)) / found.length);
    const tables = await readTables(each, part, odd);
    if (!tables.ok) return tables;
    bytesRead += tables.value.bytesRead;
    const sets = keySets(each.layer, read.value.valuesOf);
    const finite = sets.filter(({ keys }) => keys.values.every(Number.isFinite));
    if (finite.length < sets.length)
      odd.add(
        'matrix-not-finite',
        `${each.model}: keys of ${each.layer.module || 'the memory'} hold NaN or infinities; they are in no figure.`,
        each.layer.keys?.entry.name,
      );
    findings.push(...odd.all());
    models.push({
      model: each.model, layer: each.layer, keySets: finite, tables: tables.value.tables,
      counts: each.layer.counts && read.value.valuesOf(each.layer.counts),
    }); // prettier-ignore
  }
  return success({ models, findings, bytesRead });
}

function keySets(
  { keys, codes }: MemoryLayer,
  valuesOf: (entry: TensorEntry) => Float64Array,
): ReadMemory['keySets'] {
  if (codes) {
    const [rows = 0, width = 0] = codes.span.shape.slice(-2);
    const values = valuesOf(codes);
    return Array.from({ length: codes.span.count / (rows * width) }, (_, head) => ({
      label: `head ${String(head)}`,
      keys: { rows, columns: width, values: values.slice(head * rows * width, (head + 1) * rows * width) },
    }));
  }
  if (!keys) return [];
  const { entry, heads, count, width, order } = keys;
  const values = valuesOf(entry);
  return Array.from({ length: heads * 2 }, (_, set) => {
    const [head, half] = [set >> 1, set % 2];
    const own = new Float64Array(count * width);
    for (let key = 0; key < count; key++) {
      const row = order === 'head, half, key' ? set * count + key : (head * count + key) * 2 + half;
      own.set(values.subarray(row * width, (row + 1) * width), key * width);
    }
    return {
      label: `head ${String(head)}, half ${String(half + 1)}`,
      keys: { rows: count, columns: width, values: own },
    };
  });
}

async function readTables(
  { model, layer, base }: Found,
  context: LensContext,
  odd: ModelFindings,
): Promise<Result<{ readonly tables: TableRows[]; readonly bytesRead: number }>> {
  const tables: TableRows[] = [];
  let bytesRead = 0;
  for (const { title, entry } of layer.tables) {
    const columns = entry.span.shape.at(-1) ?? 1;
    const rows = entry.span.count / columns;
    const other = base?.tables.find((each) => each.title === title)?.entry ?? null;
    const fits = other?.span.count === entry.span.count && other.span.shape.at(-1) === columns;
    const before = fits ? other : null;
    const [lengths, moved, old] = [new Float64Array(rows), new Float64Array(rows), new Float64Array(rows)];
    const blocks = rowBlocks(rows, columns, context.memoryBudget);
    const work = blocks.flatMap(({ first, count }) =>
      [entry, ...(before ? [before] : [])].map((each) => blockOf(each, rows, columns, first, count)),
    );
    let own: Dense | null = null;
    const step = before ? 2 : 1;
    const read = await readMatrices(work, context, (outcome, index) => {
      const first = blocks[Math.floor(index / step)]?.first ?? 0;
      if (!outcome.values) return;
      const block = { rows: outcome.rows, columns, values: outcome.values };
      if (index % step === 0) {
        own = block;
        lengths.set(rowSquares(block).map(Math.sqrt), first);
        return;
      }
      old.set(rowSquares(block).map(Math.sqrt), first);
      const after = own?.values;
      const values = block.values.map((value, at) => (after?.[at] ?? NaN) - value);
      moved.set(rowSquares({ ...block, values }).map(Math.sqrt), first);
    }, 'Reading slots'); // prettier-ignore
    if (!read.ok) return read;
    bytesRead += entry.span.bytes + (before?.span.bytes ?? 0);
    if (!lengths.every(Number.isFinite))
      odd.add(
        'matrix-not-finite',
        `${model}: rows of ${entry.name} hold NaN or infinities; they are in no figure.`,
        entry.name,
      );
    tables.push({ title, entry, lengths, moved: before && moved, before: before && old });
  }
  return success({ tables, bytesRead });
}

function blockOf(
  { span }: TensorEntry,
  rows: number,
  columns: number,
  first: number,
  count: number,
): MatrixWork {
  const terms = [
    {
      kind: 'tensor' as const,
      weight: 1,
      span: rowsOfSpan({ ...span, shape: [rows, columns] }, first, count),
    },
  ];
  return {
    operation: { kind: 'values' },
    load: () => Promise.resolve(success({ rows: count, columns, terms })),
  };
}

function noMemory({ spec }: Study): Result<never> {
  return failure({
    code: 'no-task-vector',
    message: `"${spec.name}" has no memory layer and no codebook.`,
    action:
      'Add a checkpoint with product keys ("keys" of heads × 2 × n × d beside a table of values) or a codebook.',
  });
}
