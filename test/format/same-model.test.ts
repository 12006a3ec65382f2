import assert from 'node:assert/strict';
import * as paths from 'node:path';
import { test } from 'node:test';
import { deltaProfile } from '../../src/lens/delta-profile';
import { run, study } from '../lens/run';
import { testContainer } from './real-libraries';

testContainer('same');

const FOLDER = paths.resolve(import.meta.dirname, '../fixtures/containers/files/same');
const CONTAINERS = [
  'model.npz', 'packed.npz', 'model.pt', 'legacy.pt', 'model.h5', 'model.msgpack', 'model.onnx', 'tf.index',
]; // prettier-ignore

test('one model in nine containers is the same to a lens: every value of every tensor', async () => {
  const ran = await run(deltaProfile, await study(FOLDER, 'model.safetensors', CONTAINERS));
  const rows = ran.table('tensors');
  assert.equal(rows.length, 4 * CONTAINERS.length);
  for (const row of rows) {
    assert.deepEqual(
      [row['norm'], row['cosine'], row['identical_share']],
      [0, 1, 1],
      `${String(row['task'])}: ${String(row['tensor'])}`,
    );
  }
});
