import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { accumulate, type Accumulated, type Sample } from '../../../src/graph/gradients/accumulate';
import type { Objective } from '../../../src/graph/objective/objective';
import type { ModelGraph } from '../../../src/graph/model-graph';
import { readModel } from '../../../src/format/onnx/read-model';
import { valuesOfTensor } from '../../../src/graph/onnx/tensor-values';
import { prepareGraph } from '../../../src/graph/prepare-graph';
import { openSession } from '../../../src/graph/session';
import { numbersOf, tensorValue, type TensorValue } from '../../../src/graph/tensor-value';
import { codeOf, got } from '../got';
import { gaussians, model, node, tensor, value } from '../onnx/models';
import { WITHOUT_ZOO, ZOO } from '../zoo';

const D = 3;
const C = 4;
const W = gaussians(D * C, 1);

/** logits = x·W over any number of leading axes, in float64. */
function linear(lead: readonly string[]): ModelGraph {
  return got(
    prepareGraph(
      model({
        nodes: [node('MatMul', 'x w', 'logits')],
        inputs: [value('x', 'float32', [...lead, D])],
        outputs: [value('logits', 'float32')],
        initializers: [tensor('w', 'float64', [D, C], W)],
      }),
      'float64',
    ),
  );
}

const WEIGHTS = new Map([['w', tensorValue('float64', [D, C], W)]]);

function logits(x: ArrayLike<number>, w: ArrayLike<number> = W): number[] {
  return Array.from({ length: C }, (_, c) =>
    Array.from({ length: D }, (__, d) => (x[d] ?? 0) * (w[d * C + c] ?? 0)).reduce(
      (sum, one) => sum + one,
      0,
    ),
  );
}

function logSoftmax(z: readonly number[]): number[] {
  const log = Math.log(z.reduce((sum, one) => sum + Math.exp(one), 0));
  return z.map((one) => one - log);
}

/** ∂/∂W of `f(x·W)` summed over rows, by central differences of fourth order. */
function slowGradient(
  rows: readonly ArrayLike<number>[],
  f: (logits: readonly number[], row: number) => number,
): number[] {
  const total = (w: ArrayLike<number>): number => rows.reduce((sum, x, row) => sum + f(logits(x, w), row), 0);
  return Array.from(W, (_, at) => {
    const shifted = (by: number): number => total(Float64Array.from(W, (x, i) => (i === at ? x + by : x)));
    const h = 1e-3;
    return (8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12 * h);
  });
}

function rowsOf(count: number, seed: number): Float64Array[] {
  return Array.from({ length: count }, (_, i) => gaussians(D, seed + i));
}

function sample(rows: readonly Float64Array[], reference?: TensorValue, lead = [rows.length]): Sample {
  const x = tensorValue(
    'float64',
    [...lead, D],
    rows.flatMap((row) => [...row]),
  );
  return {
    inputs: new Map([['x', x]]),
    count: lead[0] ?? 1,
    ...(reference === undefined ? {} : { reference }),
  };
}

async function run(
  samples: Iterable<Sample>,
  objective: Objective,
  accumulation: 'sum' | 'squares' = 'sum',
  lead = ['n'],
  more: object = {},
): Promise<Accumulated> {
  return got(await accumulate(linear(lead), WEIGHTS, samples, { objective, accumulation, ...more }));
}

function near(found: ArrayLike<number> | undefined, expected: readonly number[], tolerance = 1e-9): void {
  assert.equal(found?.length, expected.length);
  for (const [i, one] of expected.entries()) {
    assert.ok(
      Math.abs((found?.[i] ?? NaN) - one) <= tolerance * Math.max(1, Math.abs(one)),
      `${String(i)}: ${String(found?.[i])}, not ${String(one)}`,
    );
  }
}

test('objectives have the gradients of their formulas', async () => {
  const rows = rowsOf(2, 20);
  const labels = [3, 1];
  const other = [gaussians(C, 50), gaussians(C, 51)];
  const given = tensorValue('int64', [2], labels);
  const others = tensorValue(
    'float64',
    [2, C],
    other.flatMap((one) => [...one]),
  );
  const cases: readonly [
    Objective,
    TensorValue | undefined,
    (z: readonly number[], row: number) => number,
  ][] = [
    [{ kind: 'log-likelihood', output: 'logits' }, given, (z, row) => logSoftmax(z)[labels[row] ?? 0] ?? NaN],
    [{ kind: 'gold-logit', output: 'logits' }, given, (z, row) => z[labels[row] ?? 0] ?? NaN],
    [
      { kind: 'entropy', output: 'logits' },
      undefined,
      (z) => -logSoftmax(z).reduce((sum, l) => sum + l * Math.exp(l), 0),
    ],
    [
      { kind: 'divergence', output: 'logits' },
      others,
      (z, row) => {
        const q = logSoftmax([...(other[row] ?? [])]);
        return q.reduce((sum, l, c) => sum + Math.exp(l) * (l - (logSoftmax(z)[c] ?? NaN)), 0);
      },
    ],
    [
      { kind: 'regression', output: 'logits' },
      others,
      (z, row) => -0.5 * z.reduce((sum, y, c) => sum + (y - (other[row]?.[c] ?? NaN)) ** 2, 0),
    ],
    [{ kind: 'output', output: 'logits' }, undefined, (z) => z.reduce((sum, y) => sum + y, 0)],
  ];
  for (const [objective, reference, formula] of cases) {
    const result = await run([sample(rows, reference)], objective);
    near(
      result.means.get('w'),
      slowGradient(rows, formula).map((x) => x / 2),
    );
    near([result.objective], [rows.reduce((sum, x, row) => sum + formula(logits(x), row), 0)]);
  }
});

