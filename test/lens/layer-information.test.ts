import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SplitMix64 } from '../../src/tensor/split-mix';
import { twoNearestDimension } from '../../src/lens/activations/intrinsic-dimension';
import { gramSpectrum, matrixEntropy, relativeEntropy } from '../../src/lens/activations/matrix-entropy';
import { normal } from '../../src/lens/activations/second-view';
import { curvature, tokenCosine, tokenResidual } from '../../src/lens/activations/token-geometry';
import { viewAgreement } from '../../src/lens/activations/view-agreement';
import { layerInformation } from '../../src/lens/layer-information';
import { transposed, type Dense } from '../../src/tensor/linear/dense';
import { multiply } from '../../src/tensor/linear/multiply';
import { symmetricEigen } from '../../src/tensor/linear/symmetric-eigen';
import { networkStudy, run } from './run';
import { slowPasses } from './slow-passes';

const ROOM = 2 ** 28;

function dense(rows: readonly (readonly number[])[]): Dense {
  return { rows: rows.length, columns: rows[0]?.length ?? 0, values: Float64Array.from(rows.flat()) };
}

function noise(rows: number, columns: number, seed: number): Dense {
  const random = new SplitMix64(seed);
  return { rows, columns, values: Float64Array.from({ length: rows * columns }, () => normal(random)) };
}

function near(actual: number | null, wanted: number, within = 1e-9): void {
  assert.ok(
    actual !== null && Math.abs(actual - wanted) <= within,
    `${String(actual)} is not ${String(wanted)}`,
  );
}

test('the entropy of equal directions is the logarithm of their number, whatever the order', () => {
  const shares = gramSpectrum(
    dense([
      [2, 0, 0],
      [0, 2, 0],
      [0, 0, 2],
      [0, 0, 0],
    ]),
  );
  for (const alpha of [0.5, 1, 2]) near(shares && matrixEntropy(shares, alpha), Math.log(3));
  near(
    relativeEntropy(
      dense([
        [1, 2],
        [2, 4],
      ]),
      1,
    ),
    0,
  );
  const [p, q] = [0.9, 0.1];
  const two = gramSpectrum(
    dense([
      [3, 0],
      [0, 1],
    ]),
  );
  near(two && matrixEntropy(two, 1), -p * Math.log(p) - q * Math.log(q));
  near(two && matrixEntropy(two, 2), -Math.log(p * p + q * q));
  assert.equal(
    relativeEntropy(
      dense([
        [0, 0],
        [0, 0],
      ]),
      1,
    ),
    null,
  );
});

test('a plane in ten dimensions has the dimension two, and samples that are there twice change nothing', () => {
  const plane = multiply(noise(400, 2, 3), noise(2, 10, 4));
  const found = twoNearestDimension(plane) ?? 0;
  assert.ok(found > 1.7 && found < 2.3, String(found));
  const twice = { ...plane, rows: 800, values: Float64Array.from([...plane.values, ...plane.values]) };
  near(twoNearestDimension(twice), found, 1e-12);
  assert.equal(twoNearestDimension(dense([[1], [1], [1]])), null);
});

test('a straight way has no curvature, a right angle that of a quarter turn, and a way back half a turn', () => {
  near(
    curvature(
      dense([
        [0, 0],
        [1, 0],
        [2, 0],
      ]),
    ),
    0,
  );
  near(
    curvature(
      dense([
        [0, 0],
        [1, 0],
        [1, 1],
      ]),
    ),
    Math.PI / 2,
  );
  near(
    curvature(
      dense([
        [0, 0],
        [1, 0],
        [0, 0],
      ]),
    ),
    Math.PI,
  );
  assert.equal(
    curvature(
      dense([
        [1, 1],
        [1, 1],
        [1, 1],
      ]),
    ),
    null,
  );
});

test('residual and cosine of tokens are those of their definitions', () => {
  const tokens = dense([
    [1, 2, 0],
    [3, -1, 1],
    [0, 1, 2],
  ]);
  const mean = [4 / 3, 2 / 3, 1];
  let [off, size] = [0, 0];
  tokens.values.forEach((value, at) => {
    off += (value - (mean[at % 3] ?? 0)) ** 2;
    size += value ** 2;
  });
  near(tokenResidual(tokens), Math.sqrt(off / size));
  const cos = (x: number, y: number, dot: number) => dot / Math.sqrt(x * y);
  near(tokenCosine(tokens), (cos(5, 11, 1) + cos(5, 5, 2) + cos(11, 5, 1)) / 3);
  near(
    tokenResidual(
      dense([
        [1, 2],
        [1, 2],
      ]),
    ),
    0,
  );
  assert.equal(
    tokenCosine(
      dense([
        [1, 2],
        [0, 0],
      ]),
    ),
    null,
  );
});

