import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../src/tensor/decode';
import { encode } from '../../src/tensor/encode';

/** Every finite value of a 16-bit type, in ascending order, by its own decoder. */
function finiteValues(dtype: 'F16' | 'BF16'): number[] {
  const codes = Uint16Array.from({ length: 65536 }, (_, code) => code);
  const values = decode(dtype, new Uint8Array(codes.buffer), 65536);
  return [...new Set([...values].filter(Number.isFinite))].sort((a, b) => a - b);
}

for (const dtype of ['F16', 'BF16'] as const) {
  test(`every value of ${dtype} is encoded as itself, infinities and NaN too`, () => {
    const codes = Uint16Array.from({ length: 65536 }, (_, code) => code);
    const values = decode(dtype, new Uint8Array(codes.buffer), 65536);
    const again = decode(dtype, encode(dtype, values), 65536);
    assert.deepEqual(again, values);
  });

  test(`what lies between two values of ${dtype} goes to the nearer one, and halfway to the even one`, () => {
    const values = finiteValues(dtype);
    // Neighbours from all over the range; the middle of two is exact in float32.
    for (let i = 0; i + 1 < values.length; i += 37) {
      const [low = 0, high = 0] = [values[i], values[i + 1]];
      const middle = low / 2 + high / 2;
      const [down, half, up] = decode(
        dtype,
        encode(dtype, Float64Array.of(low + (middle - low) / 2, middle, high - (high - middle) / 2)),
        3,
      );
      assert.equal(down, low);
      assert.equal(up, high);
      const even = new Uint16Array(encode(dtype, Float64Array.of(low)).buffer)[0] ?? 0;
      assert.equal(half, even % 2 === 0 ? low : high);
    }
  });
}

test('what is too large for float16 becomes infinite', () => {
  const encoded = decode('F16', encode('F16', Float64Array.of(65519, 65520, -1e30)), 3);
  assert.deepEqual([...encoded], [65504, Infinity, -Infinity]);
});