test('ignored positions count nothing, and shifted labels are those of the next position', async () => {
  const rows = rowsOf(4, 30);
  const labels = [2, -100, 0, 3];
  const given = tensorValue('int64', [1, 4], labels);
  const lead = ['n', 't'];
  const score = (z: readonly number[], label: number | undefined): number =>
    label === undefined || label === -100 ? 0 : (logSoftmax(z)[label] ?? NaN);
  const plain = await run(
    [sample(rows, given, [1, 4])],
    { kind: 'log-likelihood', output: 'logits' },
    'sum',
    lead,
  );
  near(
    plain.means.get('w'),
    slowGradient(rows, (z, row) => score(z, labels[row])),
  );
  const shifted = await run(
    [sample(rows, given, [1, 4])],
    { kind: 'log-likelihood', output: 'logits', shift: true },
    'sum',
    lead,
  );
  near(
    shifted.means.get('w'),
    slowGradient(rows, (z, row) => score(z, labels[row + 1])),
  );
});

test('squares are of per-sample gradients, not of their mean, over more runs than one flush', async () => {
  const rows = rowsOf(300, 200);
  const labels = rows.map((_, i) => i % C);
  const samples = rows.map((row, i) => sample([row], tensorValue('int64', [1], [labels[i] ?? 0])));
  const objective = { kind: 'log-likelihood', output: 'logits' } as const;
  const result = await run(samples, objective, 'squares');
  const each = rows.map((row, i) => slowGradient([row], (z) => logSoftmax(z)[labels[i] ?? 0] ?? NaN));
  const mean = Array.from(W, (_, at) => each.reduce((sum, g) => sum + (g[at] ?? NaN) ** 2, 0) / rows.length);
  near(result.means.get('w'), mean, 1e-8);
  const sums = each.map((g) => g.reduce((sum, x) => sum + x * x, 0));
  const middle = sums.reduce((sum, x) => sum + x, 0) / sums.length;
  const spread = sums.reduce((sum, x) => sum + (x - middle) ** 2, 0) / (sums.length - 1);
  near([result.standardErrors.get('w') ?? NaN], [Math.sqrt(spread / sums.length)], 1e-6);
  near([result.relativeError ?? NaN], [Math.sqrt(spread / sums.length) / middle], 1e-6);
});

test('a bound weight that nothing is differentiated for counts with its own values, not those of the file', async () => {
  const [stored, bound] = [gaussians(C * C, 31), gaussians(C * C, 32)];
  const withFile = (values: Float64Array): ModelGraph =>
    got(
      prepareGraph(
        model({
          nodes: [node('MatMul', 'x w', 'h'), node('MatMul', 'h v', 'logits')],
          inputs: [value('x', 'float32', ['n', D])],
          outputs: [value('logits', 'float32')],
          initializers: [tensor('w', 'float64', [D, C], W), tensor('v', 'float64', [C, C], values)],
        }),
        'float64',
      ),
    );
  const weights = new Map([...WEIGHTS, ['v', tensorValue('float64', [C, C], bound)] as const]);
  const objective = { kind: 'log-likelihood', output: 'logits' } as const;
  const one = sample(rowsOf(2, 40), tensorValue('int64', [2], [0, 1]));
  const options = { objective, targets: ['w'], accumulation: 'sum' } as const;
  const [ours, expected] = [
    got(await accumulate(withFile(stored), weights, [one], options)),
    got(await accumulate(withFile(bound), weights, [one], options)),
  ];
  near(ours.means.get('w'), [...(expected.means.get('w') ?? [])]);
});

test('a batch is refused where per-sample gradients are asked for, and labels are where they are needed', async () => {
  const objective = { kind: 'log-likelihood', output: 'logits' } as const;
  const batch = sample(rowsOf(2, 1), tensorValue('int64', [2], [0, 1]));
  assert.equal(
    codeOf(await accumulate(linear(['n']), WEIGHTS, [batch], { objective, accumulation: 'squares' })),
    'graph-objective',
  );
  const bare = sample(rowsOf(1, 1));
  assert.equal(
    codeOf(await accumulate(linear(['n']), WEIGHTS, [bare], { objective, accumulation: 'sum' })),
    'graph-objective',
  );
  const wrong = { kind: 'log-likelihood', output: 'none' } as const;
  assert.equal(
    codeOf(await accumulate(linear(['n']), WEIGHTS, [batch], { objective: wrong, accumulation: 'sum' })),
    'graph-output-missing',
  );
});

