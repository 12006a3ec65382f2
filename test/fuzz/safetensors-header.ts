import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { readHeader } from '../../src/format/safetensors-header';
import { expectFindings, expectResult } from './expectations';
import type { FuzzTarget } from './target';

/** The JSON of a safetensors header: tensors one behind the other, of the sizes of their shapes. */
export const safetensorsHeader: FuzzTarget = {
  name: 'safetensors-header',
  modules: /format\/(?:json-\w+|utf8|safetensors-(?:header|entry))\.ts$/,
  seeds: () =>
    [
      '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[],"data_offsets":[24,26]}}',
      '{"w":{"dtype":"F4","shape":[4],"data_offsets":[0,2]},"e":{"dtype":"I64","shape":[0,7],"data_offsets":[2,2]}} ',
      '{"__metadata__":null}',
    ].map((text) => Buffer.from(text)),
  run(bytes) {
    const header = expectResult(readHeader(bytes, '/fuzz/a.safetensors'));
    if (header === null) return;
    expectFindings(header.findings);
    let end = 0;
    for (const tensor of header.tensors) {
      assert.equal(tensor.start, end, 'a gap or an overlap');
      assert.ok(tensor.end >= tensor.start && Number.isSafeInteger(tensor.end));
      end = tensor.end;
    }
    assert.equal(header.dataBytes, end);
  },
};
