import assert from 'node:assert/strict';
import test from 'node:test';
import { nearestTensor } from '../../src/extension/panels/nearest-tensor';

const factors = [
  'base_model.model.model.layers.1.mlp.up_proj.lora_A.weight',
  'base_model.model.model.layers.1.mlp.up_proj.lora_B.weight',
  'base_model.model.model.layers.11.mlp.up_proj.lora_A.weight',
];

test('a tensor that is there is found as it is', () => {
  assert.equal(nearestTensor(['a.weight', 'a.bias'], 'a.bias'), 'a.bias');
});

test("the base's tensor leads to the first factor of its module in an adapter", () => {
  assert.equal(nearestTensor(factors, 'model.layers.1.mlp.up_proj.weight'), factors[0]);
  assert.equal(nearestTensor(factors, 'model.layers.11.mlp.up_proj.weight'), factors[2]);
});

test('a module that an adapter leaves alone is not confused with one of a similar name', () => {
  assert.equal(nearestTensor(factors, 'model.layers.1.mlp.up.weight'), null);
});
