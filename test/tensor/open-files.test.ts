import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { OpenFiles } from '../../src/tensor/open-files';
import type { TensorSpan } from '../../src/tensor/span';
import { seeded } from './oracle';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-open-'));
after(() => fs.rmSync(folder, { recursive: true }));

const SIZE = 200_000;
const random = seeded(3);
const contents = Uint8Array.from({ length: SIZE }, () => Math.floor(random() * 256));
const file = path.join(folder, 'file');
fs.writeFileSync(file, contents);

function span(offset: number, bytes: number): TensorSpan {
  return { path: file, offset, bytes, dtype: 'U8', shape: [bytes], count: bytes };
}

test('small and large reads in any order give the bytes of the file', () => {
  // Mostly one after the other, as tensors are read, with jumps back and forth.
  const step = fc.tuple(
    fc.oneof(
      { weight: 8, arbitrary: fc.nat(200) },
      { weight: 1, arbitrary: fc.integer({ min: -90_000, max: 90_000 }) },
    ),
    fc.oneof({ weight: 8, arbitrary: fc.nat(3000) }, { weight: 1, arbitrary: fc.nat(50_000) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const files = new OpenFiles();
      let position = 0;
      for (const [gap, length] of steps) {
        const start = Math.min(SIZE, Math.max(0, position + gap));
        const end = Math.min(SIZE, start + length);
        const target = new Uint8Array(end - start);
        assert.equal(files.read(span(start, end - start), 0, target), null);
        assert.deepEqual(target, contents.subarray(start, end));
        position = end;
      }
      files.close();
    }),
    { numRuns: 60 },
  );
});

test('a small read beyond the end of the file says that it changed, wherever reading began', () => {
  const files = new OpenFiles();
  for (let start = SIZE - 1000; start < SIZE - 100; start += 100) {
    assert.equal(files.read(span(start, 100), 0, new Uint8Array(100)), null);
  }
  const problem = files.read(span(SIZE - 50, 100), 0, new Uint8Array(100));
  assert.equal(problem?.code, 'file-changed');
  files.close();
});
