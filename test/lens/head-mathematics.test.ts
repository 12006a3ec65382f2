import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  circuitComponents,
  circuitFactors,
  circuitInner,
  circuitSpectrum,
  circuitTrace,
} from '../../src/lens/head-circuit';
import { poolingResidual, type Alignment } from '../../src/lens/head-pooling';
import { COMPOSITIONS, compositionScores, layerReader } from '../../src/lens/head-readers';
import { ovCircuit, qkCircuit } from '../../src/lens/head-weights';
import { eigenvalues } from '../../src/tensor/linear/eigenvalues';
import { gramFactor, gramOfRows } from '../../src/tensor/linear/gram-factor';
import { seeded } from '../tensor/oracle';
import { agree } from './run';
import {
  denseFrom,
  formedHead,
  inner,
  norm,
  normalRows,
  randomHeads,
  rowsFrom,
  slowDecomposition,
  times,
  turned,
  type Rows,
} from './slow-heads';

const SIZES = { heads: 4, keyValueHeads: 2, headSize: 3, hidden: 14, valueSize: 4 };

test('a circuit kept as thin factors has the singular values, products and trace of the formed matrix', () => {
  const weights = randomHeads(SIZES, seeded(1));
  for (let head = 0; head < 4; head++) {
    const formed = formedHead(weights, head);
    const other = formedHead(weights, (head + 1) % 4);
    for (const [name, circuit, next] of [
      ['qk', qkCircuit(weights, head), qkCircuit(weights, (head + 1) % 4)],
      ['ov', ovCircuit(weights, head), ovCircuit(weights, (head + 1) % 4)],
    ] as const) {
      const expected = slowDecomposition(formed[name]).values;
      circuitSpectrum(circuitFactors(circuit)).forEach((value, k) => {
        agree(value, expected[k] ?? NaN, `${name} ${k}`);
      });
      agree(circuitInner(circuit, next), inner(formed[name], other[name]), `${name} inner`);
      const trace = formed[name].reduce((sum, row, i) => sum + (row[i] ?? NaN), 0);
      agree(circuitTrace(circuit), trace, `${name} trace`);
    }
  }
});

test('components are the left singular vectors of the formed matrix, but for their sign', () => {
  const weights = randomHeads(SIZES, seeded(2));
  const circuit = ovCircuit(weights, 3);
  const { left } = circuitComponents(circuit, circuitFactors(circuit), 3);
  assert.equal(left.rows, 3);
  const expected = slowDecomposition(formedHead(weights, 3).ov).left;
  rowsFrom(left).forEach((vector, k) => {
    agree(Math.abs(inner([vector], [expected[k] ?? []])), 1, `component ${k}`);
  });
});

test('a head of lower rank has as many components as its rank, and one of zeros has none', () => {
  const weights = randomHeads(SIZES, seeded(3));
  weights.value.values.copyWithin(14, 0, 14);
  weights.value.values.copyWithin(28, 0, 14);
  const circuit = ovCircuit(weights, 0);
  assert.equal(circuitComponents(circuit, circuitFactors(circuit), 9).left.rows, 2);
  weights.value.values.fill(0);
  assert.equal(circuitComponents(circuit, circuitFactors(circuit), 9).left.rows, 0);
  assert.deepEqual([...circuitSpectrum(circuitFactors(circuit))], []);
});

test('composition scores are those of the formed matrices', () => {
  const random = seeded(4);
  const weights = randomHeads(SIZES, random);
  const directions = normalRows(5, 14, random).map((row) => row.map((value) => value / norm([row])));
  const scores = compositionScores(layerReader(weights), denseFrom(directions));
  for (let head = 0; head < 4; head++) {
    const { qk, ov } = formedHead(weights, head);
    directions.forEach((u, k) => {
      const column = turned([u]);
      const at = head * 5 + k;
      agree(scores.Q[at], norm(times(turned(qk), column)) / norm(qk), 'Q');
      agree(scores.K[at], norm(times(qk, column)) / norm(qk), 'K');
      agree(scores.V[at], norm(times(ov, column)) / norm(ov), 'V');
    });
  }
});

