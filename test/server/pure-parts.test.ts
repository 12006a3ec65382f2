import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import type { Finding } from '../../src/protocol/finding';
import { affectedBy, folderOf, type Dependents } from '../../src/server/affected';
import { histogramEdges } from '../../src/server/analysis/histogram-edges';
import { inParallel } from '../../src/server/analysis/in-parallel';
import { positionOf } from '../../src/model/tensor-position';
import { quickFixes } from '../../src/server/code-actions';
import { diagnosticOf, FindingStore } from '../../src/server/diagnostics';
import { pathOfUri, uriOfPath } from '../../src/server/file-uri';
import type { LensResult } from '../../src/protocol/artifact';
import { limitPartial } from '../../src/server/partial-limit';
import { limitProgress } from '../../src/server/progress-limit';
import { scanLimitFrom } from '../../src/server/settings';
import { TaskQueue } from '../../src/server/task-queue';
import { profileResult } from '../webview/sample-results';

function finding(file: string, message: string): Finding {
  return { code: 'some-code', severity: 'warning', path: file, message, help: 'Do this.' };
}

test('edges of a histogram rise from minimum to maximum, whatever the finite range', () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(finite, finite, fc.integer({ min: 1, max: 100 }), (a, b, bins) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      const edges = [...histogramEdges(low, high, bins)];
      assert.equal(edges.length, bins + 1);
      assert.ok(edges.every((edge, index) => index === 0 || edge >= (edges[index - 1] ?? 0)));
      assert.ok(edges.every(Number.isFinite));
      assert.ok((edges[0] ?? 0) <= low && (edges.at(-1) ?? 0) >= high);
    }),
  );
  assert.deepEqual([...histogramEdges(0, 1, 4)], [0, 0.25, 0.5, 0.75, 1]);
});

test('a flat index and its position in C order name the same entry', () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 });
  fc.assert(
    fc.property(shapes, fc.nat(), (shape, number) => {
      const flat = number % shape.reduce((product, size) => product * size, 1);
      const position = positionOf(flat, shape);
      assert.equal(
        shape.reduce((index, size, axis) => index * size + (position[axis] ?? Number.NaN), 0),
        flat,
      );
    }),
  );
});

test('progress never goes back, stays within 0 and 1, and comes at most ten times a second', () => {
  const sent: { fraction: number; at: number; message: string }[] = [];
  let now = 0;
  const progress = limitProgress(
    (fraction, message) => sent.push({ fraction, at: now, message }),
    () => now,
  );
  for (const fraction of [0, 0.5, 0.2, Number.NaN, 0.9, 7]) {
    progress(fraction, 'reading');
    now += 60;
  }
  assert.deepEqual(sent, [
    { fraction: 0, at: 0, message: 'reading' },
    { fraction: 0.5, at: 120, message: 'reading' },
    { fraction: 0.9, at: 240, message: 'reading' },
    { fraction: 1, at: 300, message: 'reading' },
  ]);
});

test('what a lens has so far is made now and then, and the less often the longer that takes', () => {
  let now = 0;
  const sent: number[] = [];
  const partial = limitPartial(
    () => sent.push(now),
    () => now,
  );
  const made = (): LensResult => {
    now += 100;
    return profileResult();
  };
  for (; now < 6000; now += 10) partial(made);
  assert.deepEqual(sent, [800, 2900, 5000]);
});

test('a file shows what every check has last said of it, the same thing once', () => {
  const store = new FindingStore();
  assert.deepEqual(store.set('/index', [finding('/shard', 'short'), finding('/index', 'wrong')]), [
    '/shard',
    '/index',
  ]);
  store.set('/shard', [finding('/shard', 'short'), finding('/shard', 'odd')]);
  const messages = (file: string) => store.of(file).map(({ message }) => message);
  assert.deepEqual(messages('/shard'), ['short', 'odd']);
  // The index is fine now; the shard's own check has not been repeated.
  assert.deepEqual(store.set('/index', []), ['/shard', '/index']);
  assert.deepEqual(messages('/index'), []);
  assert.deepEqual(messages('/shard'), ['short', 'odd']);
  store.set('/shard', []);
  assert.deepEqual(messages('/shard'), []);
  assert.deepEqual(store.checked(), []);
});

test('a finding without a range stands at the start of its file, its help on the second line', () => {
  const { range, message, severity, source } = diagnosticOf(finding('/x', 'It is short.'));
  assert.deepEqual(range, { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } });
  assert.deepEqual([message, severity, source], ['It is short.\nDo this.', 2, 'deltalens']);
});

