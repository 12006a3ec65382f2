import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { openStudyNetwork } from '../../src/graph/study-network';
import { goldScores, type GoldScores } from '../../src/lens/activations/gold-probability';
import { labelsOf } from '../../src/lens/activations/sample-labels';
import { dynamicsOf, medianConfidence, regionsOf } from '../../src/lens/activations/training-dynamics';
import { dataMap } from '../../src/lens/data-map';
import { objectiveOf } from '../../src/lens/gradients/objective-parameter';
import { openStudy } from '../../src/model/open-study';
import type { Study } from '../../src/model/study';
import { success } from '../../src/protocol/result';
import { got } from '../graph/got';
import { networkStudy, readJson, run, SAMPLES, WITH_ZOO, ZOO } from './run';
import { slowPasses } from './slow-passes';

const ROOM = 2 ** 28;
const { signal } = new AbortController();

async function runStudy(steps: readonly number[]): Promise<Study> {
  const folder = path.join(SAMPLES, 'charlm');
  return got(
    await openStudy({
      name: 'run',
      base: path.join(folder, 'base'),
      tasks: steps.map((step) => ({
        name: `checkpoint-${String(step)}`,
        path: path.join(folder, `runs/kjv/checkpoint-${String(step)}`),
      })),
      graph: path.join(folder, 'onnx/base.onnx'),
      data: [{ name: 'kjv', path: path.join(folder, 'data/kjv.npz') }],
    }),
  );
}

function stage(probability: readonly number[], right: readonly number[]): GoldScores {
  return {
    probability: Float64Array.from(probability),
    right: Uint8Array.from(right),
    error: Float64Array.from(probability, (p) => 1 - p),
  };
}

test('confidence, variability, correctness and forgetting are those of their definitions', () => {
  const stages = [stage([0.2, 0.9], [0, 1]), stage([0.6, 0.9], [1, 0]), stage([0.7, 0.9], [1, 1])];
  const [first, second] = dynamicsOf(stages, 1);
  assert.ok(first && second);
  assert.ok(Math.abs(first.confidence - 0.5) < 1e-12);
  assert.ok(Math.abs(first.variability - Math.sqrt((0.09 + 0.01 + 0.04) / 3)) < 1e-12);
  assert.ok(Math.abs(first.correctness - 2 / 3) < 1e-12);
  assert.deepEqual([first.forgotten, first.learnt, second.forgotten, second.learnt], [0, 1, 1, 2]);
  assert.ok(second.variability < 1e-12);
  assert.ok(Math.abs(first.firstError - 0.8) < 1e-12 && Math.abs(first.error - 0.5) < 1e-12);
});

test('of a sample with several labels p is their mean, and labels to be ignored do not count', () => {
  const ignored = { ...stage([0.2, 0.6, NaN, 0.4], [0, 1, 0, 1]) };
  const [both, one] = dynamicsOf([ignored, ignored], 2);
  assert.ok(Math.abs((both?.confidence ?? NaN) - 0.4) < 1e-12);
  assert.deepEqual([both?.correctness, one?.confidence, one?.correctness], [0.5, 0.4, 1]);
  assert.deepEqual(dynamicsOf([stage([NaN, NaN], [0, 0])], 2), []);
});

test('what varies most is ambiguous, and confidence parts the others', () => {
  const curve = (...p: readonly number[]) =>
    dynamicsOf(
      p.map((value) => stage([value], [0])),
      1,
    );
  const samples = [curve(0.9, 0.8), curve(0.1, 0.9), curve(0.1, 0.2), curve(0.6, 0.6)].flat();
  assert.deepEqual(regionsOf(samples, 0.25, 0.5), ['easy', 'ambiguous', 'hard', 'easy']);
  assert.deepEqual(regionsOf(samples, 0, 0.5), ['easy', 'easy', 'hard', 'easy']);
  assert.equal(regionsOf(samples, 1, 0.5)[3], 'easy', 'what never varies is not ambiguous');
  assert.equal(medianConfidence(samples), 0.6);
});

