import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import { reduceMatrix } from '../../src/tensor/kernels/matrix';
import { MatrixReader } from '../../src/tensor/kernels/matrix-reader';
import { FactorRoom } from '../../src/tensor/kernels/stored-factors';
import type { MatrixOperation, MatrixOutcome, MatrixSource } from '../../src/tensor/matrix-source';
import { OpenFiles } from '../../src/tensor/open-files';
import type { TensorSpan } from '../../src/tensor/span';
import { slowMatrix } from '../lens/slow-matrix';
import { randomDelta, seeded } from './oracle';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-matrix-'));
const files = new OpenFiles();
after(() => {
  files.close();
  fs.rmSync(folder, { recursive: true });
});

/** A file of float32 numbers, and what is in it. */
function tensorFile(name: string, values: Float32Array): TensorSpan {
  const file = path.join(folder, name);
  fs.writeFileSync(file, new Uint8Array(values.buffer));
  return {
    path: file,
    offset: 0,
    bytes: values.byteLength,
    dtype: 'F32',
    shape: [values.length],
    count: values.length,
  };
}

function numbers(count: number, seed: number): Float32Array {
  const next = seeded(seed);
  return Float32Array.from({ length: count }, () => 2 * next() - 1);
}

function valuesOf(span: TensorSpan): number[] {
  return [...new Float32Array(new Uint8Array(fs.readFileSync(span.path)).buffer)];
}

function outcome(source: MatrixSource, operation: MatrixOperation): MatrixOutcome {
  const found = reduceMatrix({ kind: 'matrix', source, operation }, files);
  assert.ok(!('code' in found), 'code' in found ? found.message : '');
  return found;
}

function agree(source: MatrixSource): void {
  const operations: MatrixOperation[] = [
    { kind: 'values' },
    { kind: 'squares' },
    { kind: 'singularValues' },
    { kind: 'svd', rank: 3 },
    { kind: 'svd', rank: null },
  ];
  for (const operation of operations) {
    const expected = slowMatrix({ kind: 'matrix', source, operation }, valuesOf);
    const found = outcome(source, operation);
    for (const part of ['values', 'singular'] as const) {
      const slow = expected[part];
      const own = found[part];
      assert.equal(own === null, slow === null);
      // Of a low-rank sum only the values that can be other than 0 are given.
      own?.forEach((value, i) =>
        assert.ok(Math.abs(value - (slow?.[i] ?? 0)) < 1e-6, `${operation.kind} ${i}`),
      );
    }
    if (operation.kind === 'squares') {
      const [own = NaN, slow = NaN] = [found.squares?.[0], expected.squares?.[0]];
      assert.ok(Math.abs(own - slow) <= 1e-9 * Math.max(1, slow), `${String(own)} against ${String(slow)}`);
    }
    if (operation.kind !== 'svd') continue;
    const k = found.singular?.length ?? 0;
    const matrix = outcome(source, { kind: 'values' }).values;
    // Each triple: u holds σ·v when the matrix is applied from the left.
    for (let t = 0; t < k; t++) {
      for (let j = 0; j < source.columns; j++) {
        let sum = 0;
        for (let i = 0; i < source.rows; i++) {
          sum += (found.left?.[i * k + t] ?? NaN) * (matrix?.[i * source.columns + j] ?? NaN);
        }
        const right = (found.singular?.[t] ?? NaN) * (found.right?.[t * source.columns + j] ?? NaN);
        assert.ok(Math.abs(sum - right) < 1e-9);
      }
    }
  }
}

const VALUES = { kind: 'singularValues' } as const;
const base = tensorFile('base', numbers(240, 1));
const tuned = tensorFile('tuned', numbers(240, 2));
const delta = randomDelta(12, 20, 4, seeded(3));

