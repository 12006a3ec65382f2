import assert from 'node:assert/strict';
import { test } from 'node:test';
import { learnedWeights } from '../../../src/graph/gradients/targets';
import { prepareGraph } from '../../../src/graph/prepare-graph';
import { got } from '../got';
import { model, node, tensor, value } from '../onnx/models';

const CHANNELS = 2;
const vector = (name: string) => tensor(name, 'float32', [CHANNELS], [1, 2]);

function normalised(last: string) {
  return got(
    prepareGraph(
      model({
        nodes: [node('BatchNormalization', 'x scale bias mean variance', 'y'), node('Add', `y ${last}`, 'z')],
        inputs: [value('x', 'float32', [1, CHANNELS])],
        outputs: [value('z', 'float32')],
        initializers: ['scale', 'bias', 'mean', 'variance', 'shift'].map(vector),
      }),
      'float32',
    ),
  );
}

const NAMES = ['scale', 'bias', 'mean', 'variance', 'shift'];

test('running mean and variance of a batch normalisation are no targets of gradients', () => {
  assert.deepEqual(learnedWeights(normalised('shift'), NAMES), ['scale', 'bias', 'shift']);
});

test('a weight that also serves as a running mean stays a target', () => {
  assert.deepEqual(learnedWeights(normalised('mean'), NAMES), ['scale', 'bias', 'mean', 'shift']);
});
