import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { networkInputs } from '../../src/server/analysis/network-inputs';
import type { Study } from '../../src/model/study';
import { temporaryFolder } from '../model/write-safetensors';

function studyIn(folder: string, options = {}): Study {
  for (const name of ['graph', 'base', 'pictures/cats'])
    fs.mkdirSync(path.join(folder, name), { recursive: true });
  const data = [
    { name: 'text', path: path.join(folder, 'text.txt'), options },
    { name: 'pictures', path: path.join(folder, 'pictures') },
  ];
  return {
    spec: { name: 'x', tasks: [], graph: path.join(folder, 'graph/model.onnx'), data },
    base: { files: [{ path: path.join(folder, 'base/model.safetensors') }] },
  } as unknown as Study;
}

test('whatever a run reads of graph and data changes their fingerprints, and nothing else does', async () => {
  const folder = temporaryFolder();
  const study = studyIn(folder);
  const prints = async (of = study) => (await networkInputs(of)).map(({ fingerprint }) => fingerprint);
  const changes: readonly (readonly [string, readonly boolean[]])[] = [
    ['graph/model.onnx', [true, false, false]],
    ['graph/weights.bin', [true, false, false]],
    ['text.txt', [false, true, false]],
    ['pictures/cats/1.png', [false, false, true]],
    ['base/tokenizer.json', [false, true, true]],
    ['base/preprocessor_config.json', [false, true, true]],
    ['pictures/preprocessor_config.json', [false, false, true]],
    ['notes.md', [false, false, false]],
  ];
  let before = await prints();
  for (const [file, expected] of changes) {
    fs.writeFileSync(path.join(folder, file), file);
    const after = await prints();
    assert.deepEqual(
      after.map((print, at) => print !== before[at]),
      expected,
      file,
    );
    before = after;
  }
  assert.deepEqual(await prints(), before);
  const [graph, text] = await prints(studyIn(folder, { labels: 'y' }));
  assert.equal(graph, before[0]);
  assert.notEqual(text, before[1]);
});
