import assert from 'node:assert/strict';
import { success } from '../../src/protocol/result';
import { readZipDirectory } from '../../src/format/zip-directory';
import { zipFile } from '../graph/data/files';
import { expectResult } from './expectations';
import type { FuzzTarget } from './target';

/** The directory of a zip archive: names differ, bytes lie inside and overlap nothing. */
export const zip: FuzzTarget = {
  name: 'zip',
  modules: /format\/zip-(?:directory|local-headers)\.ts$/,
  seeds: () => [
    zipFile([
      { name: 'a', content: Buffer.from('one') },
      { name: 'b/c', content: Buffer.alloc(50), method: 8 },
    ]),
    zipFile([{ name: 'w', content: Buffer.from('wide'), wide: true }], { wideEnd: true, comment: 'hello' }),
    zipFile([]),
  ],
  async run(bytes) {
    const file = { path: '/fuzz/a.zip', bytes: bytes.length, modifiedMs: 0 };
    const listed = await readZipDirectory(file, (offset, length) => {
      assert.ok(offset >= 0 && length >= 0 && offset + length <= bytes.length, 'reads behind the end');
      return Promise.resolve(success(Uint8Array.from(bytes.subarray(offset, offset + length))));
    });
    const entries = expectResult(listed) ?? [];
    const names = new Set(entries.map(({ name }) => name));
    assert.equal(names.size, entries.length, 'a name twice');
    let end = 0;
    for (const { start, packedBytes } of [...entries].sort((a, b) => a.start - b.start)) {
      assert.ok(start >= end, 'two entries overlap');
      end = start + packedBytes;
    }
    assert.ok(end <= bytes.length, 'an entry beyond the end');
  },
};
