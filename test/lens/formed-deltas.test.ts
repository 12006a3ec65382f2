// Adapters that are no small product: lenses must see in them what they see in the merged checkpoint.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { after, test } from 'node:test';
import { deltaProfile } from '../../src/lens/delta-profile';
import type { Lens } from '../../src/lens/lens';
import { oneBit } from '../../src/lens/one-bit';
import { signConflict } from '../../src/lens/sign-conflict';
import { spectrum } from '../../src/lens/spectrum';
import { subspaceAlignment } from '../../src/lens/subspace-alignment';
import { taskSimilarity } from '../../src/lens/task-similarity';
import { openStudy } from '../../src/model/open-study';
import type { Study } from '../../src/model/study';
import { createPassRunner } from '../../src/tensor/pool';
import { matrix, written } from '../model/adapters/build';
import { temporaryFolder, writeSafetensors, type Written } from '../model/write-safetensors';
import { run, type Row } from './run';

const WORKER = path.resolve(import.meta.dirname, '../../dist/tensor-worker.js');
assert.ok(fs.existsSync(WORKER), 'these tests need the built worker: npm run build');
const passes = createPassRunner({ workerFile: WORKER, workers: 1 });
after(() => passes.close());

const LAYERS = ['model.layers.0', 'model.layers.1'];
const weight = (layer: number): number[][] => matrix(8, 6, layer + 3);
/** Powers of two: the merged weight is exact in float32. */
const L = [2, 0.5, 1, 4, 2, 1, 0.25, 2];

/** (IA)³, and the checkpoint into which it was merged by hand. */
async function twins(): Promise<Study> {
  const folder = temporaryFolder();
  const name = (layer: string) => `${layer}.self_attn.k_proj`;
  const each = (make: (layer: number) => [string, Written]): Record<string, Written> =>
    Object.fromEntries(LAYERS.map((_, layer) => make(layer)));
  const base = writeSafetensors(
    path.join(folder, 'base/model.safetensors'),
    each((layer) => [`${name(LAYERS[layer] ?? '')}.weight`, written(weight(layer))]),
  );
  const merged = writeSafetensors(
    path.join(folder, 'merged/model.safetensors'),
    each((layer) => [
      `${name(LAYERS[layer] ?? '')}.weight`,
      written(weight(layer).map((row, i) => row.map((value) => value * (L[i] ?? NaN)))),
    ]),
  );
  const adapter = writeSafetensors(
    path.join(folder, 'ia3/adapter_model.safetensors'),
    each((layer) => [`base_model.model.${name(LAYERS[layer] ?? '')}.ia3_l`, { shape: [8, 1], values: L }]),
  );
  fs.writeFileSync(path.join(folder, 'ia3/adapter_config.json'), JSON.stringify({ peft_type: 'IA3' }));
  const opened = await openStudy({
    name: 'twins',
    base,
    tasks: [
      { name: 'merged', path: merged },
      { name: 'adapter', path: adapter },
    ],
  });
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  assert.deepEqual(opened.value.findings, []);
  return opened.value;
}

test('a formed task vector and that of the merged checkpoint have a cosine of 1', async () => {
  const study = await twins();
  const ran = await run(taskSimilarity, study, {}, passes);
  const cosines = ran.table('pairs').map((row) => row['cosine']);
  assert.ok(cosines.length > 0);
  for (const cosine of cosines) assert.ok(Math.abs(Number(cosine) - 1) < 1e-12, String(cosine));
});

const LENSES: readonly Lens[] = [deltaProfile, spectrum, oneBit, signConflict, subspaceAlignment];

for (const lens of LENSES) {
  test(`${lens.description.id} shows of an adapter what it shows of the merged checkpoint`, async () => {
    const study = await twins();
    const { artifacts } = await run(lens, study, {}, passes);
    let compared = 0;
    for (const artifact of artifacts) {
      // What it takes to store them differs.
      if (
        artifact.id === 'storage' ||
        artifact.kind !== 'table' ||
        !artifact.columns.some(({ name }) => name === 'task')
      )
        continue;
      const rows = artifact.rows.map((cells): Row =>
        Object.fromEntries(artifact.columns.map(({ name }, at) => [name, cells[at] ?? null])),
      );
      const [own, others] = ['adapter', 'merged'].map((task) => rows.filter((row) => row['task'] === task));
      assert.equal(own?.length, others?.length, artifact.id);
      for (const [at, row] of (own ?? []).entries()) {
        for (const { name, type } of artifact.columns) {
          const [x, y] = [row[name], others?.[at]?.[name]];
          if (typeof x !== 'number' || type === 'bytes' || /bits|ratio|stored|rank$/.test(name)) continue;
          const scale = Math.max(Math.abs(x), Math.abs(Number(y)), 1);
          assert.ok(Math.abs(x - Number(y)) <= 1e-9 * scale, `${artifact.id}.${name}: ${x} and ${String(y)}`);
          compared++;
        }
      }
    }
    if (lens === deltaProfile || lens === spectrum || lens === oneBit)
      assert.ok(compared > 0, 'something was compared');
  });
}