test('an accumulation stops early where it is told to, and is cancelled between runs', async () => {
  const objective = { kind: 'entropy', output: 'logits' } as const;
  const samples = rowsOf(10, 60).map((row) => sample([row]));
  const states: number[] = [];
  const early = await run(samples, objective, 'squares', ['n'], {
    onRun: (state: { samples: number }) => states.push(state.samples) < 4,
  });
  assert.deepEqual([early.samples, early.complete, states], [4, false, [1, 2, 3, 4]]);
  const stop = new AbortController();
  const cancelledRun = await accumulate(linear(['n']), WEIGHTS, samples, {
    objective,
    accumulation: 'squares',
    signal: stop.signal,
    onRun: ({ samples: done }) => {
      if (done === 3) stop.abort();
      return true;
    },
  });
  assert.equal(codeOf(cancelledRun), 'cancelled');
});

test('samples of different lengths are run at their own sizes', async () => {
  const lengths = [2, 3, 2, 5];
  const objective = { kind: 'entropy', output: 'logits' } as const;
  const all = lengths.map((length, i) => rowsOf(length, 100 * i));
  const result = await run(
    all.map((rows) => sample(rows, undefined, [1, rows.length])),
    objective,
    'sum',
    ['n', 't'],
  );
  const formula = (z: readonly number[]): number =>
    -logSoftmax(z).reduce((sum, l) => sum + l * Math.exp(l), 0);
  const expected = slowGradient(all.flat(), formula).map((x) => x / lengths.length);
  near(result.means.get('w'), expected);
});

test(
  'along random directions the networks of the zoo change as their gradients say',
  { skip: WITHOUT_ZOO },
  async () => {
    for (const [family, input, shape, labels] of [
      ['cnn-digits', 'pixel_values', [2, 1, 16, 16], [2]],
      ['moe-toy', 'input_ids', [2, 12], [2, 12]],
    ] as const) {
      const graph = got(prepareGraph(got(await readModel(join(ZOO, family, 'onnx/base.onnx')))));
      const pixels = gaussians(
        shape.reduce((product: number, size) => product * size, 1),
        9,
      );
      const ids = input === 'input_ids' ? pixels.map((x) => Math.floor(Math.abs(x) * 40) + 60) : pixels;
      const x = tensorValue(input === 'input_ids' ? 'int64' : 'float32', shape, ids);
      const count = labels.reduce((product: number, size) => product * size, 1);
      const reference = tensorValue(
        'int64',
        labels,
        Array.from({ length: count }, (_, i) => i % 7),
      );
      const weights = new Map<string, TensorValue>();
      const directions = new Map<string, Float64Array>();
      for (const [i, [name, initializer]] of [...graph.initializers].entries()) {
        if (initializer.type !== 'float32' || !name.includes('.')) continue;
        weights.set(name, tensorValue('float32', initializer.shape, got(await valuesOfTensor(initializer))));
        const values = numbersOf(weights.get(name) as TensorValue);
        const noise = gaussians(initializer.count, 300 + i);
        // In proportion to the weights, so that no variance of a BatchNorm leaves its place.
        directions.set(
          name,
          values.map((w, at) => w * (noise[at] ?? NaN)),
        );
      }
      const objective = { kind: 'log-likelihood', output: 'logits' } as const;
      const one = { inputs: new Map([[input, x]]), reference, count: 1 };
      const targets = [...weights.keys()];
      const result = got(
        await accumulate(graph, weights, [one], { objective, accumulation: 'sum', targets }),
      );
      assert.deepEqual(result.obstacles, []);
      const session = got(
        await openSession(graph, { outputs: ['logits'], weights: new Set(weights.keys()) }),
      );
      const objectiveAt = async (changed: string, by: number): Promise<number> => {
        const feeds = new Map([...weights, [input, x] as const]);
        const original = weights.get(changed) as TensorValue;
        const direction = directions.get(changed);
        const values = numbersOf(original).map((w, i) => w + by * (direction?.[i] ?? 0));
        feeds.set(changed, tensorValue('float32', original.shape, values));
        const z = numbersOf(got(await session.run(feeds)).get('logits') as TensorValue);
        const width = z.length / count;
        const rows = Array.from({ length: count }, (_, i) => [...z.subarray(i * width, (i + 1) * width)]);
        return rows.reduce((sum, row, i) => sum + (logSoftmax(row)[i % 7] ?? NaN), 0);
      };
      for (const [name, direction] of directions) {
        const gradient = result.means.get(name) ?? new Float64Array(direction.length);
        const slope = gradient.reduce((sum, g, i) => sum + g * (direction[i] ?? NaN), 0);
        const h = 0.002;
        const expected = ((await objectiveAt(name, h)) - (await objectiveAt(name, -h))) / (2 * h);
        // Differences of float32 sums, and kinks: in proportion to what the slope could be.
        const original = numbersOf(weights.get(name) as TensorValue);
        const most = Math.hypot(...gradient.map((g, i) => g * (original[i] ?? NaN)));
        const tolerance = 0.03 * most + 1e-5 / h;
        assert.ok(
          Math.abs(slope - expected) <= tolerance,
          `${family} ${name}: ${String(slope)}, differences say ${String(expected)}`,
        );
      }
    }
  },
);
