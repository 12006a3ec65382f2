import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { before, suite, test } from 'node:test';
import { fetchingPasses } from '../../../src/format/hub/fetch-spans';
import { readSpan } from '../../../src/format/read';
import { success } from '../../../src/protocol/result';
import { MIRROR_BLOCK } from '../../../src/tensor/mirrored';
import { OpenFiles } from '../../../src/tensor/open-files';
import type { PassRunner } from '../../../src/tensor/pass';
import { safetensorsFile } from '../files';
import { hubForTests, model, open, spanOf } from './hub-for-tests';
import { COMMIT } from './hub-server';

suite('Opening models of the Hub', () => {
  const fixture = hubForTests();
  before(() => {
    const shard = (name: string) =>
      safetensorsFile({ [name]: { dtype: 'U8', shape: [8192], data_offsets: [0, 8192] } }, 8192);
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
    const index = JSON.stringify({ weight_map: { a: shards[0], b: shards[1] } });
    fixture.hub.publish('me/sharded', {
      'model.safetensors.index.json': index,
      [shards[0]]: shard('a'),
      [shards[1]]: shard('b'),
    });
    fixture.hub.publish('me/sub', { 'vae/model.safetensors': model(1), 'vae/config.json': '{}' });
  });

  test('opening fetches the configuration and headers alone', async () => {
    const checkpoint = await open('hf://me/whole');
    assert.equal(checkpoint.path, 'hf://me/whole');
    assert.deepEqual(
      checkpoint.tensors.map(({ name, span }) => [name, span.bytes]),
      [
        ['large', 4 * 2 ** 20],
        ['small', 8],
      ],
    );
    assert.ok(fs.existsSync(paths.join(paths.dirname(checkpoint.files[0]?.path ?? ''), 'config.json')));
    assert.ok(
      fixture.hub.sent > 0 && fixture.hub.sent <= MIRROR_BLOCK,
      `${String(fixture.hub.sent)} bytes came`,
    );
    assert.ok(!fixture.hub.asked.some(({ path }) => path.includes('README')));
  });

  test('values come in the blocks that hold them, once', async () => {
    const span = spanOf(await open('hf://me/whole'), 'large');
    fixture.hub.sent = 0;
    const read = await readSpan({
      ...span,
      offset: span.offset + 3 * 2 ** 20,
      bytes: 8,
      shape: [8],
      count: 8,
    });
    assert.ok(read.ok);
    assert.deepEqual([...new Uint32Array(read.value.buffer)], [3 * 2 ** 20, 3 * 2 ** 20 + 4]);
    assert.equal(fixture.hub.sent, MIRROR_BLOCK);
    const again = await readSpan({
      ...span,
      offset: span.offset + 3 * 2 ** 20,
      bytes: 8,
      shape: [8],
      count: 8,
    });
    assert.ok(again.ok && fixture.hub.sent === MIRROR_BLOCK);
    // Another process finds them, too; opening again is free but for asking which commit it is.
    const opened = await open('hf://me/whole');
    assert.equal(fixture.hub.sent, MIRROR_BLOCK);
    assert.equal(opened.fingerprint, (await open('hf://me/whole')).fingerprint);
  });

  test('what has not come is never read as zeros: workers refuse it', async () => {
    const span = spanOf(await open('hf://me/whole'), 'small');
    const files = new OpenFiles();
    const target = new Uint8Array(8);
    assert.equal(files.read(span, 0, target)?.code, 'hub-copy');
    const read = await readSpan(span);
    assert.ok(read.ok);
    assert.equal(files.read(span, 0, target), null);
    assert.deepEqual([...target], new Array(8).fill(7));
    files.close();
  });

  test('a pass gets what it reads before it runs, with progress, and nothing where all is here', async () => {
    const { tensors } = await open('hf://me/whole');
    const told: [number, number][] = [];
    const seen: number[] = [];
    const inner: PassRunner = {
      run: (items) => {
        const files = new OpenFiles();
        for (const item of items) {
          if (item.kind !== 'moments') continue;
          const bytes = new Uint8Array(item.span.bytes);
          assert.equal(files.read(item.span, 0, bytes), null);
          seen.push(new DataView(bytes.buffer).getUint32(bytes.length - 4, true));
        }
        files.close();
        return Promise.resolve(success([]));
      },
    };
    const passes = fetchingPasses(inner, (done, total) => told.push([done, total]));
    const items = tensors.map(({ span }) => ({ kind: 'moments', span }) as const);
    const { signal } = new AbortController();
    assert.ok((await passes.run(items, { signal })).ok);
    assert.deepEqual(seen, [4 * 2 ** 20 - 4, 0x07070707]);
    const [, total] = told[0] ?? [];
    assert.deepEqual(told.at(-1), [total, total]);
    // All but the block that opening fetched.
    assert.ok(total !== undefined && total < 4 * 2 ** 20 + 1000 && total > 3.7 * 2 ** 20);
    told.length = 0;
    assert.ok((await passes.run(items, { signal })).ok);
    assert.deepEqual(told, []);
  });

  test('a pass that is cancelled fetches no more', async () => {
    const { tensors } = await open('hf://me/whole');
    const controller = new AbortController();
    const passes = fetchingPasses({ run: () => assert.fail('the pass ran') }, () => controller.abort());
    const items = tensors.map(({ span }) => ({ kind: 'moments', span }) as const);
    const result = await passes.run(items, { signal: controller.signal });
    assert.ok(!result.ok && result.problem.code === 'cancelled');
  });

  test('shards of an index open as one, each by its own header', async () => {
    const checkpoint = await open('hf://me/sharded');
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      ['a', 'b'],
    );
    assert.equal(checkpoint.container, 'safetensors (sharded)');
    const file = await open('hf://me/sharded/model-00002-of-00002.safetensors');
    assert.deepEqual(
      file.tensors.map(({ name }) => name),
      ['b'],
    );
  });

  test('a file in a folder, and a commit by its number', async () => {
    assert.equal((await open('hf://me/sub/vae/model.safetensors')).tensors.length, 2);
    assert.equal((await open(`hf://me/whole@${COMMIT}/model.safetensors`)).tensors.length, 2);
  });

  test('a listing of several pages is read to its end', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `note-${String(index)}.txt`);
    const notes = Object.fromEntries(names.map((name) => [name, name]));
    fixture.hub.publish('me/many', { ...notes, 'z.safetensors': model(1) });
    assert.equal((await open('hf://me/many')).tensors.length, 2);
    const pages = fixture.hub.asked.filter(({ path }) => path.includes('/tree/'));
    assert.equal(pages.length, 3);
  });

  test('a small file that Git itself keeps opens, too', async () => {
    const data = { small: { dtype: 'U8', shape: [8], data_offsets: [0, 8] } } as const;
    fixture.hub.publish('me/tiny', { 'model.safetensors': safetensorsFile(data, 8) });
    const read = await readSpan(spanOf(await open('hf://me/tiny'), 'small'));
    assert.ok(read.ok && read.value.length === 8);
  });
});
