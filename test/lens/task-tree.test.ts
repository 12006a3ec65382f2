import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { branch, costOf, type Depth } from '../../src/lens/branching';
import { taskTree } from '../../src/lens/task-tree';
import { temporaryFolder, writeSafetensors } from '../model/write-safetensors';
import { agree, cell, only, run, SAMPLES, study } from './run';

/** Three tasks; cosines between 0 and 1, 0 and 2, 1 and 2. */
function depth(row: string, [a, b, c]: readonly [number, number, number]): Depth {
  const cosines = [1, a, b, a, 1, c, b, c, 1];
  return { row, label: row, parameters: 10, distances: Float64Array.from(cosines, (value) => 1 - value) };
}

test('tasks stay together while they agree, and never come back together', () => {
  const branches = branch(
    [depth('0', [0.9, 0.8, 0.7]), depth('1', [0.9, 0.1, 0.2]), depth('2', [0.9, 0.9, 0.9])],
    3,
    0.5,
  );
  assert.deepEqual(
    branches.map(({ groups }) => groups),
    [
      [0, 0, 0],
      [0, 0, 1],
      [0, 0, 1],
    ],
  );
  assert.equal(costOf(branches), 10 + 20 + 20);
  assert.deepEqual(
    branches.map(({ agreement }) => Math.round((agreement ?? NaN) * 1e6) / 1e6),
    [0.8, 0.9, 0.9],
  );
});

test('a threshold of −1 shares everything, one of 1 nothing that differs', () => {
  const depths = [depth('0', [-0.9, 0.8, 0.7]), depth('1', [0.9, 0.1, 0.2])];
  assert.equal(costOf(branch(depths, 3, -1)), 20);
  assert.equal(costOf(branch(depths, 3, 1)), 60);
});

test('a higher threshold never costs less', async () => {
  const ran = await run(
    taskTree,
    await study(path.join(SAMPLES, 'vit-digits'), 'base', ['rot90', 'invert', 'vflip']),
  );
  const cuts = ran.table('cuts');
  assert.equal(cuts[0]?.['share'], 1 / 3);
  assert.equal(cuts.at(-1)?.['agreement'], 1);
  // The classifier is frozen, but branches that parted below it stay apart.
  assert.equal(cuts.at(-1)?.['share'], 1);
  cuts.forEach((row, at) => {
    assert.ok((row['cost'] as number) >= ((cuts[at - 1]?.['cost'] as number | undefined) ?? 0));
  });
});

test('layers that nobody changed are shared, and the tree says from where on tasks part', async () => {
  const folder = temporaryFolder();
  const write = (name: string, middle: readonly number[], top: readonly number[]) =>
    writeSafetensors(path.join(folder, name, 'model.safetensors'), {
      'model.layers.0.mlp.up_proj.weight': { shape: [2], values: [1, 1] },
      'model.layers.1.mlp.up_proj.weight': { shape: [2], values: middle },
      'model.layers.2.mlp.up_proj.weight': { shape: [2], values: top },
    });
  write('base', [0, 0], [0, 0]);
  write('x', [1, 0], [1, 0]);
  write('y', [1, 0.1], [0, 1]);
  write('z', [-1, 0], [-1, 0]);
  const ran = await run(taskTree, await study(folder, 'base', ['x', 'y', 'z']), { agreement: 0.5 });
  const rows = ran.table('branches');
  assert.deepEqual(
    rows.map((row) => [row['layer'], row['branches'], row['groups'], row['cost']]),
    [
      ['model.layers.0', 1, 'x + y + z', 2],
      ['model.layers.1', 2, 'x + y | z', 4],
      ['model.layers.2', 3, 'x | y | z', 6],
      ['all', 3, null, 12],
    ],
  );
  agree(only(rows, { layer: 'model.layers.1' })['agreement'], 1 / Math.hypot(1, 0.1), 'agreement of x and y');
  const note = ran.artifacts.find(({ id }) => id === 'advice');
  assert.ok(note?.kind === 'note' && note.role === 'recommendation');
  assert.match(note.text, /^Share layer 0 among all tasks/);
  assert.match(note.text, /\nFrom layer 1 on keep together: x \+ y \| z\./);
  assert.match(note.text, /\nThe tree costs 66\.7 % of 3 separate networks\./);
  const tree = ran.artifacts.find(({ id }) => id === 'branching');
  assert.ok(tree?.kind === 'tree');
  agree(tree.merges[0]?.height, 1 / 3, 'x and y part above two thirds of the network');
  assert.equal(cell(ran.matrix('branch-map'), 'layer 1', 'y'), 0);
  assert.ok(ran.artifacts.some(({ id }) => id === 'tree:model.layers.1'));
});
