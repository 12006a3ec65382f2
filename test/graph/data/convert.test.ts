import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { convertible, convertValue } from '../../../src/graph/data/convert';
import type { ElementType } from '../../../src/format/onnx/element-types';
import { emptyArray, type TensorValue } from '../../../src/graph/tensor-value';

function value(type: ElementType, numbers: readonly (number | bigint)[]): TensorValue {
  const data = emptyArray(type, numbers.length);
  numbers.forEach((x, i) => {
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(x);
    else data[i] = Number(x);
  });
  return { type, shape: [numbers.length], data };
}

function converted(from: ElementType, numbers: readonly (number | bigint)[], to: ElementType, round = false) {
  const result = convertValue(value(from, numbers), to, round);
  return 'data' in result ? Array.from({ length: result.data.length }, (_, i) => result.data[i]) : result;
}

test('a conversion gives back every value, or says which one it cannot', () => {
  const types: ElementType[] = [
    'int8',
    'uint8',
    'int16',
    'uint16',
    'int32',
    'uint32',
    'int64',
    'uint64',
    'float32',
    'float64',
  ];
  const numbers = fc.oneof(fc.integer(), fc.integer({ min: -300, max: 300 }), fc.double({ noNaN: true }));
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.array(numbers, { maxLength: 8 }), (to, given) => {
      const result = convertValue(value('float64', given), to, false);
      const array = emptyArray(to, 1);
      // What a typed array makes of a number and gives back is the number itself where it exists in the type.
      const exists = (x: number): boolean => {
        if (array instanceof BigInt64Array || array instanceof BigUint64Array) {
          if (!Number.isInteger(x)) return false;
          array[0] = BigInt(x);
          return array[0] === BigInt(x);
        }
        array[0] = x;
        return array[0] === x;
      };
      const first = given.findIndex((x) => !exists(x));
      if ('data' in result) {
        assert.equal(first, -1);
        assert.deepEqual(
          Array.from({ length: given.length }, (_, i) => Number(result.data[i])),
          given.map((x) => (to.startsWith('float') ? x : x + 0)),
        );
      } else assert.equal(result.position, first);
    }),
  );
});

test('64-bit whole numbers are compared digit by digit', () => {
  assert.deepEqual(converted('int64', [2n ** 53n], 'float64'), [2 ** 53]);
  assert.deepEqual(converted('int64', [1, 2n ** 53n + 1n], 'float64'), {
    position: 1,
    text: '9007199254740993',
  });
  assert.deepEqual(converted('int64', [2n ** 24n + 1n], 'float32'), { position: 0, text: '16777217' });
  assert.deepEqual(converted('int64', [2n ** 24n + 1n], 'float32', true), [2 ** 24]);
  assert.deepEqual(converted('int64', [-1], 'uint64'), { position: 0, text: '-1' });
  assert.deepEqual(converted('uint64', [2n ** 64n - 1n], 'int64'), {
    position: 0,
    text: '18446744073709551615',
  });
  assert.deepEqual(converted('int64', [-100, 2 ** 31 - 1], 'int32'), [-100, 2 ** 31 - 1]);
  assert.deepEqual(converted('int64', [2 ** 31], 'int32'), { position: 0, text: '2147483648' });
});

test('rounding is for digits, not for size, and not for whole numbers', () => {
  assert.deepEqual(converted('float64', [0.1], 'float32'), { position: 0, text: '0.1' });
  assert.deepEqual(converted('float64', [0.1], 'float32', true), [Math.fround(0.1)]);
  assert.deepEqual(converted('float64', [1e300], 'float32', true), { position: 0, text: '1e+300' });
  assert.deepEqual(converted('float64', [NaN, -Infinity], 'float32'), [NaN, -Infinity]);
  assert.deepEqual(converted('float32', [0.5], 'int64', true), { position: 0, text: '0.5' });
  assert.deepEqual(converted('float32', [NaN], 'int32', true), { position: 0, text: 'NaN' });
  assert.deepEqual(converted('uint8', [0, 1], 'bool'), [0, 1]);
  assert.deepEqual(converted('uint8', [2], 'bool'), { position: 0, text: '2' });
  assert.deepEqual(converted('bool', [1], 'int64'), [1n]);
});

test('half precision widens exactly', () => {
  assert.deepEqual(converted('float16', [0x3c00, 0x0001], 'float32'), [1, 2 ** -24]);
  assert.deepEqual(converted('bfloat16', [0x3f80, 0xc049], 'float32'), [1, -3.140625]);
});

test('what has no numbers cannot be converted', () => {
  for (const from of ['string', 'complex64', 'int4'] as const)
    assert.equal(convertible(from, 'float32'), false);
  assert.equal(convertible('float32', 'string'), false);
  assert.equal(convertible('int64', 'float32'), true);
});
