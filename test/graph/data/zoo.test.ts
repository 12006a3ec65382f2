import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { batchesOf, readBatch } from '../../../src/graph/data/batches';
import { matchData } from '../../../src/graph/data/match';
import { openData } from '../../../src/graph/data/registry';
import { sampleIndices } from '../../../src/graph/data/sampling';
import { readModel } from '../../../src/format/onnx/read-model';
import { prepareGraph } from '../../../src/graph/prepare-graph';
import { openSession } from '../../../src/graph/session';
import { numbersOf } from '../../../src/graph/tensor-value';
import { got } from '../got';
import { WITHOUT_ZOO, ZOO } from '../zoo';

async function prepared(graphFile: string, dataFile: string) {
  const graph = got(prepareGraph(got(await readModel(join(ZOO, graphFile)))));
  const match = got(matchData(got(await openData(join(ZOO, dataFile))), graph.inputs));
  const session = got(await openSession(graph, { outputs: ['logits'] }));
  return { match, session };
}

function reference(family: string): Record<string, number[][]> {
  const text = fs.readFileSync(join(ZOO, 'reference', family, 'logits.json'), 'utf8');
  return JSON.parse(text) as Record<string, number[][]>;
}

function assertClose(actual: Iterable<number>, expected: readonly number[]): void {
  const values = [...actual];
  assert.equal(values.length, expected.length);
  values.forEach((x, i) =>
    assert.ok(Math.abs(x - (expected[i] ?? NaN)) < 1e-4, `${String(i)}: ${String(x)}`),
  );
}

test(
  'images of the zoo give the reference logits and the reference accuracy',
  { skip: WITHOUT_ZOO },
  async () => {
    const { match, session } = await prepared('vit-digits/onnx/base.onnx', 'vit-digits/data/clean-test.npz');
    assert.deepEqual([match.samples, match.labels?.array.name, match.labels?.shift], [400, 'labels', false]);
    const first = got(await readBatch(match, sampleIndices(match.samples, 8, null).indices));
    const logits = got(await session.run(first.inputs)).get('logits');
    assert.ok(logits);
    assertClose(numbersOf(logits), (reference('vit-digits')['base on clean'] ?? []).flat());
    let right = 0;
    for (const indices of batchesOf(sampleIndices(match.samples, null, null).indices, 64, match.batch)) {
      const batch = got(await readBatch(match, indices));
      const scores = got(await session.run(batch.inputs)).get('logits');
      const rows = scores ? numbersOf(scores) : new Float64Array();
      indices.forEach((_, row) => {
        const own = rows.subarray(10 * row, 10 * row + 10);
        if (BigInt(own.indexOf(Math.max(...own))) === batch.reference?.data[row]) right++;
      });
    }
    await session.release();
    // 98.8 % on clean, as the zoo's table has it: 395 of 400.
    assert.equal(right, 395);
  },
);

test('token sequences of the zoo give the reference logits', { skip: WITHOUT_ZOO }, async () => {
  const { match, session } = await prepared('charlm/onnx/base.onnx', 'charlm/data/kjv.npz');
  const batch = got(await readBatch(match, [0]));
  const logits = got(await session.run(batch.inputs)).get('logits');
  await session.release();
  assert.ok(logits);
  const all = numbersOf(logits);
  const expected = reference('charlm')['base on kjv'] ?? [];
  [0, 9, 18].forEach((position, i) => {
    assertClose(all.subarray(256 * position, 256 * (position + 1)), expected[i] ?? []);
  });
  assert.deepEqual(batch.reference?.shape, [1, 64]);
});
