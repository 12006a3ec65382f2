import { node, tensor } from '../onnx/models';
import { ints, unary } from './case-parts';
import type { Case } from './check';

/** What moves, joins, cuts and gathers elements. */
export const SHAPES: Readonly<Record<string, readonly Case[]>> = {
  Reshape: [
    { nodes: [node('Reshape', 'x s', 'y')], inputs: { x: [2, 6] }, constants: [ints('s', [0, 2, -1])] },
  ],
  Flatten: [unary('Flatten', { axis: 2 }, [2, 1, 3])],
  Squeeze: [{ nodes: [node('Squeeze', 'x', 'y')], inputs: { x: [2, 1, 3] } }],
  Unsqueeze: [
    { nodes: [node('Unsqueeze', 'x a', 'y')], inputs: { x: [2, 3] }, constants: [ints('a', [0, -1])] },
  ],
  Transpose: [unary('Transpose', {}, [2, 3, 4]), unary('Transpose', { perm: [1, 2, 0] }, [2, 3, 4])],
  Expand: [{ nodes: [node('Expand', 'x s', 'y')], inputs: { x: [2, 1] }, constants: [ints('s', [3, 2, 4])] }],
  Concat: [{ nodes: [node('Concat', 'a b a', 'y', { axis: -1 })], inputs: { a: [2, 1], b: [2, 3] } }],
  Split: [
    {
      nodes: [node('Split', 'x s', 'y z', { axis: 1 })],
      inputs: { x: [2, 4] },
      constants: [ints('s', [1, 3])],
      outputs: ['y', 'z'],
    },
    { nodes: [node('Split', 'x', 'z y', { axis: 0, num_outputs: 2 })], inputs: { x: [4, 2] } },
  ],
  Slice: [
    {
      nodes: [node('Slice', 'x s e a', 'y')],
      inputs: { x: [4, 5] },
      constants: [ints('s', [1, -3]), ints('e', [Number.MAX_SAFE_INTEGER, -1]), ints('a', [0, 1])],
    },
    {
      nodes: [node('Slice', 'x s e a t', 'y')],
      inputs: { x: [4, 5] },
      constants: [ints('s', [-1, 0]), ints('e', [-100, 5]), ints('a', [0, 1]), ints('t', [-1, 2])],
    },
  ],
  Pad: [
    { nodes: [node('Pad', 'x p', 'y')], inputs: { x: [2, 3] }, constants: [ints('p', [1, 0, 0, 2])] },
    {
      nodes: [node('Pad', 'x p c', 'y')],
      inputs: { x: [2, 3] },
      constants: [ints('p', [0, -1, 1, 1]), tensor('c', 'float32', [], [5])],
    },
    {
      nodes: [node('Pad', 'x p', 'y', { mode: 'reflect' })],
      inputs: { x: [2, 3] },
      constants: [ints('p', [1, 2, 0, 1])],
    },
    {
      nodes: [node('Pad', 'x p', 'y', { mode: 'edge' })],
      inputs: { x: [2, 3] },
      constants: [ints('p', [1, 2, 0, 1])],
    },
    {
      nodes: [node('Pad', 'x p - a', 'y')],
      inputs: { x: [2, 3] },
      constants: [ints('p', [1, 2]), ints('a', [-1])],
    },
  ],
  Tile: [{ nodes: [node('Tile', 'x r', 'y')], inputs: { x: [2, 3] }, constants: [ints('r', [2, 3])] }],
  Trilu: [
    { nodes: [node('Trilu', 'x', 'y', { upper: 0 })], inputs: { x: [2, 3, 3] } },
    { nodes: [node('Trilu', 'x k', 'y')], inputs: { x: [3, 4] }, constants: [ints('k', [1], [])] },
  ],
  DepthToSpace: [
    unary('DepthToSpace', { blocksize: 2 }, [1, 8, 2, 3]),
    unary('DepthToSpace', { blocksize: 2, mode: 'CRD' }, [1, 8, 2, 3]),
  ],
  SpaceToDepth: [unary('SpaceToDepth', { blocksize: 2 }, [1, 2, 4, 2])],
  ReverseSequence: [
    {
      nodes: [node('ReverseSequence', 'x n', 'y', { batch_axis: 1, time_axis: 0 })],
      inputs: { x: [3, 2] },
      constants: [ints('n', [2, 3])],
    },
  ],
  Gather: [
    {
      nodes: [node('Gather', 'x i', 'y')],
      inputs: { x: [4, 3] },
      constants: [ints('i', [1, 1, -1, 0], [2, 2])],
    },
    {
      nodes: [node('Gather', 'x i', 'y', { axis: 1 })],
      inputs: { x: [2, 4, 3] },
      constants: [ints('i', [2, 2, 0])],
    },
    {
      nodes: [node('Gather', 'x i', 'y', { axis: -1 })],
      inputs: { x: [2, 4] },
      constants: [ints('i', [3], [])],
    },
    {
      nodes: [node('Gather', 'x i', 'y', { axis: 1 })],
      inputs: { x: [2, 4] },
      constants: [tensor('i', 'int32', [2, 2], [3, 1, 0, 3])],
    },
  ],
  GatherElements: [
    {
      nodes: [node('GatherElements', 'x i', 'y', { axis: 1 })],
      inputs: { x: [2, 3] },
      constants: [ints('i', [0, 0, 2, -1], [2, 2])],
    },
  ],
  GatherND: [
    {
      nodes: [node('GatherND', 'x i', 'y')],
      inputs: { x: [2, 3, 2] },
      constants: [ints('i', [0, 1, 1, 2, 0, 1], [3, 2])],
    },
    {
      nodes: [node('GatherND', 'x i', 'y', { batch_dims: 1 })],
      inputs: { x: [2, 3, 2] },
      constants: [ints('i', [1, 1, 2, 0], [2, 2, 1])],
    },
  ],
  ScatterND: [
    {
      nodes: [node('ScatterND', 'x i u', 'y')],
      inputs: { x: [4, 2], u: [2, 2] },
      constants: [ints('i', [2, 0], [2, 1])],
    },
    {
      nodes: [node('ScatterND', 'x i u', 'y', { reduction: 'add' })],
      inputs: { x: [4, 2], u: [3, 2] },
      constants: [ints('i', [2, 0, 2], [3, 1])],
    },
  ],
  ScatterElements: [
    {
      nodes: [node('ScatterElements', 'x i u', 'y', { axis: 1 })],
      inputs: { x: [2, 4], u: [2, 2] },
      constants: [ints('i', [0, 2, 3, 1], [2, 2])],
    },
    {
      nodes: [node('ScatterElements', 'x i u', 'y', { axis: 0, reduction: 'add' })],
      inputs: { x: [3, 2], u: [2, 2] },
      constants: [ints('i', [0, 2, 0, 1], [2, 2])],
    },
  ],
  TopK: [
    { nodes: [node('TopK', 'x k', 'y i', { axis: 1 })], inputs: { x: [2, 4] }, constants: [ints('k', [2])] },
  ],
  CumSum: [
    { nodes: [node('CumSum', 'x a', 'y')], inputs: { x: [2, 3] }, constants: [ints('a', [1], [])] },
    {
      nodes: [node('CumSum', 'x a', 'y', { exclusive: 1, reverse: 1 })],
      inputs: { x: [2, 3] },
      constants: [ints('a', [0], [])],
    },
  ],
  Compress: [
    {
      nodes: [node('Compress', 'x c', 'y')],
      inputs: { x: [2, 3] },
      constants: [tensor('c', 'bool', [6], [1, 0, 0, 1, 1, 0])],
    },
  ],
};
