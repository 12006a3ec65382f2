// Figures that numpy computed in float64 for really trained checkpoints, where a copy of them lies beside the repository.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { decode } from '../../src/tensor/decode';
import { cosine, standardDeviation } from '../../src/tensor/derive';
import type { DtypeName } from '../../src/tensor/dtype';
import { Scratch } from '../../src/tensor/kernels/kernel';
import { prepare, type ChunkedItem } from '../../src/tensor/kernels/registry';
import { lowRankSquares } from '../../src/tensor/low-rank';
import type { GroupSums, LowRankDelta, Moments } from '../../src/tensor/pass';
import type { TensorSpan } from '../../src/tensor/span';
import { spansOf } from '../../src/tensor/chunks';
import { isClose } from './oracle';

const ZOO = path.resolve(__dirname, '../../../shared/zoo');
const skip = fs.existsSync(ZOO) ? false : `there is no ${ZOO}`;

function reference<T>(name: string): T {
  return JSON.parse(fs.readFileSync(path.join(ZOO, 'reference', name), 'utf8')) as T;
}

/** The spans of a safetensors file, by tensor name. */
function spansIn(file: string): Map<string, TensorSpan> {
  const bytes = fs.readFileSync(path.join(ZOO, file));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<string, HeaderEntry>;
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
  return new Map(
    entries.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => [
        name,
        {
          path: path.join(ZOO, file),
          offset: 8 + length + from,
          bytes: to - from,
          dtype,
          shape,
          count: shape.reduce((product, size) => product * size, 1),
        },
      ],
    ),
  );
}

interface HeaderEntry {
  dtype: DtypeName;
  shape: number[];
  data_offsets: [number, number];
}

function bytesOfSpan(span: TensorSpan): Uint8Array {
  return new Uint8Array(fs.readFileSync(span.path)).subarray(span.offset, span.offset + span.bytes);
}

/** The item reduced as a single chunk. */
function whole(item: ChunkedItem, count: number) {
  const bytes = spansOf(item).map(bytesOfSpan);
  return prepare(item, new Scratch())({ start: 0, end: count, bytes });
}

function assertClose(actual: number | null | undefined, expected: number | null, what: string): void {
  if (expected === null) return assert.equal(actual, null, what);
  assert.ok(isClose(actual ?? NaN, expected, 1e-8, 1e-9), `${what}: ${actual}, expected ${expected}`);
}

type Stats = Record<'n' | 'min' | 'max' | 'mean' | 'std' | 'l1' | 'l2' | 'zeros', number>;

for (const [model, file] of [
  ['charlm', 'charlm/base/model.safetensors'],
  ['vit-digits', 'vit-digits/base/model.safetensors'],
] as const) {
  test(`moments of every tensor of ${model} are those of numpy in float64`, { skip }, () => {
    const stats = reference<{ base: Record<string, Stats> }>(`${model}/stats.json`).base;
    const spans = spansIn(file);
    assert.ok(Object.keys(stats).length > 10);
    for (const [name, expected] of Object.entries(stats)) {
      const span = spans.get(name);
      assert.ok(span, name);
      const found = whole({ kind: 'moments', span }, span.count) as Moments;
      assert.equal(found.count, expected.n);
      assert.equal(found.zeros, expected.zeros);
      for (const key of ['min', 'max', 'mean', 'l1'] as const) assertClose(found[key], expected[key], key);
      assertClose(standardDeviation(found), expected.std, `${name} std`);
      assertClose(Math.sqrt(found.squares), expected.l2, `${name} l2`);
    }
  });
}

interface TaskVectors {
  tasks: string[];
  tensors: Record<
    string,
    {
      norm: Record<string, number>;
      cos_base_ft: Record<string, number>;
      identical_share: Record<string, number>;
      cos: (number | null)[][];
    }
  >;
}

test('norms, cosines and identical shares of six fine-tunes are those of numpy in float64', { skip }, () => {
  const { tasks, tensors } = reference<TaskVectors>('vit-digits/taskvectors.json');
  const base = spansIn('vit-digits/base/model.safetensors');
  const fineTunes = tasks.map((task) => spansIn(`vit-digits/${task}/model.safetensors`));
  for (const [name, expected] of Object.entries(tensors)) {
    const span = base.get(name);
    assert.ok(span, name);
    const dense = fineTunes.map((spans) => ({ kind: 'dense' as const, span: spans.get(name) ?? span }));
    const item: ChunkedItem = { kind: 'group', base: span, tasks: dense, elementwise: false };
    const found = whole(item, span.count) as GroupSums;
    tasks.forEach((task, i) => {
      const sums = found.tasks[i];
      assert.ok(sums);
      assertClose(Math.sqrt(sums.deltaSquares), expected.norm[task] ?? null, `${name} norm`);
      assertClose((sums.identical ?? NaN) / span.count, expected.identical_share[task] ?? null, 'identical');
      const alike = cosine(sums.dot, found.baseSquares, sums.taskSquares);
      assertClose(alike, expected.cos_base_ft[task] ?? null, `${name} cosine with the base`);
      tasks.forEach((_, j) => {
        const at = (row: number, column: number) => found.gram[row * tasks.length + column] as number;
        assertClose(cosine(at(i, j), at(i, i), at(j, j)), expected.cos[i]?.[j] ?? null, `${name} ${i},${j}`);
      });
    });
  }
});

interface Adapters {
  spectra: Record<string, { scale: number; r: number; modules: Record<string, { norm: number }> }>;
}

test('factored norms of adapters are those of the formed products in float64', { skip }, () => {
  for (const [adapter, { scale, r, modules }] of Object.entries(
    reference<Adapters>('charlm/lora.json').spectra,
  )) {
    const spans = spansIn(`charlm/lora/${adapter}/adapter_model.safetensors`);
    for (const [module, { norm }] of Object.entries(modules)) {
      const [a, b] = ['A', 'B'].map((factor) =>
        spans.get(`base_model.model.${module}.lora_${factor}.weight`),
      );
      assert.ok(a && b, module);
      const delta: LowRankDelta = {
        scale,
        rank: r,
        rows: b.shape[0] ?? 0,
        columns: a.shape[1] ?? 0,
        a: decode(a.dtype, bytesOfSpan(a), a.count),
        b: decode(b.dtype, bytesOfSpan(b), b.count),
      };
      assertClose(Math.sqrt(lowRankSquares(delta)), norm, `${adapter} ${module}`);
    }
  }
});
