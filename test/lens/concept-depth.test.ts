import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SplitMix64 } from '../../src/tensor/split-mix';
import { accuracyOf, fitProbe, splitByClass } from '../../src/lens/activations/linear-probe';
import { minimise } from '../../src/lens/activations/minimise';
import { normal } from '../../src/lens/activations/second-view';
import { conceptDepth, marksOf } from '../../src/lens/concept-depth';
import { networkStudy, run } from './run';
import { slowPasses } from './slow-passes';

test('a quadratic bowl is left at its lowest point, and so is a long narrow valley', () => {
  const scales = [1, 1000, 0.01];
  const found = minimise(new Float64Array(3), (x) => ({
    value: x.reduce((sum, each, k) => sum + ((scales[k] ?? 0) * (each - k) ** 2) / 2, 0),
    gradient: x.map((each, k) => (scales[k] ?? 0) * (each - k)),
  }));
  found.forEach((each, k) => assert.ok(Math.abs(each - k) < 1e-4, String(each)));
});

test('a probe of two classes is the one for which the gradient of the penalised loss is zero', () => {
  const random = new SplitMix64(2);
  const [n, d, c] = [30, 3, 0.5];
  const values = Float64Array.from({ length: n * d }, () => 2 * normal(random) + 1);
  const labels = Int32Array.from({ length: n }, (_, i) => Number((values[i * d] ?? 0) + normal(random) > 1));
  const { weights, mean, scale } = fitProbe({ features: { rows: n, columns: d, values }, labels }, 2, c);
  for (let k = 0; k <= d; k++) {
    for (const label of [0, 1]) {
      let slope = k < d ? (weights.values[label * (d + 1) + k] ?? 0) / c : 0;
      for (let i = 0; i < n; i++) {
        const x = (j: number) =>
          j === d ? 1 : ((values[i * d + j] ?? 0) - (mean[j] ?? 0)) * (scale[j] ?? 0);
        const score = (of: number) =>
          [0, 1, 2, 3].reduce((sum, j) => sum + (weights.values[of * (d + 1) + j] ?? 0) * x(j), 0);
        const p = 1 / (1 + Math.exp(score(1 - label) - score(label)));
        slope += (p - Number(labels[i] === label)) * x(k);
      }
      assert.ok(Math.abs(slope) < 1e-4, String(slope));
    }
  }
});

test('classes that a plane separates are told apart, and features that do not vary are not looked at', () => {
  const values = Float64Array.from([0, 7, 1, 7, 10, 7, 11, 7]);
  const labelled = { features: { rows: 4, columns: 2, values }, labels: Int32Array.of(0, 0, 1, 1) };
  const probe = fitProbe(labelled, 2, 10);
  assert.equal(accuracyOf(probe, labelled), 1);
  assert.equal(probe.scale[1], 0);
});

test('a third of every class is held out, and no row is in both parts', () => {
  const labels = Int32Array.from({ length: 30 }, (_, i) => (i < 9 ? 0 : 1));
  const { train, test: held } = splitByClass(labels, 5);
  assert.deepEqual(
    [...train, ...held].sort((x, y) => x - y),
    [...labels.keys()],
  );
  assert.deepEqual([held.filter((row) => row < 9).length, held.length], [3, 10]);
  assert.notDeepEqual(splitByClass(labels, 6), splitByClass(labels, 5));
});

test('a curve jumps where it gains a tenth, and has converged when it comes near its best', () => {
  assert.deepEqual(marksOf([0.2, 0.21, 0.6, 0.9, 0.89, 0.9]), { jump: 2, converged: 3 });
  assert.deepEqual(marksOf([0.9, 0.5, 0.9]), { jump: 2, converged: 0 });
  assert.deepEqual(marksOf([null, null]), { jump: null, converged: null });
});

test('the digits are known late by the fine-tune, hardly by the base, and not at all from a constant token', async () => {
  const study = await networkStudy(['rot90']);
  const ran = await run(conceptDepth, study, { samples: 120, pool: 'cls' }, slowPasses(), 2 ** 28);
  const marks = ran.table('marks');
  const [base, tuned] = marks.map(({ best }) => Number(best));
  assert.ok((tuned ?? 0) > 0.8 && (tuned ?? 0) > (base ?? 1), JSON.stringify(marks));
  const [input] = ran.table('layers');
  assert.ok(Number(input?.['accuracy']) <= Number(marks[0]?.['chance']) + 1e-9);
});
