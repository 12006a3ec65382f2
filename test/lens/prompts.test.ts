import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { promptPair } from '../../src/lens/prompt-pairs';
import { prompts } from '../../src/lens/prompts';
import { openStudy } from '../../src/model/open-study';
import { unpackNumbers } from '../../src/protocol/numbers';
import { matrix, written } from '../model/adapters/build';
import { temporaryFolder, writeSafetensors, type Written } from '../model/write-safetensors';
import { cell, only, run, SAMPLES, study } from './run';

const PARTS = path.resolve(import.meta.dirname, '../fixtures/charlm-parts');
const REAL = path.resolve(import.meta.dirname, '../../../shared/realdata');

const dense = (rows: readonly (readonly number[])[]) => ({
  rows: rows.length,
  columns: rows[0]?.length ?? 0,
  values: Float64Array.from(rows.flat()),
});
const dot = (x: readonly number[], y: readonly number[]) =>
  x.reduce((sum, value, at) => sum + value * (y[at] ?? NaN), 0);
const cos = (x: readonly number[], y: readonly number[]) => dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
const close = (actual: number | null | undefined, expected: number, what = '') =>
  assert.ok(
    Math.abs((actual ?? NaN) - expected) < 1e-12,
    `${what} ${String(actual)} against ${String(expected)}`,
  );

/** Every order of 0 … n − 1. */
function orders(n: number): number[][] {
  if (n === 0) return [[]];
  return orders(n - 1).flatMap((order) =>
    Array.from({ length: n }, (_, at) => [...order.slice(0, at), n - 1, ...order.slice(at)]),
  );
}

test('similarities of two prompts are those of their definitions, the match the best of all orders', () => {
  const [p, q] = [matrix(4, 6, 1), matrix(4, 6, 3)];
  const pair = promptPair(dense(p), dense(q));
  const all = p.flatMap((x) => q.map((y) => cos(x, y)));
  const apart = p.flatMap((x) => q.map((y) => Math.hypot(...x.map((value, at) => value - (y[at] ?? NaN)))));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const pool = (rows: readonly (readonly number[])[]) =>
    [0, 1, 2, 3, 4, 5].map((k) => mean(rows.map((row) => row[k] ?? NaN)));
  close(pair.pooled, cos(pool(p), pool(q)), 'pooled');
  close(pair.concat, cos(p.flat(), q.flat()), 'concat');
  close(pair.average, mean(all), 'average');
  const best = Math.max(...orders(4).map((order) => mean(order.map((j, i) => cos(p[i] ?? [], q[j] ?? [])))));
  close(pair.matched, best, 'matched');
  close(pair.euclideanAverage, 1 / (1 + mean(apart)), 'E_average');
  close(pair.euclidean, 1 / (1 + Math.hypot(...p.flat().map((value, at) => value - (q.flat()[at] ?? NaN)))));
});

test('vectors in another order are the same prompt to the match, and another one to the concatenation', () => {
  const p = matrix(5, 7, 2);
  const turned = [3, 0, 4, 1, 2].map((row) => p[row] ?? []);
  const pair = promptPair(dense(p), dense(turned));
  close(pair.matched, 1);
  assert.ok((pair.concat ?? 1) < 0.99);
});

test('prompts of other lengths have no concatenated similarity, and the shorter one decides the match', () => {
  const p = matrix(5, 7, 2);
  const pair = promptPair(dense(p), dense(p.slice(1, 4)));
  assert.equal(pair.concat, null);
  assert.equal(pair.euclidean, null);
  close(pair.matched, 1);
});

