import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import test, { suite } from 'node:test';
import { temporaryFolder } from './files';
import { floats, ggufFile, numbers, openWhole, valuesOf, type Value } from './gguf-files';

const folder = temporaryFolder();
const NVFP4 = 40;

const architecture = (name: string): readonly (readonly [string, Value])[] => [
  ['general.architecture', ['string', name]],
];

/** A block of 64 elements, all 1 (code 2 of E2M1, twice a half) times the E4M3 scale 1. */
const ONES = [0x38, 0x38, 0x38, 0x38, ...new Array<number>(32).fill(0x22)];

suite('Scales beside weights of GGUF', () => {
  test('NVFP4 is multiplied by the scale of its tensor, which is no tensor of its own then', async () => {
    const path = paths.join(folder, 'one.gguf');
    const tensors = [
      {
        name: 'blk.0.attn_v.weight',
        dimensions: [64, 2],
        type: NVFP4,
        data: Buffer.from([...ONES, ...ONES]),
      },
      { name: 'blk.0.attn_v.scale', dimensions: [1], type: 0, data: floats([0.375]) },
      { name: 'blk.0.attn_output.weight', dimensions: [64, 1], type: NVFP4, data: Buffer.from(ONES) },
    ];
    fs.writeFileSync(path, ggufFile(architecture('qwen3'), tensors));
    const checkpoint = await openWhole(path);
    const [v, o] = ['model.layers.0.self_attn.v_proj.weight', 'model.layers.0.self_attn.o_proj.weight'];
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      [v, o],
    );
    assert.deepEqual([...(await valuesOf(checkpoint, v))], new Array(128).fill(0.375));
    assert.deepEqual([...(await valuesOf(checkpoint, o))], new Array(64).fill(1));
  });

  test('NVFP4 of experts is multiplied by the scale of each', async () => {
    const path = paths.join(folder, 'experts.gguf');
    const tensors = [
      {
        name: 'blk.0.ffn_up_exps.weight',
        dimensions: [64, 1, 2],
        type: NVFP4,
        data: Buffer.from([...ONES, ...ONES]),
      },
      { name: 'blk.0.ffn_up_exps.scale', dimensions: [2], type: 0, data: floats([0.5, 3]) },
    ];
    fs.writeFileSync(path, ggufFile(architecture('qwen3moe'), tensors));
    const checkpoint = await openWhole(path);
    for (const [expert, scale] of [0.5, 3].entries()) {
      const name = `model.layers.0.mlp.experts.${String(expert)}.up_proj.weight`;
      assert.deepEqual([...(await valuesOf(checkpoint, name))], new Array(64).fill(scale));
    }
  });

  test('gate and up of experts in one tensor are the matrices of each', async () => {
    const path = paths.join(folder, 'fused.gguf');
    fs.writeFileSync(
      path,
      ggufFile(architecture('qwen3moe'), [numbers('blk.3.ffn_gate_up_exps.weight', [2, 4, 3])]),
    );
    const checkpoint = await openWhole(path);
    const stem = 'model.layers.3.mlp.experts';
    assert.equal(checkpoint.tensors.length, 6);
    assert.deepEqual([...(await valuesOf(checkpoint, `${stem}.1.gate_proj.weight`))], [8, 9, 10, 11]);
    assert.deepEqual([...(await valuesOf(checkpoint, `${stem}.2.up_proj.weight`))], [20, 21, 22, 23]);
  });
});