/** Σw^(−½)·Σb·Σw^(−½) as the definition has it, features × features. */
function slowLidar(one: Dense, two: Dense): number {
  const { rows: n, columns: d } = one;
  const mean = Float64Array.from({ length: d }, (_, k) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += (one.values[i * d + k] ?? 0) + (two.values[i * d + k] ?? 0);
    return sum / (2 * n);
  });
  const rowsOf = ({ values }: Dense) =>
    Array.from({ length: n }, (_, i) => {
      const own = [...values.subarray(i * d, (i + 1) * d)].map((x, k) => x - (mean[k] ?? 0));
      const length = Math.hypot(...own);
      return own.map((x) => x / length);
    });
  const [x, y] = [rowsOf(one), rowsOf(two)];
  const centre = Array.from({ length: d }, (_, k) =>
    x.reduce((sum, row, i) => sum + ((row[k] ?? 0) + (y[i]?.[k] ?? 0)) / (2 * n), 0),
  );
  const [between, within] = [new Float64Array(d * d), new Float64Array(d * d)];
  for (let a = 0; a < d; a++) {
    for (let b = 0; b < d; b++) {
      for (let i = 0; i < n; i++) {
        const m = (k: number) => ((x[i]?.[k] ?? 0) + (y[i]?.[k] ?? 0)) / 2;
        between[a * d + b] =
          (between[a * d + b] ?? 0) + ((m(a) - (centre[a] ?? 0)) * (m(b) - (centre[b] ?? 0))) / n;
        for (const view of [x, y])
          within[a * d + b] =
            (within[a * d + b] ?? 0) +
            (((view[i]?.[a] ?? 0) - m(a)) * ((view[i]?.[b] ?? 0) - m(b))) / (2 * n);
      }
      if (a === b) within[a * d + b] = (within[a * d + b] ?? 0) + 1e-4;
    }
  }
  const square = (values: Float64Array): Dense => ({ rows: d, columns: d, values });
  const eigen = symmetricEigen(square(within));
  const scaled = square(
    eigen.vectors.values.map((v, at) => v * (eigen.values[Math.floor(at / d)] ?? 1) ** -0.25),
  );
  const root = multiply(transposed(scaled), scaled);
  const values = symmetricEigen(multiply(multiply(root, square(between)), root)).values;
  const total = values.reduce((sum, value) => sum + value, 0);
  return (
    -values.reduce((sum, v) => (v > 0 ? sum + (v / total) * Math.log(v / total) : sum), 0) /
    Math.log(Math.min(n, d))
  );
}

test('LiDAR from matrices between samples is that of the matrices between features', () => {
  const one = noise(12, 5, 1);
  const other = noise(12, 5, 2);
  const two = { ...one, values: one.values.map((value, at) => value + 0.3 * (other.values[at] ?? 0)) };
  near(viewAgreement(one, two).lidar, slowLidar(one, two), 1e-7);
});

test('views that agree are known again, and views that have nothing in common are not', () => {
  const one = noise(40, 30, 5);
  const same = viewAgreement(one, one);
  assert.ok((same.infoNce ?? 0) > 0.9);
  const apart = viewAgreement(one, noise(40, 30, 6));
  assert.ok((apart.infoNce ?? 1) < 0.1);
  assert.deepEqual(viewAgreement(dense([[1], [1], [1]]), dense([[1], [1], [1]])), {
    infoNce: null,
    lidar: null,
    dime: null,
  });
});

test('DiME is far from 0 for views of the same samples only', () => {
  const one = noise(40, 3, 5);
  assert.ok((viewAgreement(one, one).dime ?? 0) > 0.2);
  assert.ok(Math.abs(viewAgreement(one, noise(40, 3, 6)).dime ?? 1) < 0.05);
});

test('InfoNCE is the cross-entropy of finding the second view among all', () => {
  const one = dense([
    [1, 0],
    [0, 1],
    [-1, -1],
  ]);
  const two = dense([
    [1, 0.5],
    [0, 1],
    [-1, -1.5],
  ]);
  const unit = (x: number, y: number) => [x / Math.hypot(x, y), y / Math.hypot(x, y)] as const;
  // The views' mean is (0, 0).
  const [a, b] = [
    [unit(1, 0), unit(0, 1), unit(-1, -1)],
    [unit(1, 0.5), unit(0, 1), unit(-1, -1.5)],
  ];
  const loss = a.reduce((sum, [x, y], i) => {
    const scores = b.map(([u, v]) => (x * u + y * v) / 0.1);
    return sum + (Math.log(scores.reduce((total, s) => total + Math.exp(s), 0)) - (scores[i] ?? 0)) / 3;
  }, 0);
  near(viewAgreement(one, two).infoNce, 1 - loss / Math.log(3));
});

test('base and fine-tune are measured on the same samples, layer by layer', async () => {
  const study = await networkStudy(['rot90']);
  const ran = await run(layerInformation, study, { samples: 24 }, slowPasses(), ROOM);
  const rows = ran.table('layers');
  assert.deepEqual(
    rows.map(({ model, data }) => `${String(model)} ${String(data)}`),
    [...Array.from({ length: 7 }, () => 'base rot90'), ...Array.from({ length: 7 }, () => 'rot90 rot90')],
  );
  for (const row of rows) {
    for (const key of ['entropy', 'token_entropy', 'residual', 'infonce', 'lidar']) {
      const value = Number(row[key]);
      assert.ok(value >= -1 && value <= 1 + 1e-9, `${key} is ${String(value)}`);
    }
    assert.ok(Number(row['curvature']) > 0 && Number(row['curvature']) <= Math.PI);
  }
  const still = await run(layerInformation, study, { samples: 24, disturbance: 0 }, slowPasses(), ROOM);
  assert.ok(still.table('layers').every(({ infonce }) => infonce === null));
  assert.ok(!still.artifacts.some(({ id }) => id === 'infonce'));
});

test('the first token of the input is the same for every sample: it has no dimension and is not known again', async () => {
  const study = await networkStudy([], ['rot90']);
  const ran = await run(layerInformation, study, { samples: 12, pool: 'cls' }, slowPasses(), ROOM);
  const [input] = ran.table('layers');
  assert.equal(input?.['layer'], 'input');
  assert.equal(input['intrinsic_dimension'], null);
  assert.equal(input['infonce'], null);
  assert.ok(Math.abs(Number(input['entropy'])) < 1e-9);
});
