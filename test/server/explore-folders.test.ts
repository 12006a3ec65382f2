import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after } from 'node:test';
import { MEMORY_BUDGET, type AnalysisContext } from '../../src/server/analysis/context';
import { DirectoryCache } from '../../src/server/analysis/directory-cache';
import { explore } from '../../src/server/analysis/explore';
import { ResultCache } from '../../src/server/analysis/result-cache';
import { distributedFiles, ROWS, WHOLE } from '../format/torch-distributed-files';
import { tensorflowIndex } from '../format/tensorflow-files';
import { temporaryFolder } from './files';

const folder = temporaryFolder();
after(() => {
  fs.rmSync(folder, { recursive: true });
});

const CONTEXT: AnalysisContext = {
  passes: { run: () => Promise.reject(new Error('no values are read')) },
  directories: new DirectoryCache(),
  results: new ResultCache(),
  contents: null,
  signal: new AbortController().signal,
  memoryBudget: MEMORY_BUDGET,
  scanLimit: 0,
  askAbove: null,
  known: [],
  progress: () => undefined,
  log: () => undefined,
  partial: null,
};

function write(name: string, content: Uint8Array | string): void {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, content);
}

test('folders of torch.distributed and indexes of TensorFlow are listed, what only looks like them is not', async () => {
  for (const [name, bytes] of distributedFiles({ whole: WHOLE, rows: ROWS }))
    write(`step-100/${name}`, bytes);
  write('tf/ckpt-7.index', tensorflowIndex());
  write('tf/ckpt-7.data-00000-of-00001', new Uint8Array(16));
  write('other/faiss.index', 'text');
  write('other/model.index', 'text');
  write('other/.metadata', 'version: 1');
  const found = await explore({ roots: [folder] }, CONTEXT);
  assert.ok(found.ok);
  const entries = found.value.families.flatMap((family) => family.entries);
  assert.deepEqual(
    entries.map((entry) => [path.relative(folder, entry.path), entry.tensors, entry.problem]).sort(),
    [
      ['step-100', 2, undefined],
      ['tf/ckpt-7.index', 1, undefined],
    ],
  );
});
