import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after, suite } from 'node:test';
import fc from 'fast-check';
import { OpenFiles } from '../../src/tensor/open-files';
import type { TensorSpan } from '../../src/tensor/span';
import { halfFrom } from '../../src/tensor/stored/blocks/block-format';
import { BLOCK_FORMATS, type BlockName } from '../../src/tensor/stored/blocks/registry';
import { BlockKernels } from '../../src/tensor/wasm/block-kernels';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-blocks-'));
after(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

const NAMES = Object.keys(BLOCK_FORMATS) as BlockName[];

/** First 32 digits of the SHA-256 of what ggml (d99724f) makes of 64 blocks of {@link noise}, with 0 for what is not a number. */
const GGML: Partial<Record<BlockName, string>> = {
  Q4_0: 'd182f5736fb824a2d5c1b34a0554bb7f',
  Q4_1: '116aa50d3bbf7f31f2639c88fc7973a6',
  Q5_0: 'e1ec4040af96ac0d450004bf7c693cd9',
  Q5_1: '88290549d59a9ca5d2624ae328961a63',
  Q8_0: '0795a4f9faffd1e3e70bc930f1688474',
  Q2_K: '266ee0057ab677aadc5b4efff8289d57',
  Q3_K: '81f1ebca577e83c1eb3cd52c23956069',
  Q4_K: '0ea1ec3c5bd73a3c7a17748afbba2b20',
  Q5_K: 'c5d8478f7eb394f3086e13d9cd6f042e',
  Q6_K: '42a67c7bf58ee76b237d6f67ce89121f',
  Q8_K: '95382cd5e0f3b8e3c6cc2ac18feb3329',
  IQ1_S: 'edb269b829309934335fe0af67437727',
  IQ1_M: 'd5e55ce9c48a29081394293ce73e80e9',
  IQ2_XXS: 'b6a5a6cfba0968c99158e6fc9be553c3',
  IQ2_XS: 'c92105d9f9b3ba927352a8c8da1ae454',
  IQ2_S: '394add3a37d5d611434d006bbaa640d4',
  IQ3_XXS: 'd10c9b348971e671f8a6fb567a590684',
  IQ3_S: 'c08e1ed3d3b568c2397202df38e63b40',
  IQ4_NL: 'b79719b42913d52858b2a0c72564ae12',
  IQ4_XS: 'c0efa3008224d88dfd9eff62150ee856',
  TQ1_0: '8e08cf0b4cab74b867e69aca6006de6f',
  TQ2_0: 'f507cbe6af5ea4f8751114f8c20f7255',
  MXFP4: '74e20c96b814fee136bcc0e7c47a9e17',
  NVFP4: 'f55b2e8bc9966542b1d62078e7d99ec5',
  Q1_0: 'bf03e1840876fdc45565e21d4d9afd51',
  Q2_0: '2f1576e3fe63dfccb7ffcde0c660b9c0',
};

/** Bytes that look random: the upper eight bits of a 32-bit xorshift generator. */
function noise(length: number): Uint8Array {
  let state = 0x9e3779b9;
  return new Uint8Array(length).map(() => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 24;
  });
}

/** A tensor of so many blocks in a file of its own. */
function blocksOnDisk(format: BlockName, blocks: Uint8Array, bigEndian = false): TensorSpan {
  const file = path.join(
    folder,
    `${format}-${createHash('sha256').update(blocks).digest('hex').slice(0, 8)}`,
  );
  fs.writeFileSync(file, Buffer.concat([Buffer.alloc(5), blocks]));
  const place = { path: file, offset: 5, bytes: blocks.length };
  const count = (blocks.length / BLOCK_FORMATS[format].bytes) * BLOCK_FORMATS[format].elements;
  const source: TensorSpan = { ...place, dtype: 'U8', shape: [blocks.length], count: blocks.length };
  const stored = { kind: 'blocks', ...place, label: format, format, bigEndian, source } as const;
  return { path: file, offset: 0, bytes: 4 * count, dtype: 'F32', shape: [count], count, stored };
}