test('over all components of an earlier head, weighted by their energy, V-composition gives that of the whole matrices', () => {
  const random = seeded(5);
  const [early, late] = [randomHeads(SIZES, random), randomHeads(SIZES, random)];
  const circuit = ovCircuit(early, 1);
  const { values, left } = circuitComponents(circuit, circuitFactors(circuit), Infinity);
  const scores = compositionScores(layerReader(late), left);
  const { ov: whole } = formedHead(late, 2);
  const { ov: earlier } = formedHead(early, 1);
  const sum = [...values].reduce(
    (total, value, k) => total + (value * (scores.V[2 * left.rows + k] ?? NaN)) ** 2,
    0,
  );
  agree(Math.sqrt(sum) / norm(earlier), norm(times(whole, earlier)) / (norm(whole) * norm(earlier)), 'whole');
});

test('scores do not change when a head is scaled', () => {
  const random = seeded(6);
  const [early, late] = [randomHeads(SIZES, random), randomHeads(SIZES, random)];
  const scoresOf = () => {
    const circuit = ovCircuit(early, 0);
    return compositionScores(layerReader(late), circuitComponents(circuit, circuitFactors(circuit), 2).left);
  };
  const before = scoresOf();
  for (const part of [early.output, late.query, late.value]) {
    part.values.forEach((value, at) => {
      part.values[at] = 1e4 * value;
    });
  }
  const after = scoresOf();
  for (const kind of COMPOSITIONS) before[kind].forEach((value, at) => agree(after[kind][at], value, kind));
});

test('directions drawn at random score the baseline, spread as it says', () => {
  const random = seeded(7);
  const reader = layerReader(randomHeads({ heads: 2, keyValueHeads: 1, headSize: 4, hidden: 24 }, random));
  const draws = 6000;
  const directions = normalRows(draws, 24, random).map((row) => row.map((value) => value / norm([row])));
  const scores = compositionScores(reader, denseFrom(directions));
  for (const kind of COMPOSITIONS) {
    reader.heads.forEach(({ random: baseline }, head) => {
      const squares = [...scores[kind].subarray(head * draws, (head + 1) * draws)].map((score) => score ** 2);
      const mean = squares.reduce((sum, value) => sum + value, 0) / draws;
      const spread = Math.sqrt(squares.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws);
      assert.equal(baseline[kind].mean, 1 / 24);
      assert.ok(Math.abs(mean * 24 - 1) < 0.05, `${kind}: ${String(mean * 24)}`);
      assert.ok(Math.abs(spread / baseline[kind].deviation - 1) < 0.08, `${kind}: ${String(spread)}`);
    });
  }
});

test('a later head that reads just what an earlier one writes scores 1, and one that reads nothing of it 0', () => {
  const random = seeded(8);
  const weights = randomHeads({ heads: 1, keyValueHeads: 1, headSize: 1, hidden: 9 }, random);
  const [u, v] = orthonormal(normalRows(2, 9, random));
  weights.key.values.set(u ?? []);
  weights.query.values.set(v ?? []);
  const scores = compositionScores(layerReader(weights), denseFrom([u ?? [], v ?? []]));
  agree(scores.K[0], 1, 'K of u');
  agree(scores.K[1], 0, 'K of v');
  agree(scores.Q[0], 0, 'Q of u');
  agree(scores.Q[1], 1, 'Q of v');
});

test('a factor of a Gram matrix gives it back, also where it has no full rank', () => {
  const random = seeded(9);
  const thin = times(normalRows(6, 3, random), normalRows(3, 11, random));
  for (const rows of [normalRows(5, 11, random), thin]) {
    const gram = gramOfRows(denseFrom(rows));
    const factor = gramFactor(gram);
    assert.equal(factor.rows, rows === thin ? 3 : 5);
    const back = times(turned(rowsFrom(factor)), rowsFrom(factor)).flat();
    back.forEach((value, at) => assert.ok(Math.abs(value - (gram.values[at] ?? NaN)) < 1e-11));
  }
  assert.equal(gramFactor(denseFrom([[0]])).rows, 0);
});