test('tensors, task vectors, sums and slices are worked off as the slow oracle does it', () => {
  const dense = { kind: 'dense' as const, span: tuned };
  agree({ rows: 12, columns: 20, terms: [{ kind: 'tensor', weight: 1, span: base }] });
  agree({ rows: 5, columns: 20, terms: [{ kind: 'tensor', weight: 2, span: base, first: 40 }] });
  agree({ rows: 12, columns: 20, terms: [{ kind: 'delta', weight: 1, base, task: dense }] });
  agree({
    rows: 12,
    columns: 20,
    terms: [
      { kind: 'tensor', weight: 0.5, span: base },
      { kind: 'delta', weight: -1, base, task: { kind: 'lowRank', delta } },
      { kind: 'values', weight: 3, values: Float64Array.from(numbers(240, 4)) },
    ],
  });
});

test('the factors of a low-rank task vector are enough, also of a weight that is stored the other way round', () => {
  const lowRank = { kind: 'delta' as const, weight: 2, base, task: { kind: 'lowRank' as const, delta } };
  agree({ rows: 12, columns: 20, terms: [lowRank] });
  agree({ rows: 20, columns: 12, transposed: true, terms: [lowRank] });
  agree({ rows: 20, columns: 12, transposed: true, terms: [{ kind: 'tensor', weight: 1, span: base }] });
});

test('factors are read where the adapter stores them, one source after the other', () => {
  const stored = (columns: number, rows: number, transposed: boolean) => {
    const a = tensorFile(`a${columns}`, numbers(4 * columns, columns));
    const b = tensorFile(`b${rows}`, numbers(4 * rows, rows));
    const task = { kind: 'stored' as const, scale: 0.5, rank: 4, a, b, transposed };
    return { kind: 'delta' as const, weight: 2, base, task };
  };
  agree({ rows: 12, columns: 20, terms: [stored(20, 12, false)] });
  agree({ rows: 12, columns: 20, terms: [stored(12, 20, true)] });
  agree({ rows: 20, columns: 12, transposed: true, terms: [stored(20, 12, false)] });
  const { terms } = { terms: [stored(20, 12, false), stored(12, 20, true)] };
  agree({ rows: 12, columns: 20, terms });

  const room = new FactorRoom();
  const singular = (terms: MatrixSource['terms'], [rows, columns]: readonly [number, number]) => {
    const item = { kind: 'matrix' as const, source: { rows, columns, terms }, operation: VALUES };
    const found = reduceMatrix(item, files, undefined, room);
    assert.ok(!('code' in found));
    return found.singular;
  };
  // What an earlier, larger source left in the room is not taken for the next one's.
  for (const [rows, columns] of [
    [30, 25],
    [6, 8],
    [30, 25],
  ] as const) {
    const terms = [stored(columns, rows, false)];
    const slow = slowMatrix(
      { kind: 'matrix', source: { rows, columns, terms }, operation: VALUES },
      valuesOf,
    ).singular;
    singular(terms, [rows, columns])?.forEach((value, i) =>
      assert.ok(Math.abs(value - (slow?.[i] ?? 0)) < 1e-6),
    );
  }
});

test('what a fine-tune changed is read in float32 as float64 rounded', () => {
  const [rows, columns] = [50, 800];
  const [before, changed] = ['before', 'after'].map((name, at) =>
    tensorFile(name, numbers(rows * columns, at + 1)),
  );
  assert.ok(before && changed);
  const task = { kind: 'dense' as const, span: changed };
  const source = { rows, columns, terms: [{ kind: 'delta' as const, weight: 1, base: before, task }] };
  const reader = new MatrixReader(source, files, false);
  const singles = new Float32Array(49 * columns + 7);
  assert.ok(reader.readSingles(1, rows, singles));
  const doubles = new Float64Array(49 * columns);
  reader.read(1, rows, 0, columns, doubles);
  assert.deepEqual(singles.subarray(0, doubles.length), Float32Array.from(doubles));
  const half = { ...source, terms: [{ ...source.terms[0], weight: 0.5 }] } as MatrixSource;
  assert.equal(new MatrixReader(half, files, false).readSingles(1, rows, singles), false);
});

