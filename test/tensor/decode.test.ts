import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bitsOf, bytesFor, decode, decodeInto, decoder } from '../../src/tensor/decode';
import { DTYPES, type DtypeName } from '../../src/tensor/dtype';

/**
 * The formats as their specifications print them: bits, bias, which magnitudes are special. A value is an integer
 * significand times a power of two, so nothing here is rounded.
 */
function specified(dtype: DtypeName, code: number): number {
  const layouts: Partial<Record<DtypeName, readonly [exponent: number, mantissa: number, bias: number]>> = {
    F16: [5, 10, 15],
    F8_E4M3: [4, 3, 7],
    F8_E5M2: [5, 2, 15],
    F8_E4M3FNUZ: [4, 3, 8],
    F8_E5M2FNUZ: [5, 2, 16],
    F6_E2M3: [2, 3, 1],
    F6_E3M2: [3, 2, 3],
    F4: [2, 1, 1],
  };
  const layout = layouts[dtype];
  assert.ok(layout, dtype);
  const [exponentBits, mantissaBits, bias] = layout;
  const bits = code.toString(2).padStart(1 + exponentBits + mantissaBits, '0');
  const negative = bits.startsWith('1');
  const exponent = bits.slice(1, 1 + exponentBits);
  const mantissa = bits.slice(1 + exponentBits);
  const magnitude = bits.slice(1);
  if (dtype.endsWith('FNUZ') && negative && !magnitude.includes('1')) return NaN;
  if (dtype === 'F8_E4M3' && magnitude === '1111111') return NaN;
  if ((dtype === 'F16' || dtype === 'F8_E5M2') && !exponent.includes('0')) {
    return mantissa.includes('1') ? NaN : negative ? -Infinity : Infinity;
  }
  const subnormal = !exponent.includes('1');
  const significand = parseInt((subnormal ? '0' : '1') + mantissa, 2);
  const power = (subnormal ? 1 : parseInt(exponent, 2)) - bias - mantissaBits;
  return (negative ? -1 : 1) * significand * 2 ** power;
}

function assertSameNumbers(actual: Float64Array, expected: readonly number[], what: string): void {
  assert.equal(actual.length, expected.length);
  for (const [i, value] of expected.entries()) {
    if (!Object.is(actual[i], value)) assert.fail(`${what} ${i}: ${actual[i]}, expected ${value}`);
  }
}

test('every F16 bit pattern has the value of IEEE 754', () => {
  const codes = Uint16Array.from({ length: 65536 }, (_, code) => code);
  const actual = decode('F16', new Uint8Array(codes.buffer), codes.length);
  assertSameNumbers(
    actual,
    Array.from(codes, (code) => specified('F16', code)),
    'F16',
  );
});

test('every BF16 bit pattern is the binary32 with sixteen zero bits appended', () => {
  const codes = Uint16Array.from({ length: 65536 }, (_, code) => code);
  const view = new DataView(new ArrayBuffer(4));
  const expected = Array.from(codes, (code) => {
    view.setUint32(0, code * 65536);
    return view.getFloat32(0);
  });
  assertSameNumbers(decode('BF16', new Uint8Array(codes.buffer), codes.length), expected, 'BF16');
});