test('trained prompts are measured against the vocabulary of their base as a loop over all tokens does', async () => {
  const opened = await study(PARTS, path.relative(PARTS, path.join(SAMPLES, 'charlm/base')), [
    'prompts/json',
    'prompts/kjv',
  ]);
  const ran = await run(prompts, opened);
  const row = only(ran.table('prompts'), { task: 'json' });
  assert.deepEqual([row['tokens'], row['width'], row['role']], [8, 128, 'before the input']);
  const positions = ran.table('positions').filter(({ task }) => task === 'json');
  assert.equal(positions.length, 8);
  const file = fs.readFileSync(path.join(PARTS, 'prompts/json/adapter_model.safetensors'));
  const start = 8 + Number(file.readBigUInt64LE(0));
  const vector = Array.from({ length: 128 }, (_, at) => file.readFloatLE(start + 4 * at));
  const base = fs.readFileSync(path.join(SAMPLES, 'charlm/base/model.safetensors'));
  const header = JSON.parse(base.toString('utf8', 8, 8 + Number(base.readBigUInt64LE(0)))) as Record<
    string,
    { data_offsets: [number, number] }
  >;
  const first =
    8 + Number(base.readBigUInt64LE(0)) + (header['model.embed_tokens.weight']?.data_offsets[0] ?? NaN);
  const cosines = Array.from({ length: 256 }, (_, token) => {
    const own = Array.from({ length: 128 }, (__, at) => {
      const bits = Buffer.alloc(4);
      bits.writeUInt16LE(base.readUInt16LE(first + 2 * (token * 128 + at)), 2);
      return bits.readFloatLE(0);
    });
    return cos(vector, own);
  });
  const nearest = cosines.indexOf(Math.max(...cosines));
  assert.equal(positions[0]?.['token1'], nearest);
  close(Number(positions[0]?.['cosine1']), cosines[nearest] ?? NaN);
  close(Number(positions[0]?.['length']), Math.hypot(...vector));
});

async function opened(
  adapter: Readonly<Record<string, Written>>,
  config: object,
  name = 'adapter_model.safetensors',
) {
  const folder = temporaryFolder();
  const file = writeSafetensors(path.join(folder, 'p', name), adapter);
  fs.writeFileSync(path.join(folder, 'p', 'adapter_config.json'), JSON.stringify(config));
  const study = await openStudy({ name: 's', tasks: [{ name: 'p', path: file }] });
  assert.ok(study.ok);
  return study.value;
}

test('a prefix is taken apart into keys and values of every layer', async () => {
  const rows = matrix(3, 2 * 2 * 4, 1);
  const config = { peft_type: 'PREFIX_TUNING', num_layers: 2, token_dim: 4 };
  const ran = await run(prompts, await opened({ prompt_embeddings: written(rows) }, config));
  const table = ran.table('prompts');
  assert.deepEqual(
    table.map(({ prompt }) => prompt),
    ['layer 0 keys', 'layer 0 values', 'layer 1 keys', 'layer 1 values'],
  );
  const values = only(table, { prompt: 'layer 1 keys' });
  const lengths = rows.map((row) => Math.hypot(...row.slice(8, 12)));
  close(Number(values['length']), lengths.reduce((sum, value) => sum + value, 0) / 3);
});

test('the prompt of a task of multitask prompt tuning is the shared one times its own rank-one factors', async () => {
  const shared = matrix(3, 4, 1);
  const [columns, rows] = [matrix(2 * 3, 1, 2), matrix(2, 4, 3)];
  const ran = await run(
    prompts,
    await opened(
      {
        prompt_embeddings: written(shared),
        prefix_task_cols: written(columns, [2, 3, 1]),
        prefix_task_rows: written(rows, [2, 1, 4]),
      },
      { peft_type: 'MULTITASK_PROMPT_TUNING' },
    ),
  );
  const lengths = ran.table('positions').filter(({ prompt }) => prompt === 'task 1');
  const expected = shared.map((row, i) =>
    Math.hypot(...row.map((value, j) => value * (columns[3 + i]?.[0] ?? NaN) * (rows[1]?.[j] ?? NaN))),
  );
  lengths.forEach(({ length }, at) => close(Number(length), expected[at] ?? NaN));
  assert.equal(lengths.length, 3);
});

