import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { before, suite, test } from 'node:test';
import { LISTINGS } from '../../../src/format/hub/kept';
import { missingRuns } from '../../../src/format/hub/mirror-file';
import { makeRoom } from '../../../src/format/hub/room';
import { hubSettings } from '../../../src/format/hub/settings';
import { MIRROR_BLOCK } from '../../../src/tensor/mirrored';
import { hubForTests, model, open } from './hub-for-tests';
import { COMMIT } from './hub-server';

suite('Copies of files of the Hub', () => {
  const fixture = hubForTests();
  before(() => {
    fixture.hub.publish('me/sub', { 'vae/model.safetensors': model(1), 'vae/config.json': '{}' });
  });

  test('missing runs are whole blocks, joined, and no longer than one request takes', () => {
    const held = new Uint8Array([0, 1, 0, 0, 0]);
    const bytes = 4 * MIRROR_BLOCK + 5;
    const B = MIRROR_BLOCK;
    assert.deepEqual(missingRuns(held, bytes, [[0, 1]]), [[0, B]]);
    assert.deepEqual(missingRuns(held, bytes, [[0, bytes]]), [
      [0, B],
      [2 * B, bytes],
    ]);
    assert.deepEqual(missingRuns(held, bytes, [[B + 3, 2 * B]]), []);
    assert.deepEqual(missingRuns(held, bytes, [[5, 5]]), []);
    const many = missingRuns(new Uint8Array(200), 200 * B, [[0, 200 * B]]);
    assert.deepEqual(
      many.map(([start, end]) => (end - start) / B),
      [64, 64, 64, 8],
    );
  });

  test('copies that were not used for longest go when there is too much', async () => {
    await open('hf://me/whole');
    await open('hf://me/sub/vae/model.safetensors');
    const settings = hubSettings();
    const copy = (name: string) =>
      paths.join(settings.folder, new URL(fixture.hub.endpoint).host.replace(':', '_'), name, COMMIT);
    fs.utimesSync(paths.join(copy('me--whole'), LISTINGS), 1, 1);
    // The first block of each, and configurations.
    await makeRoom({ ...settings, mostBytes: 2 * MIRROR_BLOCK + 1000 }, copy('me--sub'));
    assert.ok(fs.existsSync(copy('me--whole')));
    await makeRoom({ ...settings, mostBytes: MIRROR_BLOCK }, copy('me--sub'));
    assert.ok(!fs.existsSync(copy('me--whole')) && fs.existsSync(copy('me--sub')));
  });
});
