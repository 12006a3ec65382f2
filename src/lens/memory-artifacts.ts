import type { Architecture } from '../model/architecture';
import type { Note, Series, Table, TableCell } from '../protocol/artifact';
import { packNumbers } from '../protocol/numbers';
import {
  activationBytes,
  cacheBytesPerToken,
  loadedBytes,
  trainingBytes,
  type ModelSize,
} from './memory-sums';
import { recommendation } from './recommendation';
import { bytesText, countText, shortNumber } from './wording';

export interface MemoryModel {
  readonly name: string;
  readonly kind: 'base' | 'fine-tune' | 'adapter';
  readonly size: ModelSize;
}

/** For how long and how many sequences. */
export interface Load {
  readonly tokens: number;
  readonly batch: number;
}

const countOf = ({ size }: MemoryModel) => size.matrices + size.vectors;
const halfOf = ({ size }: MemoryModel) => loadedBytes(size).half;
const baseOf = (models: readonly MemoryModel[]) => models.find(({ kind }) => kind === 'base');
const adaptersOf = (models: readonly MemoryModel[]) => models.filter(({ kind }) => kind === 'adapter');

/** What each model takes on disk and loaded. */
export function modelTable(models: readonly MemoryModel[]): Table {
  return {
    kind: 'table',
    id: 'models',
    title: 'Weights on disk and loaded',
    caption:
      'Values alone: 4 bytes each in fp32, 2 in fp16 and bf16; quantised, matrices at 1 or ½ byte and vectors at 2. The scales of quantised blocks come on top. Tied embeddings count as often as the file holds them.',
    columns: [
      { name: 'model', title: 'Model', type: 'text' },
      { name: 'kind', title: 'Kind', type: 'text' },
      { name: 'parameters', title: 'Parameters', type: 'integer' },
      { name: 'disk', title: 'On disk', type: 'bytes' },
      { name: 'fp32', title: 'fp32', type: 'bytes' },
      { name: 'half', title: 'fp16 or bf16', type: 'bytes' },
      { name: 'int8', title: 'int8', type: 'bytes' },
      { name: 'int4', title: '4 bit', type: 'bytes' },
    ],
    rows: models.map((model): TableCell[] => {
      const { fp32, half, int8, int4 } = loadedBytes(model.size);
      return [model.name, model.kind, countOf(model), model.size.diskBytes, fp32, half, int8, int4];
    }),
  };
}

/** Keys and values of each part of the network, in half precision. */
export function cacheTable(architecture: Architecture | null, { tokens, batch }: Load): Table {
  return {
    kind: 'table',
    id: 'cache',
    title: 'Cache of keys and values',
    caption: `2 · layers · key-value heads · head size · 2 bytes a token, in half precision; in total for ${countText(batch, 'sequence')} of ${countText(tokens, 'token')}. From the configuration: empty without a config.json, and an upper bound for layers with a window, a state or a compressed cache. An encoder alone keeps none.`,
    columns: [
      { name: 'part', title: 'Part', type: 'text' },
      { name: 'layers', title: 'Layers', type: 'integer' },
      { name: 'key_value_heads', title: 'Key-value heads', type: 'integer' },
      { name: 'head_size', title: 'Head size', type: 'integer' },
      { name: 'per_token', title: 'Per token', type: 'bytes' },
      { name: 'total', title: 'In total', type: 'bytes' },
    ],
    rows: (architecture?.stacks ?? []).map((stack): TableCell[] => {
      const perToken = cacheBytesPerToken(stack);
      const { label, layers, heads, keyValueHeads, headSize } = stack;
      const total = perToken === null ? null : perToken * tokens * batch;
      return [label, layers, keyValueHeads ?? heads, headSize, perToken, total];
    }),
  };
}

