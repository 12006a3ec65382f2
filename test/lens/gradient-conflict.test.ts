import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gradientConflict } from '../../src/lens/gradient-conflict';
import type { GradientsReference } from './reference';
import { cell, FIXTURES, networkStudy, only, readJson, run } from './run';

const TASKS = ['rot90', 'invert', 'vflip'];

function close(actual: unknown, expected: number, near: number, what: string): void {
  assert.ok(
    typeof actual === 'number' && Math.abs(actual - expected) <= near,
    `${what}: ${String(actual)} is not ${String(expected)}`,
  );
}

test('cosines and norms of mean gradients are those of PyTorch, in every scope', async () => {
  const reference = readJson<GradientsReference>(FIXTURES, 'vit-digits-gradients.json');
  const ran = await run(gradientConflict, await networkStudy(TASKS), { samples: 250 });
  const rows = ran.table('pairs');
  assert.deepEqual(Object.keys(rows[0] ?? {}).slice(0, 6), ['scope', 'a', 'b', 'cosine', 'norm_a', 'norm_b']);
  const scopes: GradientsReference['tensors'] = {
    all: reference.all,
    ...reference.layers,
    ...reference.tensors,
  };
  assert.equal(rows.length, 3 * Object.keys(scopes).length);
  const whole = reference.all.norm;
  for (const row of rows) {
    const [scope, a, b] = [String(row['scope']), String(row['a']), String(row['b'])];
    const expected = scopes[scope];
    assert.ok(expected, scope);
    const { norm, cos } = expected;
    const [own, other] = [norm[a] ?? NaN, norm[b] ?? NaN];
    if (own < 1e-12 * (whole[a] ?? 0)) {
      // A softmax does not see a shift of all its scores: the biases of keys have no gradient.
      assert.match(scope, /key\.bias$/);
      assert.deepEqual([row['cosine'], row['norm_a']], [null, null]);
      continue;
    }
    close(row['norm_a'], own, 1e-4 * own, `${scope} ${a}`);
    close(row['norm_b'], other, 1e-4 * other, `${scope} ${b}`);
    const cosine = cos[reference.tasks.indexOf(a)]?.[reference.tasks.indexOf(b)] ?? NaN;
    close(row['cosine'], cosine, 1e-4, `${scope} ${a} ${b}`);
  }
  const matrix = ran.matrix('tasks');
  const pair = only(rows, { scope: 'all', a: 'rot90', b: 'invert' });
  assert.equal(cell(matrix, 'invert', 'rot90'), pair['cosine']);
  assert.equal(cell(matrix, 'rot90', 'rot90'), 1);
});

test('a task compared with itself agrees in every sign, whatever it is called', async () => {
  const study = await networkStudy(['rot90', 'invert'], ['clean']);
  const rows = (await run(gradientConflict, study, { samples: 16 })).table('pairs');
  for (const row of rows.filter(({ cosine }) => cosine !== null)) {
    close(row['cosine'], 1, 1e-6, String(row['scope']));
    assert.equal(row['opposed'], 0);
    assert.equal(row['norm_a'], row['norm_b']);
  }
});

test('one task is not enough to conflict with', async () => {
  const output = await gradientConflict.run(
    await networkStudy(['rot90']),
    {},
    {
      passes: { run: () => assert.fail('nothing is read') },
      signal: new AbortController().signal,
      memoryBudget: 2 ** 20,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.equal(output.ok ? 'ok' : output.problem.code, 'lens-needs-tasks');
});