test('a pool has a prompt for each entry, and the cosines of its keys', async () => {
  const keys = matrix(3, 6, 4);
  const ran = await run(
    prompts,
    await opened(
      { 'prompt.prompt': written(matrix(6, 6, 1), [3, 2, 6]), 'prompt.prompt_key': written(keys) },
      { peft_type: 'PROMPT_TUNING' },
    ),
  );
  close(cell(ran.matrix('keys'), 'p: pool 0', 'p: pool 2'), cos(keys[0] ?? [], keys[2] ?? []));
});

test('the gate of a LLaMA-Adapter stands beside its prompt', async () => {
  const ran = await run(
    prompts,
    await opened(
      {
        'base_model.model.layers.3.self_attn.adaption_prompt': written(matrix(2, 6, 1), [1, 2, 6]),
        'base_model.model.layers.3.self_attn.adaption_gate': { shape: [1], values: [0.25] },
      },
      { peft_type: 'ADAPTION_PROMPT' },
    ),
  );
  assert.equal(ran.table('prompts')[0]?.['gate'], 0.25);
});

test('a prompt with NaN is left out with a finding, and a repeated vector is counted', async () => {
  const rows = [
    [1, 2, 3, 4],
    [2, 4, 6, 8],
    [1, -1, 0, 0],
  ];
  const fine = await run(
    prompts,
    await opened({ prompt_embeddings: written(rows) }, { peft_type: 'P_TUNING' }),
  );
  assert.equal(fine.table('prompts')[0]?.['repeated'], 1);
  const bad = await run(
    prompts,
    await opened({ prompt_embeddings: written([[NaN, 1, 2, 3]]) }, { peft_type: 'P_TUNING' }),
  );
  assert.deepEqual(
    bad.findings.map(({ code }) => code),
    ['matrix-not-finite'],
  );
  assert.equal(bad.table('prompts').length, 0);
});

test('a study without a prompt is refused with what to add', async () => {
  const without = await study(path.join(SAMPLES, 'charlm'), 'base', ['json']);
  const output = await prompts.run(
    without,
    {},
    {
      passes: { run: () => assert.fail() },
      signal: new AbortController().signal,
      memoryBudget: 2 ** 20,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.ok(!output.ok);
  assert.match(output.problem.action, /prompt tuning/);
});

test(
  'published prompts of one base in files of their own are compared',
  { skip: fs.existsSync(REAL) ? false : 'the real files are not here' },
  async () => {
    const folder = path.join(
      REAL,
      'thunlp+Prompt-Transferability/Prompt-Transferability-1.0/task_prompt_emb/RobertaLarge_from_chimin',
    );
    const opened = await openStudy({
      name: 's',
      tasks: ['IMDB', 'SST2'].map((name) => ({
        name,
        path: path.join(folder, `${name}PromptRobertaLarge/task_prompt`),
      })),
    });
    assert.ok(opened.ok);
    const ran = await run(prompts, opened.value);
    assert.deepEqual(
      ran.table('prompts').map(({ tokens, width }) => [tokens, width]),
      [
        [100, 1024],
        [100, 1024],
      ],
    );
    const matched = unpackNumbers(ran.matrix('matched').values);
    assert.ok((matched[1] ?? 0) > 0.3 && (matched[1] ?? 0) < 0.9);
  },
);

test(
  'a published prompt in an array of numpy is taken for one',
  { skip: fs.existsSync(REAL) ? false : 'the real files are not here' },
  async () => {
    const file = 'google-research+prompt-tuning/prompt_tuning/pretrained_prompts/t5_1_1_lm100k_base/sst2.npy';
    const opened = await openStudy({ name: 's', tasks: [{ name: 'sst2', path: path.join(REAL, file) }] });
    assert.ok(opened.ok);
    const ran = await run(prompts, opened.value);
    assert.deepEqual(
      ran.table('prompts').map(({ tokens, width }) => [tokens, width]),
      [[100, 768]],
    );
  },
);
