import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { expectFetching, withAllowance } from '../../../src/format/hub/allowance';
import { readSpan } from '../../../src/format/read';
import { MIRROR_BLOCK } from '../../../src/tensor/mirrored';
import { hubForTests, open, spanOf } from './hub-for-tests';

suite('What a request may fetch from the Hub unasked', () => {
  const fixture = hubForTests();

  /** Reads `count` blocks of the large tensor from a block on; the first one has come with the header. */
  async function read(first: number, count: number): Promise<string> {
    const span = spanOf(await open('hf://me/whole'), 'large');
    const bytes = count * MIRROR_BLOCK - span.offset;
    const part = { ...span, offset: first * MIRROR_BLOCK, bytes, shape: [bytes], count: bytes };
    const result = await readSpan(part);
    return result.ok ? 'read' : `${result.problem.code} ${result.problem.message}`;
  }

  test('more is refused before any of it comes, and headers come in any case', async () => {
    await withAllowance(0, async () => {
      await open('hf://me/whole');
      fixture.hub.sent = 0;
      const host = new URL(fixture.hub.endpoint).host;
      assert.equal(await read(1, 2), `hub-ask 524.3 kB of me/whole would be fetched from ${host}.`);
      expectFetching(4e6, ['me/whole', 'me/other']);
      assert.match(await read(1, 2), /Up to 4\.0 MB of me\/other, me\/whole would/);
      assert.equal(fixture.hub.sent, 0);
    });
    assert.equal(await read(1, 2), 'read');
  });

  test('what a request has fetched counts, what is here does not, and every request has its own', async () => {
    const twice = () =>
      withAllowance(2 * MIRROR_BLOCK, async () => [await read(1, 2), await read(1, 2), await read(4, 1)]);
    const [first, again, more] = await twice();
    assert.deepEqual([first, again], ['read', 'read']);
    assert.match(more ?? '', /^hub-ask 786\.4 kB/);
    assert.deepEqual(await twice(), ['read', 'read', 'read']);
    assert.equal(await withAllowance(null, () => read(6, 8)), 'read');
  });
});