/** What training each model takes: the whole base, or an adapter beside a frozen one. */
export function trainingTable(
  models: readonly MemoryModel[],
  architecture: Architecture | null,
  { tokens, batch }: Load,
): Table {
  const base = baseOf(models);
  const activations = activationBytes(architecture, tokens, batch);
  return {
    kind: 'table',
    id: 'training',
    title: 'Training',
    caption: `Frozen weights in half precision; trained weights, gradients and both moments of Adam in float32, or moments of one byte. Activations: proxy: an estimate for ${countText(batch, 'sequence')} of ${countText(tokens, 'token')} through a plain transformer, nothing recomputed (Korthikanti et al. 2022, eq. 1); it is in no sum. An adapter without its base has no frozen weights here.`,
    columns: [
      { name: 'model', title: 'Model', type: 'text' },
      { name: 'trainable', title: 'Trainable parameters', type: 'integer' },
      { name: 'frozen', title: 'Frozen weights', type: 'bytes' },
      { name: 'weights', title: 'Trained weights', type: 'bytes' },
      { name: 'gradients', title: 'Gradients', type: 'bytes' },
      { name: 'adam', title: 'Adam', type: 'bytes' },
      { name: 'adam_8bit', title: 'Adam, 8 bit', type: 'bytes' },
      { name: 'total', title: 'With Adam', type: 'bytes' },
      { name: 'activations', title: 'Activations (proxy)', type: 'bytes' },
    ],
    rows: models.map((model): TableCell[] => {
      const trainable = countOf(model);
      const frozenCount = model.kind === 'adapter' && base ? countOf(base) : 0;
      const { frozen, weights, gradients, adam, adam8bit } = trainingBytes(frozenCount, trainable);
      const total = frozen + weights + gradients + adam;
      return [model.name, trainable, frozen, weights, gradients, adam, adam8bit, total, activations];
    }),
  };
}

const COPIES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** n adapters beside one base against n merged copies; `null` without a base or an adapter. */
export function servingSeries(models: readonly MemoryModel[]): Series | null {
  const base = baseOf(models);
  const adapters = adaptersOf(models);
  if (!base || adapters.length === 0) return null;
  const mean = adapters.reduce((sum, each) => sum + halfOf(each), 0) / adapters.length;
  return {
    kind: 'series',
    id: 'serving',
    title: 'Many adapters at once',
    caption: `Weights in half precision: base + n adapters of the mean size of the ${countText(adapters.length, 'adapter')} here, against n merged copies of the base.`,
    x: { title: 'adapters served', values: COPIES },
    lines: [
      { name: 'beside one base', values: packNumbers(COPIES.map((n) => halfOf(base) + n * mean)) },
      { name: 'merged copies', values: packNumbers(COPIES.map((n) => n * halfOf(base))) },
    ],
    unit: 'bytes',
    logarithmic: { x: true, y: true },
  };
}

/** What fits where, in words. */
export function memoryAdvice(
  models: readonly MemoryModel[],
  architecture: Architecture | null,
  { tokens, batch }: Load,
): Note {
  const base = baseOf(models);
  const lines: string[] = [];
  if (base) {
    const { half, int4 } = loadedBytes(base.size);
    lines.push(`The base takes ${bytesText(half)} in half precision, ${bytesText(int4)} at 4 bit.`);
  }
  lines.push(...cacheLines(architecture, tokens, batch), ...servingLines(base, adaptersOf(models)));
  return recommendation(
    'What it takes',
    lines,
    'weights, cache and optimiser only: programs add buffers and fragmentation, and activations are an estimate. Measure before you buy.',
    'The study has nothing to size.',
  );
}

function cacheLines(architecture: Architecture | null, tokens: number, batch: number): string[] {
  const perToken = (architecture?.stacks ?? []).flatMap((stack) => cacheBytesPerToken(stack) ?? []);
  if (perToken.length === 0)
    return ['The cache of keys and values is unknown: there is no config.json that gives layers and heads.'];
  const largest = Math.max(...perToken);
  return [
    `Keys and values take ${bytesText(largest)} a token, ${bytesText(largest * tokens * batch)} for ${countText(batch, 'sequence')} of ${countText(tokens, 'token')}.`,
  ];
}

function servingLines(base: MemoryModel | undefined, adapters: readonly MemoryModel[]): string[] {
  if (!base || adapters.length === 0) return [];
  const together = halfOf(base) + adapters.reduce((sum, each) => sum + halfOf(each), 0);
  const apart = adapters.length * halfOf(base);
  if (adapters.length === 1)
    return [
      `The adapter beside its base takes ${bytesText(together)}, merged into it ${bytesText(apart)}: merging one alone saves its own size.`,
    ];
  const served = `${countText(adapters.length, 'adapter')} beside one base take ${bytesText(together)}, merged copies ${bytesText(apart)}`;
  return [
    apart > together
      ? `${served}: ${shortNumber(apart / together)} times as much.`
      : `${served}: adapters that large are no smaller than copies.`,
  ];
}