for (const dtype of ['F8_E4M3', 'F8_E5M2', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ'] as const) {
  test(`every ${dtype} byte has the value of its specification`, () => {
    const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
    const expected = Array.from(codes, (code) => specified(dtype, code));
    assertSameNumbers(decode(dtype, codes, 256), expected, dtype);
  });
}

test('the 8-bit types have the extremes that their specifications list', () => {
  const extremes = (dtype: DtypeName) => {
    const values = decode(
      dtype,
      Uint8Array.from({ length: 256 }, (_, code) => code),
      256,
    );
    const positive = [...values].filter((x) => x > 0 && x < Infinity);
    return [Math.max(...positive), Math.min(...positive), [...values].filter(Number.isNaN).length];
  };
  assert.deepEqual(extremes('F8_E4M3'), [448, 2 ** -9, 2]);
  assert.deepEqual(extremes('F8_E5M2'), [57344, 2 ** -16, 6]);
  assert.deepEqual(extremes('F8_E4M3FNUZ'), [240, 2 ** -10, 1]);
  assert.deepEqual(extremes('F8_E5M2FNUZ'), [57344, 2 ** -17, 1]);
  assert.deepEqual(extremes('F8_E8M0'), [2 ** 127, 2 ** -127, 1]);
});

test('F8_E8M0 is a bare power of two', () => {
  const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
  const expected = Array.from(codes, (code) => (code === 255 ? NaN : Math.pow(2, code - 127)));
  assertSameNumbers(decode('F8_E8M0', codes, 256), expected, 'F8_E8M0');
});

test('F4 holds the sixteen values of E2M1, the low half of a byte first', () => {
  const bytes = Uint8Array.of(0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe);
  const magnitudes = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
  assertSameNumbers(decode('F4', bytes, 16), [...magnitudes, ...magnitudes.map((x) => -x)], 'F4');
});

for (const dtype of ['F6_E2M3', 'F6_E3M2'] as const) {
  test(`${dtype} is packed four to three bytes, from the lowest bit up`, () => {
    // The bit string of all 64 codes, code 0 in the lowest bits.
    let stream = 0n;
    for (let code = 63; code >= 0; code--) stream = (stream << 6n) | BigInt(code);
    const bytes = Uint8Array.from({ length: 48 }, (_, i) => Number((stream >> BigInt(8 * i)) & 255n));
    const expected = Array.from({ length: 64 }, (_, code) => specified(dtype, code));
    assertSameNumbers(decode(dtype, bytes, 64), expected, dtype);
    assert.equal(Math.max(...expected), dtype === 'F6_E2M3' ? 7.5 : 28);
  });
}

test('integers and doubles agree with a DataView at every alignment and odd length', () => {
  const readers: Partial<Record<DtypeName, (view: DataView, at: number) => number>> = {
    F64: (view, at) => view.getFloat64(at, true),
    F32: (view, at) => view.getFloat32(at, true),
    I64: (view, at) => Number(view.getBigInt64(at, true)),
    U64: (view, at) => Number(view.getBigUint64(at, true)),
    I32: (view, at) => view.getInt32(at, true),
    U32: (view, at) => view.getUint32(at, true),
    I16: (view, at) => view.getInt16(at, true),
    U16: (view, at) => view.getUint16(at, true),
    I8: (view, at) => view.getInt8(at),
    U8: (view, at) => view.getUint8(at),
    BOOL: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
    F16: (view, at) => specified('F16', view.getUint16(at, true)),
    BF16: (view, at) => {
      const wide = new DataView(new ArrayBuffer(4));
      wide.setUint16(0, view.getUint16(at, true));
      return wide.getFloat32(0);
    },
  };
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 8, maxLength: 300 }),
      fc.nat(7),
      fc.constantFrom(...Object.keys(readers)),
      (raw, shift, name) => {
        const dtype = name as DtypeName;
        const bytes = raw.subarray(shift);
        const size = bitsOf(dtype) / 8;
        const count = Math.floor(bytes.length / size);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const expected = Array.from({ length: count }, (_, i) => readers[dtype]?.(view, i * size) ?? NaN);
        assertSameNumbers(decode(dtype, bytes, count), expected, dtype);
      },
    ),
  );
});

test('unaligned bytes of a Node Buffer are decoded like those of any other array', () => {
  const whole = Buffer.from(Uint8Array.of(9, 9, 9, 0, 0, 128, 63, 1));
  assert.deepEqual([...decode('F32', whole.subarray(3), 1)], [1]);
  assert.deepEqual([...decode('U16', whole.subarray(5), 1)], [0x3f80]);
});

test('extremes of every wide type survive: subnormals, infinities, NaN, minus zero, the largest integers', () => {
  const doubles = Float64Array.of(5e-324, -0, Infinity, -Infinity, NaN, Number.MAX_VALUE);
  assertSameNumbers(decode('F64', new Uint8Array(doubles.buffer), 6), [...doubles], 'F64');
  const floats = Float32Array.of(2 ** -149, -0, Infinity, -Infinity, NaN);
  assertSameNumbers(decode('F32', new Uint8Array(floats.buffer), 5), [...floats], 'F32');
  const unsigned = BigUint64Array.of(2n ** 64n - 1n, 2n ** 53n + 1n);
  assertSameNumbers(decode('U64', new Uint8Array(unsigned.buffer), 2), [2 ** 64, 2 ** 53], 'U64');
  const signed = BigInt64Array.of(-(2n ** 63n), -1n);
  assertSameNumbers(decode('I64', new Uint8Array(signed.buffer), 2), [-(2 ** 63), -1], 'I64');
});

test('complex numbers never pass for real ones', () => {
  const bytes = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  assertSameNumbers(decode('C64', bytes, 2), [NaN, NaN], 'C64');
  assertSameNumbers(decode('C128', bytes, 1), [NaN], 'C128');
});

test('elements that the bytes do not hold are NaN', () => {
  assertSameNumbers(decode('U16', Uint8Array.of(1, 0, 7), 3), [1, NaN, NaN], 'U16');
});

test('decodeInto overwrites all of the array that it is given', () => {
  const target = new Float64Array(3).fill(9);
  assert.equal(decodeInto('I8', Uint8Array.of(1, 255, 3), target), target);
  assert.deepEqual([...target], [1, -1, 3]);
});

test('a decoder that starts anywhere delivers the same as decoding from the start, for every type', () => {
  const types = DTYPES.map((dtype) => dtype.name).filter((name) => name !== 'C64' && name !== 'C128');
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.uint8Array({ minLength: 48, maxLength: 96 }),
      fc.nat(5),
      (dtype, bytes, first) => {
        const all = decode(dtype, bytes, 6);
        const part = new Float64Array(6 - first);
        decoder(dtype, bytes)(first, part.length, part);
        assertSameNumbers(part, [...all.subarray(first)], dtype);
      },
    ),
  );
});

test('sizes in bytes count a partly used last byte', () => {
  assert.equal(bytesFor('F4', 3), 2);
  assert.equal(bytesFor('F6_E2M3', 5), 4);
  assert.equal(bytesFor('BF16', 3), 6);
});
