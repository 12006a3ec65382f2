import type { TensorEntry } from '../format/checkpoint';
import { placeOf } from '../model/naming';
import type { Table, TableCell } from '../protocol/artifact';
import type { AdapterTask } from './adapter-tasks';
import { bytesText, percent } from './wording';

/** One kind of content of an adapter's file. */
export interface SizePart {
  readonly part: 'factors' | 'embeddings and head' | 'modules saved whole' | 'other';
  readonly tensors: number;
  readonly parameters: number;
  readonly bytes: number;
}

/** What an adapter's file is full of. */
export function sizeParts({ task, adapter }: AdapterTask): SizePart[] {
  const { targets, saved } = adapter.description;
  const factors = new Set(targets.flatMap(({ tensors }) => tensors.map(({ name }) => name)));
  const whole = new Map(saved.map(({ tensor, entry }) => [entry.name, tensor]));
  const kinds = new Map<SizePart['part'], TensorEntry[]>([
    ['factors', []],
    ['embeddings and head', []],
    ['modules saved whole', []],
    ['other', []],
  ]);
  for (const entry of task.checkpoint.tensors) {
    const tensor = whole.get(entry.name);
    const part =
      factors.has(entry.name) || isSetting(entry)
        ? 'factors'
        : tensor === undefined
          ? 'other'
          : isVocabulary(tensor)
            ? 'embeddings and head'
            : 'modules saved whole';
    kinds.get(part)?.push(entry);
  }
  return [...kinds].flatMap(([part, entries]) =>
    entries.length === 0
      ? []
      : [
          {
            part,
            tensors: entries.length,
            parameters: entries.reduce((sum, { span }) => sum + span.count, 0),
            bytes: entries.reduce((sum, { span }) => sum + span.bytes, 0),
          },
        ],
  );
}

/** An alpha of one module, which kohya's trainer stores as a tensor. */
function isSetting({ name, span }: TensorEntry): boolean {
  return span.count === 1 && /\.(?:alpha|scalar)$/.test(name);
}

function isVocabulary(tensor: string): boolean {
  const { role } = placeOf(tensor);
  return role === 'embedding' || role === 'head';
}

const WHY: Readonly<Record<SizePart['part'], string>> = {
  factors: 'what every target needs: r·(m + n) numbers a matrix, so the size grows with the rank',
  'embeddings and head':
    'rows of the vocabulary × width, saved whole: trained on purpose (modules_to_save), or because the tokenizer got new tokens (save_embedding_layers of PEFT)',
  'modules saved whole': 'modules_to_save, or biases and norms that were trained: as large as in the base',
  other: 'nothing that belongs to a task vector',
};

/** The parts of an adapter's file by size. */
export function sizeTable(name: string, parts: readonly SizePart[], suffix: string): Table {
  const all = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    kind: 'table',
    id: `size${suffix}`,
    title: `What takes the space · ${name}`,
    facets: { task: name },
    columns: [
      { name: 'part', title: 'Part', type: 'text' },
      { name: 'tensors', title: 'Tensors', type: 'integer' },
      { name: 'parameters', title: 'Parameters', type: 'integer' },
      { name: 'bytes', title: 'Size', type: 'bytes' },
      { name: 'share', title: 'Share', type: 'share' },
      { name: 'why', title: 'Why', type: 'text' },
    ],
    rows: parts.map(({ part, tensors, parameters, bytes }): TableCell[] => [
      part,
      tensors,
      parameters,
      bytes,
      all > 0 ? bytes / all : null,
      WHY[part],
    ]),
  };
}

/** Why the file is that large: a sentence. */
export function sizeText(parts: readonly SizePart[]): string {
  const all = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const largest = parts.toSorted((x, y) => y.bytes - x.bytes)[0];
  if (!largest || all === 0) return 'It holds no values.';
  const factors = parts.find(({ part }) => part === 'factors')?.bytes ?? 0;
  const without = largest.part === 'factors' ? '' : ` The factors alone would take ${bytesText(factors)}.`;
  return `It takes ${bytesText(all)}, ${percent(largest.bytes / all)} of it ${largest.part}.${without}`;
}
