import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after } from 'node:test';
import { answer } from '../../src/server/analysis/answer';
import { MEMORY_BUDGET, type AnalysisContext } from '../../src/server/analysis/context';
import { DirectoryCache } from '../../src/server/analysis/directory-cache';
import { ResultCache } from '../../src/server/analysis/result-cache';
import { createPassRunner } from '../../src/tensor/pool';
import { temporaryFolder, writeTensors } from './files';

const folder = temporaryFolder();
const passes = createPassRunner({ workerFile: path.resolve('dist/tensor-worker.js'), workers: 1 });
after(async () => {
  await passes.close();
  fs.rmSync(folder, { recursive: true });
});

function context(changes: Partial<AnalysisContext>): AnalysisContext {
  return {
    passes,
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
    ...changes,
  };
}

function model(name: string, first: number): string {
  return writeTensors(path.join(folder, name, 'model.safetensors'), {
    'layers.0.weight': { shape: [2, 2], values: [first, 2, 3, 4] },
  });
}

const RUN = {
  lens: 'delta-profile',
  parameters: {},
  study: {
    name: 's',
    base: path.join(folder, 'base'),
    tasks: [{ name: 't', path: path.join(folder, 'task') }],
  },
};

test('a lens gives no numbers of a file that is written to while it runs, however it is put back', async () => {
  model('base', 1);
  const task = model('task', 2);
  const results = new ResultCache();
  const rewriting: AnalysisContext['passes'] = {
    run: async (items, options) => {
      const result = await passes.run(items, options);
      // The same size, and another time of modification.
      writeTensors(task, { 'layers.0.weight': { shape: [2, 2], values: [9, 9, 9, 9] } });
      return result;
    },
  };
  const found = await answer(
    'deltalens/runLens',
    { run: RUN, job: 'j' },
    context({ passes: rewriting, results }),
  );
  assert.ok(!found.ok);
  assert.deepEqual([found.problem.code, found.problem.path], ['file-changed', task]);
  // Nothing was kept: the next run reads the new numbers.
  const again = await answer('deltalens/runLens', { run: RUN, job: 'j' }, context({ results }));
  assert.ok(again.ok && again.value.bytesRead > 0);
});

test('a lens over files that stay as they are runs', async () => {
  model('base', 1);
  model('task', 2);
  const found = await answer('deltalens/runLens', { run: RUN, job: 'j' }, context({}));
  assert.ok(found.ok, found.ok ? '' : found.problem.message);
});

test('statistics of a tensor whose file is written to meanwhile are refused', async () => {
  const file = model('seen', 1);
  const rewriting: AnalysisContext['passes'] = {
    run: async (items, options) => {
      const result = await passes.run(items, options);
      model('seen', 7);
      return result;
    },
  };
  const params = { path: file, tensor: 'layers.0.weight' };
  const found = await answer('deltalens/tensor', params, context({ passes: rewriting }));
  assert.ok(!found.ok && found.problem.code === 'file-changed');
});

test('a conversion leaves nothing behind where its input is written to while it is read', async () => {
  const file = model('source', 1);
  const output = path.join(folder, 'converted.safetensors');
  const action = {
    kind: 'convert',
    path: file,
    metadata: 'keep',
    tied: 'once',
    mostShardBytes: null,
  } as const;
  let rewritten = false;
  const progress = (_: number, message: string) => {
    if (message !== 'Writing' || rewritten) return;
    rewritten = true;
    model('source', 5);
  };
  const write = { action, output, dryRun: false };
  const found = await answer('deltalens/write', { write, job: 'w' }, context({ progress }));
  assert.ok(rewritten);
  assert.ok(!found.ok && found.problem.code === 'file-changed');
  assert.deepEqual(
    fs.readdirSync(folder).filter((name) => name.includes('converted')),
    [],
  );
});
