import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readIndexDocument } from '../../src/lint/index-document';

const running = () => new AbortController().signal;

test('any weight map reads as JSON.parse reads it, with every key and value where it stands', async () => {
  const maps = fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }));
  const spaces = fc.constantFrom(0, 1, '\t');
  await fc.assert(
    fc.asyncProperty(maps, spaces, fc.jsonValue({ depthSize: 'small' }), async (weightMap, space, extra) => {
      const text = JSON.stringify(
        { extra, metadata: { more: extra, total_size: 7 }, weight_map: weightMap },
        null,
        space,
      );
      const document = await readIndexDocument(text, running());
      assert.ok(document?.complete);
      assert.equal(document.totalSize?.bytes, 7);
      assert.deepEqual(
        document.entries.map(({ tensor, shard }) => [tensor, shard]),
        Object.entries(weightMap),
      );
      for (const { tensor, shard, keyStart, keyEnd, valueStart, valueEnd } of document.entries) {
        assert.equal(JSON.parse(text.slice(keyStart, keyEnd)), tensor);
        assert.equal(JSON.parse(text.slice(valueStart, valueEnd)), shard);
      }
    }),
  );
});

test('a mutilated text is complete only where JSON.parse takes it', async () => {
  const right = JSON.stringify({ metadata: { total_size: 3 }, weight_map: { a: 'x', 'b"\\': 'y' } });
  const mutations = fc.tuple(fc.nat(right.length), fc.nat(3), fc.string({ maxLength: 2 }));
  await fc.assert(
    fc.asyncProperty(mutations, async ([at, cut, put]) => {
      const text = right.slice(0, at) + put + right.slice(at + cut);
      const document = await readIndexDocument(text, running());
      if (document?.complete) assert.doesNotThrow(() => JSON.parse(text) as unknown);
    }),
    { numRuns: 2000 },
  );
});

test('reading lets other work run, and stops when aborted', async () => {
  const entries = Array.from({ length: 60_000 }, (_, at) => `"model.layers.${at}.mlp.weight":"shard"`);
  const text = `{"weight_map":{${entries.join(',')}}}`;
  const controller = new AbortController();
  setImmediate(() => controller.abort());
  assert.equal(await readIndexDocument(text, controller.signal), null);
  assert.equal((await readIndexDocument(text, running()))?.entries.length, 60_000);
});
