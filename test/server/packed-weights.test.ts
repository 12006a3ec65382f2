import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after } from 'node:test';
import { openCheckpoint } from '../../src/format/registry';
import { readSpan } from '../../src/format/read';
import { answer } from '../../src/server/analysis/answer';
import { MEMORY_BUDGET, type AnalysisContext } from '../../src/server/analysis/context';
import { DirectoryCache } from '../../src/server/analysis/directory-cache';
import { ResultCache } from '../../src/server/analysis/result-cache';
import { createPassRunner } from '../../src/tensor/pool';
import { bytes, e4m3, f32, i32, sequence, writeModel, bitStream } from '../format/packed-files';
import { temporaryFolder } from './files';

const folder = temporaryFolder();
const passes = createPassRunner({ workerFile: path.resolve('dist/tensor-worker.js'), workers: 1 });
after(async () => {
  await passes.close();
  fs.rmSync(folder, { recursive: true });
});

const context: AnalysisContext = {
  passes,
  directories: new DirectoryCache(),
  results: new ResultCache(),
  contents: null,
  signal: new AbortController().signal,
  memoryBudget: MEMORY_BUDGET,
  scanLimit: 0,
  askAbove: null,
  known: [],
  progress: () => undefined,
  log: () => undefined,
  partial: null,
};

const at = (list: readonly number[], index: number): number => list[index] ?? Number.NaN;
const SIZE = 64;
const NAMES = ['q', 'v'].map((part) => `model.layers.0.self_attn.${part}_proj`);
const dense = NAMES.map((_, k) => sequence(SIZE * SIZE, 2000, k + 3).map((value) => (value - 1000) / 8000));

/** The nearest number of E4M3, by trying all of them. */
function nearestE4m3(value: number): number {
  let best = 0;
  for (let code = 1; code < 256; code++)
    if (Math.abs(e4m3(code) - value) < Math.abs(e4m3(best) - value)) best = code;
  return best;
}

const SCALE = 1 / 512;
const codes = dense.map((values) => values.map((value) => nearestE4m3(value / SCALE)));
const fp8 = codes.map((own) => own.map((code) => e4m3(code) * SCALE));

const base = writeModel(
  folder,
  'dense',
  Object.fromEntries(NAMES.map((name, k) => [`${name}.weight`, f32([SIZE, SIZE], dense[k] ?? [])])),
);
const block = writeModel(
  folder,
  'fp8',
  Object.fromEntries(
    NAMES.flatMap((name, k) => [
      [`${name}.weight`, bytes('F8_E4M3', [SIZE, SIZE], codes[k] ?? [])],
      [`${name}.weight_scale_inv`, f32([1, 1], [SCALE])],
    ]),
  ),
  { quant_method: 'fp8', weight_block_size: [128, 128] },
);

/** Round to nearest of 8 bits in groups of 32 inputs, zero point 128, as GPTQ without any reordering. */
const GROUPS = SIZE / 32;
const gptqScales = dense.map((values) =>
  Array.from({ length: GROUPS * SIZE }, (_, k) => {
    const [group, o] = [Math.floor(k / SIZE), k % SIZE];
    const own = values.slice(o * SIZE + group * 32, o * SIZE + group * 32 + 32);
    return Math.fround(Math.max(...own.map(Math.abs)) / 127);
  }),
);
const scaleOf = (k: number, o: number, i: number) => at(gptqScales[k] ?? [], (i >> 5) * SIZE + o);
const q = dense.map((values, k) =>
  values.map((value, n) => Math.round(value / scaleOf(k, Math.floor(n / SIZE), n % SIZE)) + 128),
);
const rounded = q.map((own, k) =>
  own.map((code, n) => Math.fround((code - 128) * scaleOf(k, Math.floor(n / SIZE), n % SIZE))),
);
const gptq = writeModel(
  folder,
  'gptq',
  Object.fromEntries(
    NAMES.flatMap((name, k) => {
      const columns = Array.from({ length: SIZE }, (_, o) =>
        bitStream((q[k] ?? []).slice(o * SIZE, (o + 1) * SIZE), 8),
      );
      const words = Array.from({ length: (SIZE / 4) * SIZE }, (_, w) =>
        at(columns[w % SIZE] ?? [], Math.floor(w / SIZE)),
      );
      return [
        [`${name}.qweight`, i32([SIZE / 4, SIZE], words)],
        [`${name}.qzeros`, i32([GROUPS, SIZE / 4], new Array<number>((GROUPS * SIZE) / 4).fill(0x7f7f7f7f))],
        [`${name}.scales`, f32([GROUPS, SIZE], gptqScales[k] ?? [])],
      ];
    }),
  ),
  { quant_method: 'gptq', bits: 8, group_size: 32 },
);