function readValues(span: TensorSpan): Float32Array {
  const bytes = new Uint8Array(span.bytes);
  const files = new OpenFiles();
  assert.equal(files.read(span, 0, bytes), null);
  files.close();
  return new Float32Array(bytes.buffer);
}

function plain(format: BlockName, blocks: Uint8Array): Float32Array {
  const { elements, bytes } = BLOCK_FORMATS[format];
  const values = new Float32Array((blocks.length / bytes) * elements);
  BLOCK_FORMATS[format].dequantise(blocks, blocks.length / bytes, values);
  return values;
}

/** Little-endian half precision of 1, 2, ½, ¼. */
const [ONE, TWO, HALF, QUARTER] = [
  [0x00, 0x3c],
  [0x00, 0x40],
  [0x00, 0x38],
  [0x00, 0x34],
] as const;

suite('Blocks of quantised elements', () => {
  test('every type gives the values that ggml gives, bit for bit', () => {
    for (const name of NAMES.filter((each) => GGML[each] !== undefined)) {
      const values = plain(name, noise(64 * BLOCK_FORMATS[name].bytes)).map((value) =>
        Number.isNaN(value) ? 0 : value,
      );
      const hash = createHash('sha256').update(Buffer.from(values.buffer)).digest('hex');
      assert.equal(hash.slice(0, 32), GGML[name], name);
    }
  });

  test('half precision is decoded as IEEE 754 has it', () => {
    assert.equal(halfFrom(0x3c00), 1);
    assert.equal(halfFrom(0xc000), -2);
    assert.equal(halfFrom(0x7bff), 65504);
    assert.equal(halfFrom(0x0001), 2 ** -24);
    assert.equal(halfFrom(0x0400), 2 ** -14);
    assert.equal(halfFrom(0xfc00), -Infinity);
    assert.ok(Object.is(halfFrom(0x8000), -0));
    assert.ok(Number.isNaN(halfFrom(0x7e00)));
  });

  test('Q4_0 is (q − 8) · d, lower halves of bytes first', () => {
    const block = Uint8Array.of(...HALF, ...Array.from({ length: 16 }, (_, i) => i | ((15 - i) << 4)));
    const expected = Array.from({ length: 32 }, (_, i) => (i < 16 ? i - 8 : 31 - i - 8) / 2);
    assert.deepEqual([...plain('Q4_0', block)], expected);
  });

  test('Q5_1 takes fifth bits from its word and adds the least value', () => {
    const block = Uint8Array.of(
      ...TWO,
      ...QUARTER,
      0xff,
      0x00,
      0x00,
      0x80,
      ...new Array<number>(16).fill(0x21),
    );
    const expected = Array.from({ length: 32 }, (_, i) => {
      const code = (i < 16 ? 1 : 2) + (i < 8 || i === 31 ? 16 : 0);
      return 2 * code + 0.25;
    });
    assert.deepEqual([...plain('Q5_1', block)], expected);
  });

  test('Q8_1 has its sum behind the scale, which changes no value', () => {
    const block = Uint8Array.of(...TWO, 1, 2, ...Array.from({ length: 32 }, (_, i) => i - 16));
    assert.deepEqual(
      [...plain('Q8_1', block)],
      Array.from({ length: 32 }, (_, i) => 2 * (i - 16)),
    );
  });

  test('Q4_K has a scale and a least value of six bits for every 32', () => {
    // Group g has scale 8g + 1 and least value 63 − 8g; element i of it has code (i + g) mod 16.
    const block = new Uint8Array(144);
    block.set([...ONE, ...HALF]);
    for (let g = 0; g < 8; g++) {
      const [scale, least] = [8 * g + 1, 63 - 8 * g];
      if (g < 4) {
        block[4 + g] = (block[4 + g] ?? 0) | scale;
        block[8 + g] = (block[8 + g] ?? 0) | least;
      } else {
        block[g] = (block[g] ?? 0) | ((scale >> 4) << 6);
        block[4 + g] = (block[4 + g] ?? 0) | ((least >> 4) << 6);
        block[8 + g] = (scale & 15) | ((least & 15) << 4);
      }
      for (let i = 0; i < 32; i++) {
        const at = 16 + 32 * (g >> 1) + i;
        block[at] = (block[at] ?? 0) | (((i + g) & 15) << (4 * (g & 1)));
      }
    }
    const expected = Array.from({ length: 256 }, (_, n) => {
      const [g, i] = [n >> 5, n & 31];
      return (8 * g + 1) * ((i + g) & 15) - (63 - 8 * g) / 2;
    });
    assert.deepEqual([...plain('Q4_K', block)], expected);
  });

  test('MXFP4 has the values of E2M1 times a power of two', () => {
    const block = Uint8Array.of(128, ...Array.from({ length: 16 }, (_, i) => i | (((i + 1) & 15) << 4)));
    const sizes = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
    const expected = Array.from({ length: 32 }, (_, n) => {
      const code = n < 16 ? n : (n + 1) & 15;
      return 2 * (sizes[code & 7] ?? 0) * (code > 7 ? -1 : 1) + 0;
    });
    assert.deepEqual(
      Array.from(plain('MXFP4', block), (value) => value + 0),
      expected,
    );
  });

  test('vector kernels give the same bits as the plain ones', () => {
    const kernels = BlockKernels.ofThread();
    assert.ok(kernels, 'dist/tensor-blocks.wasm is missing: node scripts/build.mjs makes it');
    for (const name of NAMES) {
      const { bytes, elements } = BLOCK_FORMATS[name];
      const count = Math.ceil(70_000 / bytes);
      const blocks = noise(count * bytes);
      const target = new Uint8Array(count * elements * 4);
      kernels.dequantise(name, blocks, count, bytes, elements, target);
      const [values, expected] = [new Float32Array(target.buffer), plain(name, blocks)];
      const wrong = expected.findIndex((value, i) => !Object.is(value, values[i]));
      assert.equal(wrong, -1, name);
    }
  });

  test('any part of a tensor reads as that part of the whole', () => {
    fc.assert(
      fc.property(
        fc.record({
          format: fc.constantFrom(...NAMES),
          at: fc.nat(2500),
          length: fc.nat(2500),
          shift: fc.nat(3),
        }),
        ({ format, at, length, shift }) => {
          const { bytes, elements } = BLOCK_FORMATS[format];
          const span = blocksOnDisk(format, noise(Math.ceil(768 / elements) * bytes));
          const whole = new Uint8Array(readValues(span).buffer);
          const [first, end] = [Math.min(at, whole.length), Math.min(at + length, whole.length)];
          const target = new Uint8Array(end - first + shift).subarray(shift);
          const files = new OpenFiles();
          assert.equal(files.read(span, first, target), null);
          files.close();
          assert.deepEqual(target, whole.slice(first, end));
        },
      ),
      { numRuns: 150 },
    );
  });

  test('a big-endian file has the bytes of wide numbers in reverse order', () => {
    for (const format of NAMES) {
      const { bytes, wide } = BLOCK_FORMATS[format];
      const blocks = noise(3 * bytes);
      const turned = blocks.slice();
      for (let block = 0; block < 3; block++) {
        for (const [place, size, count] of wide) {
          for (let n = 0; n < count; n++) {
            const at = block * bytes + place + n * size;
            turned.set(blocks.slice(at, at + size).reverse(), at);
          }
        }
      }
      const [expected, values] = [plain(format, blocks), readValues(blocksOnDisk(format, turned, true))];
      assert.deepEqual([...values], [...expected], format);
    }
  });

  test('a file that ends inside a block is reported, not read as zeros', () => {
    const span = blocksOnDisk('Q6_K', noise(420));
    fs.truncateSync(span.path, 300);
    const files = new OpenFiles();
    const problem = files.read(span, 0, new Uint8Array(span.bytes));
    files.close();
    assert.equal(problem?.code, 'file-changed');
  });
});
