import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { headSharing } from '../../src/lens/head-sharing';
import { scaledResidual } from '../../src/lens/head-similarity';
import { sharePlan } from '../../src/lens/head-share-plan';
import { unpackNumbers } from '../../src/protocol/numbers';
import { temporaryFolder } from '../model/write-safetensors';
import { seeded } from '../tensor/oracle';
import { agree, cell, run, SAMPLES, study } from './run';
import { denseFrom, formedHead, inner, norm, normalRows } from './slow-heads';
import { randomLayers, weightsOf, writeTransformer, type Layer, type Sizes } from './small-transformer';

const SIZES = { layers: 2, heads: 3, keyValueHeads: 3, headSize: 2, hidden: 8 };
const GROUPED = { layers: 2, heads: 4, keyValueHeads: 2, headSize: 2, hidden: 8 };

function written(sizes: Sizes, layers: readonly Layer[]): string {
  const root = temporaryFolder();
  writeTransformer(path.join(root, 'base'), sizes, layers);
  return root;
}

for (const sizes of [SIZES, GROUPED]) {
  test(`cosines are those of the formed matrices, ${String(sizes.keyValueHeads)} key-value heads for ${String(sizes.heads)}`, async () => {
    const layers = randomLayers(sizes, 40);
    const ran = await run(headSharing, await study(written(sizes, layers), 'base', []));
    const { heads, keyValueHeads, headSize } = sizes;
    const shared = heads / keyValueHeads;
    const [unitName, headName] = shared === 1 ? ['head', 'head'] : ['key-value head', 'head'];
    const units = layers.flatMap((layer, index) =>
      Array.from({ length: keyValueHeads }, (_, unit) => ({
        label: `layer ${String(index)} · ${unitName} ${String(unit)}`,
        rows: [
          ...layer.query.slice(unit * shared * headSize, (unit + 1) * shared * headSize),
          ...layer.key.slice(unit * headSize, (unit + 1) * headSize),
        ],
      })),
    );
    for (const a of units) {
      for (const b of units) {
        const expected = inner(a.rows, b.rows) / (norm(a.rows) * norm(b.rows));
        agree(cell(ran.matrix('weights:base'), a.label, b.label), expected, `${a.label} ${b.label}`);
      }
    }
    const formed = layers.flatMap((layer, index) =>
      Array.from({ length: heads }, (_, head) => ({
        label: `layer ${String(index)} · ${headName} ${String(head)}`,
        ...formedHead(weightsOf(sizes, layer, true), head),
      })),
    );
    for (const a of formed) {
      for (const b of formed) {
        for (const circuit of ['qk', 'ov'] as const) {
          const expected = Math.abs(inner(a[circuit], b[circuit])) / (norm(a[circuit]) * norm(b[circuit]));
          agree(
            cell(ran.matrix(`${circuit}:base`), a.label, b.label),
            expected,
            `${circuit} ${a.label} ${b.label}`,
          );
        }
      }
    }
  });
}

test('a head that is the same as an earlier one has 1, leads the plan, and saves what it no longer stores', async () => {
  const layers = randomLayers(SIZES, 41);
  const [first, second] = layers;
  assert.ok(first && second);
  second.query.splice(4, 2, ...first.query.slice(0, 2));
  second.key.splice(4, 2, ...first.key.slice(0, 2));
  const ran = await run(headSharing, await study(written(SIZES, layers), 'base', []), { ratio: 0.2 });
  const plan = ran.table('plan');
  assert.equal(plan.length, 1);
  const [row] = plan;
  assert.deepEqual(
    [row?.['layer'], row?.['head'], row?.['donor_layer'], row?.['donor_head']],
    ['model.layers.1', 2, 'model.layers.0', 0],
  );
  agree(row?.['cosine'], 1, 'cosine');
  assert.equal(row?.['saved_qk'], 2 * 2 * 8);
  assert.equal(row?.['saved_qkv'], 3 * 2 * 8);
  const note = ran.artifacts.find((each) => each.kind === 'note');
  assert.match(note?.kind === 'note' ? note.text : '', /nearly the same/);
});

test('in little memory blocks are read again, and the result is the same', async () => {
  const sizes = { layers: 5, heads: 4, keyValueHeads: 2, headSize: 16, hidden: 128 };
  const root = written(sizes, randomLayers(sizes, 42));
  const ran = await run(headSharing, await study(root, 'base', []));
  // The tests give one megabyte; a block takes 0.4 of it with folded copies.
  assert.ok(ran.bytesRead > 5 * 4 * 128 * 16 * 12);
  const values = unpackNumbers(ran.matrix('qk:base').values);
  for (let i = 0; i < 20; i++) {
    agree(values[i * 20 + i], 1, 'diagonal');
    for (let j = 0; j < 20; j++)
      assert.ok(values[i * 20 + j] !== null && values[i * 20 + j] === values[j * 20 + i]);
  }
});

test('a plan gives by falling score, and never takes from one that takes', () => {
  const [a, b, c] = [0.9, 0.8, 0.7];
  // 1 takes from 0 (0.9); 2 cannot take from 1 (0.8), so it takes from 0 (0.7).
  const scores = Float64Array.from([1, a, c, a, 1, b, c, b, 1]);
  assert.deepEqual(sharePlan(scores, 3, 3), [
    { unit: 1, donor: 0, score: a },
    { unit: 2, donor: 0, score: c },
  ]);
  assert.deepEqual(sharePlan(scores, 3, 1).length, 1);
  assert.deepEqual(sharePlan(new Float64Array(4).fill(NaN), 2, 1), []);
});

test('heads that differ by the scales of their rows fit one projection, unrelated ones do not', () => {
  const random = seeded(43);
  const rows = normalRows(3, 20, random);
  const heads = [1, 2, -3].flatMap((scale) => rows.map((row, i) => row.map((value) => value * (scale + i))));
  agree(scaledResidual(denseFrom(heads), 3), 0, 'scaled');
  const unrelated = scaledResidual(denseFrom(normalRows(9, 400, random)), 3) ?? NaN;
  assert.ok(unrelated > 0.55 && unrelated < 0.67, String(unrelated));
  assert.equal(
    scaledResidual(
      denseFrom([
        [0, 0],
        [0, 0],
      ]),
      2,
    ),
    null,
  );
});

test('the samples are compared, with the cosine of the base beside that of a task', async () => {
  const ran = await run(headSharing, await study(path.join(SAMPLES, 'vit-digits'), 'base', ['rot90']));
  assert.equal(ran.matrix('weights:rot90').rows.length, 24);
  for (const row of ran.table('plan')) assert.equal(row['base_cosine'] === null, row['task'] === 'base');
});