for (const { what, task, values } of [
  { what: 'FP8', task: block, values: fp8 },
  { what: 'GPTQ', task: gptq, values: rounded },
])
  test(`what ${what} changed in a model is measured against its dense source, tensor by tensor`, async () => {
    const run = {
      lens: 'delta-profile',
      parameters: {},
      study: { name: 's', base, tasks: [{ name: 'quantised', path: task }] },
    };
    const found = await answer('deltalens/runLens', { run, job: 'j' }, context);
    assert.ok(found.ok, found.ok ? '' : found.problem.message);
    const table = found.value.artifacts.find(
      (artifact) => artifact.kind === 'table' && artifact.id === 'tensors',
    );
    assert.ok(table?.kind === 'table');
    const column = (name: string) => table.columns.findIndex((each) => each.name === name);
    for (const [k, name] of NAMES.entries()) {
      const row = table.rows.find((each) => each[column('tensor')] === `${name}.weight`);
      assert.ok(row, `${name} is in no row`);
      const norm = Math.sqrt(
        (dense[k] ?? []).reduce(
          (sum, value, n) => sum + (at(values[k] ?? [], n) - Math.fround(value)) ** 2,
          0,
        ),
      );
      const measured = row[column('norm')];
      assert.ok(norm > 0 && typeof measured === 'number');
      assert.ok(Math.abs(measured - norm) < 1e-6 * norm, `${String(measured)}, not ${String(norm)}`);
    }
    assert.ok(found.value.findings.some(({ code }) => code === 'weights-packed'));
  });

test('a conversion copies what is stored, byte by byte, unless it is to write values', async () => {
  const action = {
    kind: 'convert',
    path: block,
    metadata: 'keep',
    tied: 'once',
    mostShardBytes: null,
  } as const;
  const copy = path.join(folder, 'copy');
  const copied = await answer(
    'deltalens/write',
    { write: { action, output: copy, dryRun: false }, job: 'w' },
    context,
  );
  assert.ok(copied.ok, copied.ok ? '' : copied.problem.message);
  const file = 'model.safetensors';
  assert.deepEqual(fs.readFileSync(path.join(copy, file)), fs.readFileSync(path.join(block, file)));
  assert.deepEqual(
    fs.readFileSync(path.join(copy, 'config.json')),
    fs.readFileSync(path.join(block, 'config.json')),
  );

  const output = path.join(folder, 'values');
  const write = { action: { ...action, dequantise: true }, output, dryRun: false };
  const written = await answer('deltalens/write', { write, job: 'w' }, context);
  assert.ok(written.ok, written.ok ? '' : written.problem.message);
  assert.deepEqual(JSON.parse(fs.readFileSync(path.join(output, 'config.json'), 'utf8')), {
    model_type: 'llama',
  });
  const opened = await openCheckpoint(output);
  assert.ok(opened.ok);
  assert.deepEqual(
    opened.value.tensors.map(({ name, span }) => [name, span.dtype]),
    NAMES.map((name) => [`${name}.weight`, 'F32']),
  );
  const span = opened.value.tensors[0]?.span;
  assert.ok(span);
  const read = await readSpan(span);
  assert.ok(read.ok);
  assert.deepEqual([...new Float32Array(read.value.buffer)], fp8[0]);
});