test('probabilities of labels give the loss that PyTorch has', WITH_ZOO, async () => {
  const reference = readJson<{ readonly base: Readonly<Record<string, Readonly<Record<string, number>>>> }>(
    ZOO,
    'reference/charlm/accuracy.json',
  );
  const study = await runStudy([50, 350]);
  const network = got(await openStudyNetwork(study, { samples: 1000, seed: 0 }));
  const samples = got(await network.samplesNamed('kjv'));
  const labels = got(await labelsOf(samples));
  const request = { task: null, samples, labels, output: 'logits' };
  const { probability, right, error } = got(await goldScores(network, request, { signal }, () => undefined));
  const rows = 64 * 64;
  const loss = -probability.subarray(0, rows).reduce((sum, p) => sum + Math.log(p), 0) / rows;
  const wanted = Math.abs(reference.base['-']?.['kjv'] ?? NaN);
  assert.ok(Math.abs(loss / wanted - 1) < 1e-4, `${String(loss)} is not ${String(wanted)}`);
  probability.forEach((p, row) => {
    // With p on the label, the others have 1 − p together: at least spread evenly, at most on one class.
    const least = (1 - p) * Math.sqrt(1 + 1 / 255);
    assert.ok((error[row] ?? NaN) >= least - 1e-9 && (error[row] ?? NaN) <= (1 - p) * Math.SQRT2 + 1e-9);
    if (p > 0.5) assert.equal(right[row], 1);
  });
});

test('a checkpoint that gives no numbers is refused by name, and not called hard to learn', async () => {
  const study = await networkStudy(['rot90', 'invert'], ['invert']);
  const network = got(await openStudyNetwork(study, { samples: 4, seed: 0 }));
  const samples = got(await network.samplesNamed('invert'));
  const labels = got(await labelsOf(samples));
  const { output } = objectiveOf(network.network, {});
  const request = { task: study.tasks[1] ?? null, samples, labels, output };
  const sound = got(await network.weightsOf(request.task, signal));
  const broken = new Map(
    [...sound].map(([name, value]) => [
      name,
      { ...value, data: new Float32Array(value.data.length).fill(NaN) },
    ]),
  );
  const astray = { ...network, weightsOf: () => Promise.resolve(success(broken)) };
  const found = await goldScores(astray, request, { signal }, () => undefined);
  assert.ok(!found.ok);
  assert.equal(found.problem.code, 'logits-not-finite');
  assert.match(found.problem.message, /^invert gives NaN .* 4 labels of invert/);
});

test('checkpoints stand in the order of their steps, and every sample has a point and a row', async () => {
  const study = await runStudy([350, 50, 200]);
  const ran = await run(dataMap, study, { samples: 6 }, slowPasses(), ROOM);
  assert.deepEqual(
    ran.table('checkpoints').map(({ step }) => step),
    [50, 200, 350],
  );
  const rows = ran.table('samples');
  assert.equal(rows.length, 6);
  for (const { curve, confidence, variability } of rows) {
    const values = curve as readonly number[];
    const mean = values.reduce((sum, value) => sum + value, 0) / 3;
    const spread = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 3;
    assert.ok(Math.abs(Number(confidence) - mean) < 1e-9);
    assert.ok(Math.abs(Number(variability) - Math.sqrt(spread)) < 1e-9);
  }
  const map = ran.artifacts.find(({ id }) => id === 'map');
  assert.ok(map?.kind === 'scatter');
  assert.equal(map.points.length, 6);
  assert.ok(ran.artifacts.every(({ id }) => id !== 'no-run'));
  const tokens = await run(dataMap, study, { samples: 2, unit: 'tokens' }, slowPasses(), ROOM);
  assert.equal(tokens.table('samples').length, 2 * 64);
});

test('fine-tunes that are no run are mapped, and it is said that they are none', async () => {
  const study = await networkStudy(['rot90', 'invert'], ['rot90', 'invert']);
  const ran = await run(dataMap, study, { samples: 20, data: 'invert' }, slowPasses(), ROOM);
  assert.ok(ran.artifacts.some(({ id }) => id === 'no-run'));
  assert.deepEqual([...new Set(ran.table('samples').map(({ data }) => data))], ['invert']);
});

test('one checkpoint has no variability, and a data set that is not there is refused', async () => {
  const context = {
    passes: slowPasses(),
    signal,
    memoryBudget: ROOM,
    progress: () => undefined,
    log: () => undefined,
  };
  const one = await dataMap.run(await networkStudy(['rot90']), {}, context);
  assert.ok(!one.ok && one.problem.code === 'lens-needs-tasks');
  assert.match(one.problem.message, /two checkpoints/);
  const other = await dataMap.run(await networkStudy(['rot90', 'invert']), { data: 'x' }, context);
  assert.ok(!other.ok && other.problem.code === 'bad-parameter');
});