const dependents: Dependents = {
  adapters: [
    { config: path.join('/w', 'lora', 'adapter_config.json'), base: path.join('/w', 'base') },
    { config: path.join('/w', 'other', 'adapter_config.json'), base: null },
  ],
  studies: [path.join('/w', 'a.study.yaml')],
};

test('weights that were written anew affect their own checks, those beside them, and adapters of that base', () => {
  const shard = path.join('/w', 'base', 'model-00001-of-00003.safetensors');
  assert.deepEqual(
    [...affectedBy(shard, 'written', dependents)].sort(),
    [
      shard,
      path.join('/w', 'base', 'adapter_config.json'),
      path.join('/w', 'base', 'model.safetensors.index.json'),
      path.join('/w', 'lora', 'adapter_config.json'),
      path.join('/w', 'a.study.yaml'),
    ].sort(),
  );
});

test('weights that appear may be the base that any adapter missed', () => {
  const file = path.join('/w', 'new', 'model.safetensors');
  const affected = affectedBy(file, 'came-or-went', dependents);
  for (const { config } of dependents.adapters) assert.ok(affected.includes(config));
});

test('a file that holds no weights affects no adapter', () => {
  const note = path.join('/w', 'base', 'notes.txt');
  assert.deepEqual(affectedBy(note, 'came-or-went', dependents), [note]);
});

test('the scan limit is taken in MiB from either form of the settings, and nonsense is not taken', () => {
  assert.equal(scanLimitFrom({ scanLimitMiB: 3 }), 3 * 2 ** 20);
  assert.equal(scanLimitFrom({ deltalens: { scanLimitMiB: 0 } }), 0);
  for (const settings of [
    null,
    undefined,
    5,
    {},
    { scanLimitMiB: -1 },
    { scanLimitMiB: '3' },
    { deltalens: null },
  ]) {
    assert.equal(scanLimitFrom(settings), undefined);
  }
});

test('paths survive the way to a URI and back, whatever is in their names', () => {
  for (const name of ['model.safetensors', 'a b', 'ä#?%20', '[x]']) {
    const file = path.resolve(name);
    assert.equal(pathOfUri(uriOfPath(file)), file);
  }
  assert.equal(pathOfUri('untitled:Untitled-1'), null);
  assert.equal(pathOfUri('file://%zz'), null);
});

test('quick fixes come for findings that touch the place, each with edits of its own documents', () => {
  const at = (line: number) => ({ start: { line, character: 2 }, end: { line, character: 5 } });
  const fix = { title: 'Mend', edits: [{ path: '/x', range: at(1), newText: 'ok' }] };
  const findings = [
    { ...finding('/x', 'one'), range: at(1), fixes: [fix] },
    { ...finding('/x', 'two'), range: at(2), fixes: [{ ...fix, title: 'Other' }] },
    { ...finding('/x', 'three'), range: at(1) },
  ];
  const actions = quickFixes(findings, at(1), (file) => ({ uri: uriOfPath(file), version: 4 }));
  assert.deepEqual(
    actions.map(({ title }) => title),
    ['Mend'],
  );
  assert.deepEqual(actions[0]?.edit?.documentChanges, [
    { textDocument: { uri: 'file:///x', version: 4 }, edits: [{ range: at(1), newText: 'ok' }] },
  ]);
});

test('work in parallel keeps the order of the items and its width', async () => {
  let running = 0;
  let most = 0;
  const outcomes = await inParallel([5, 1, 3, 2, 4], 2, async (item) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, item));
    running--;
    return item * 10;
  });
  assert.deepEqual(outcomes, [50, 10, 30, 20, 40]);
  assert.equal(most, 2);
});

test('a task added under the key of a running one cancels it and starts after it', async () => {
  const queue = new TaskQueue(2);
  const events: string[] = [];
  await new Promise<void>((resolve) => {
    queue.add('a', async (signal) => {
      await new Promise((aborted) => signal.addEventListener('abort', aborted, { once: true }));
      events.push('first cancelled');
    });
    queue.add('a', () => {
      events.push('second');
      resolve();
      return Promise.resolve();
    });
  });
  assert.deepEqual(events, ['first cancelled', 'second']);
});

test('the folder of an entry is where its file lies, whatever container that is of', () => {
  for (const name of [
    'model.safetensors',
    'pytorch_model.bin',
    'a.pt',
    'b.PTH',
    'c.ckpt',
    'adapter_config.json',
  ]) {
    assert.equal(folderOf({ path: `/w/model/${name}` }), '/w/model');
  }
  assert.equal(folderOf({ path: '/w/model' }), '/w/model');
});