test('a file of factors that ends too soon is a problem', () => {
  const a = tensorFile('short', numbers(80, 1));
  const task = { kind: 'stored' as const, scale: 1, rank: 4, a, b: a, transposed: false };
  const beyond = { ...task, b: { ...a, offset: 8 } };
  const source = {
    rows: 20,
    columns: 20,
    terms: [{ kind: 'delta' as const, weight: 1, base, task: beyond }],
  };
  const found = reduceMatrix({ kind: 'matrix', source, operation: VALUES }, files);
  assert.ok('code' in found);
  assert.equal(found.code, 'file-changed');
});

test('entries that are not finite are counted, and leave no singular values', () => {
  const values = numbers(240, 5);
  values[3] = Number.NaN;
  values[200] = Number.POSITIVE_INFINITY;
  const span = tensorFile('broken', values);
  const source: MatrixSource = { rows: 12, columns: 20, terms: [{ kind: 'tensor', weight: 1, span }] };
  for (const operation of [{ kind: 'singularValues' }, { kind: 'svd', rank: 2 }] as const) {
    const found = outcome(source, operation);
    assert.deepEqual([found.nonFinite, found.singular, found.left], [2, null, null]);
  }
  assert.equal(outcome(source, { kind: 'values' }).nonFinite, 2);
});

test('the largest values of a large matrix come straight from its float32 rows, first row and all, and NaN is noticed', () => {
  const rows = 300;
  const columns = 420;
  const values = numbers(rows * columns, 6);
  for (let at = 0; at < values.length; at++) values[at] = (values[at] ?? 0) + 5 * Math.sin(at % columns);
  const operation = { kind: 'svd', rank: 4 } as const;
  const whole: MatrixSource = {
    rows: rows - 2,
    columns,
    terms: [{ kind: 'tensor', weight: 1, span: tensorFile('large', values), first: 2 * columns }],
  };
  const found = outcome(whole, operation);
  const all = outcome(whole, { kind: 'singularValues' });
  assert.ok(Math.abs((found.singular?.[0] ?? NaN) / (all.singular?.[0] ?? NaN) - 1) < 1e-6);
  // Only decoded one by one can a matrix be the double of its half.
  const [sole] = whole.terms;
  assert.ok(sole);
  const half = outcome({ ...whole, terms: [{ ...sole, weight: 0.5 }] }, operation);
  found.singular?.forEach((value, at) =>
    assert.ok(Math.abs(value - 2 * (half.singular?.[at] ?? NaN)) < 1e-6 * value),
  );

  values[values.length - 1] = Number.NaN;
  values[2 * columns] = Number.NEGATIVE_INFINITY;
  const span = tensorFile('large-broken', values);
  const broken = outcome(
    { ...whole, terms: [{ kind: 'tensor', weight: 1, span, first: 2 * columns }] },
    operation,
  );
  assert.deepEqual([broken.nonFinite, broken.singular], [2, null]);
});

test('a matrix that is too large says why, and is not read', () => {
  const rows = 100_000;
  const span = { ...base, path: '/nowhere', count: rows * rows, bytes: 4 * rows * rows };
  const source: MatrixSource = { rows, columns: rows, terms: [{ kind: 'tensor', weight: 1, span }] };
  for (const operation of [
    { kind: 'values' },
    { kind: 'singularValues' },
    { kind: 'svd', rank: null },
  ] as const) {
    const found = outcome(source, operation);
    assert.match(found.tooLarge ?? '', /100000 × 100000/);
    assert.equal(found.singular, null);
  }
});

test('a file that cannot be read is a problem, not an exception', () => {
  const span = { ...base, path: path.join(folder, 'missing') };
  const source: MatrixSource = { rows: 12, columns: 20, terms: [{ kind: 'tensor', weight: 1, span }] };
  const found = reduceMatrix({ kind: 'matrix', source, operation: { kind: 'singularValues' } }, files);
  assert.ok('code' in found);
});