test('eigenvalues are the roots of the characteristic polynomial, real and in pairs', () => {
  // Companion matrix of (x − 2)(x + 3)(x² + 1)(x² − 2x + 5) = x⁶ − x⁵ − 2x⁴ + 16x³ − 33x² + 17x − 30.
  const coefficients = [-30, 17, -33, 16, -2, -1];
  const companion = coefficients.map((_, i) =>
    coefficients.map((__, j) => (j === 5 ? -(coefficients[i] ?? 0) : i === j + 1 ? 1 : 0)),
  );
  const found = (eigenvalues(denseFrom(companion)) ?? []).map(
    ({ real, imaginary }) => [Math.round(real * 1e9) / 1e9, Math.round(imaginary * 1e9) / 1e9] as const,
  );
  const expected = [
    [-3, 0],
    [0, -1],
    [0, 1],
    [1, -2],
    [1, 2],
    [2, 0],
  ];
  const sorted = found
    .map(([x, y]) => [x + 0, y + 0])
    .sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0));
  assert.deepEqual(sorted, expected);
});

test('eigenvalues of random matrices add up to the trace, and their squares to that of the square', () => {
  for (let seed = 0; seed < 12; seed++) {
    const rows = normalRows(1 + seed * 2, 1 + seed * 2, seeded(seed));
    const found = eigenvalues(denseFrom(rows)) ?? [];
    assert.equal(found.length, rows.length);
    const trace = (x: Rows) => x.reduce((sum, row, i) => sum + (row[i] ?? NaN), 0);
    agree(
      found.reduce((sum, { real }) => sum + real, 0),
      trace(rows),
      'trace',
    );
    const squares = found.reduce((sum, { real, imaginary }) => sum + real * real - imaginary * imaginary, 0);
    agree(squares, trace(times(rows, rows)), 'trace of the square');
  }
  assert.equal(
    eigenvalues(
      denseFrom([
        [NaN, 1],
        [1, 0],
      ]),
    ),
    null,
  );
});

const ALIGNMENTS: readonly Alignment[] = ['none', 'rotation', 'planes'];

test('heads that are the same lose nothing by pooling, whatever the alignment', () => {
  const head = denseFrom(normalRows(4, 10, seeded(10)));
  for (const alignment of ALIGNMENTS) agree(poolingResidual([head, head, head], alignment), 0, alignment);
  assert.equal(poolingResidual([denseFrom([[0, 0]]), denseFrom([[0, 0]])], 'rotation'), null);
});

test('without alignment the residual is that of subtracting the mean', () => {
  const random = seeded(11);
  const heads = [0, 1, 2].map(() => normalRows(2, 5, random));
  const mean = heads[0]?.map((row, i) =>
    row.map((_, j) => heads.reduce((s, h) => s + (h[i]?.[j] ?? NaN), 0) / 3),
  );
  const rest = heads.map((head) =>
    head.map((row, i) => row.map((value, j) => value - (mean?.[i]?.[j] ?? NaN))),
  );
  const expected =
    rest.reduce((s, each) => s + norm(each) ** 2, 0) / heads.reduce((s, each) => s + norm(each) ** 2, 0);
  agree(poolingResidual(heads.map(denseFrom), 'none'), expected, 'residual');
});

test('heads that differ by a rotation are found to be the same, and by rotary planes only where they differ by such', () => {
  const random = seeded(12);
  const head = normalRows(4, 12, random);
  const rotation = orthonormal(normalRows(4, 4, random));
  const any = [head, times(rotation, head)].map(denseFrom);
  agree(poolingResidual(any, 'rotation'), 0, 'rotation');
  assert.ok((poolingResidual(any, 'planes') ?? 0) > 0.01);
  const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
  const planes = [
    [c, 0, -s, 0],
    [0, s, 0, -c],
    [s, 0, c, 0],
    [0, c, 0, s],
  ];
  agree(poolingResidual([head, times(planes, head)].map(denseFrom), 'planes'), 0, 'planes');
});

/** Gram and Schmidt, twice. */
function orthonormal(rows: Rows): Rows {
  const done: Rows = [];
  for (const row of rows) {
    let left = row;
    for (let pass = 0; pass < 2; pass++) {
      for (const unit of done)
        left = left.map((value, at) => value - inner([left], [unit]) * (unit[at] ?? NaN));
    }
    done.push(left.map((value) => value / norm([left])));
  }
  return done;
}
