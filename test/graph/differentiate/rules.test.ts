import test from 'node:test';
import { RULES } from '../../../src/graph/differentiate/registry';
import { LOWERINGS } from '../../../src/graph/lower/registry';
import assert from 'node:assert/strict';
import { node, tensor, type Plain } from '../onnx/models';
import { checkGradients, type Case } from './check';

type Given = Case['inputs'][string];

const ints = (name: string, values: readonly number[], shape = [values.length]): ReturnType<typeof tensor> =>
  tensor(name, 'int64', shape, values);

/** `y = Op(x, …)`. */
function unary(
  op: string,
  attributes: Readonly<Record<string, Plain>> = {},
  x: Given = [2, 3],
  more: Partial<Case> = {},
  domain = '',
): Case {
  return { nodes: [node(op, 'x', 'y', attributes, domain)], inputs: { x }, ...more };
}

const POSITIVE: Given = { shape: [2, 3], values: [0.3, 1.7, 0.9, 2.4, 0.6, 1.1] };
const AWAY: Given = { shape: [2, 3], values: [-2.3, -0.7, 0.4, 1.2, 2.6, -1.4] };
const SINGLE = { precision: 'float32' as const };

const CASES: Readonly<Record<string, readonly Case[]>> = {
  Add: [{ nodes: [node('Add', 'a b', 'y')], inputs: { a: [2, 1, 3], b: [4, 1] } }],
  Sub: [{ nodes: [node('Sub', 'a b', 'y')], inputs: { a: [3], b: [2, 3] } }],
  Mul: [
    { nodes: [node('Mul', 'a b', 'y')], inputs: { a: [2, 3], b: [] } },
    { nodes: [node('Mul', 'a a', 'y')], inputs: { a: [2, 3] } },
  ],
  Div: [
    { nodes: [node('Div', 'a b', 'y')], inputs: { a: [2, 3], b: { shape: [1, 3], values: [0.8, -1.3, 2] } } },
  ],
  Pow: [
    { nodes: [node('Pow', 'a b', 'y')], inputs: { a: POSITIVE, b: [3] } },
    ...[2, 3, 0.5, -1, 1].map((p): Case => ({
      nodes: [node('Pow', 'a p', 'y')],
      inputs: { a: POSITIVE },
      constants: [tensor('p', 'float32', [], [p])],
    })),
    { nodes: [node('Pow', 'a p', 'y')], inputs: { a: AWAY }, constants: [tensor('p', 'float32', [], [3])] },
  ],
  Max: [{ nodes: [node('Max', 'a b c', 'y')], inputs: { a: [2, 3], b: [3], c: [2, 1] } }],
  Min: [{ nodes: [node('Min', 'a b', 'y')], inputs: { a: [2, 3], b: [3] } }],
  Sum: [{ nodes: [node('Sum', 'a b c', 'y')], inputs: { a: [2, 3], b: [3], c: [2, 1] } }],
  Mean: [{ nodes: [node('Mean', 'a b c', 'y')], inputs: { a: [2, 3], b: [3], c: [2, 1] }, ...SINGLE }],
  Clip: [
    {
      nodes: [node('Clip', 'x low high', 'y')],
      inputs: { x: AWAY },
      constants: [tensor('low', 'float32', [], [-1]), tensor('high', 'float32', [], [2])],
    },
    {
      nodes: [node('Clip', 'x - high', 'y')],
      inputs: { x: AWAY },
      constants: [tensor('high', 'float32', [], [0.5])],
    },
  ],
  Where: [
    {
      nodes: [node('Where', 'c a b', 'y')],
      inputs: { a: [2, 3], b: [3] },
      constants: [tensor('c', 'bool', [2, 1], [1, 0])],
    },
  ],
  Identity: [unary('Identity')],
  Dropout: [unary('Dropout')],
  Cast: [{ nodes: [node('Cast', 'x', 'h', { to: 1 }), node('Mul', 'h h', 'y')], inputs: { x: [3] } }],
  CastLike: [
    {
      nodes: [node('CastLike', 'x z', 'y')],
      inputs: { x: [3] },
      constants: [tensor('z', 'float32', [1], [0])],
    },
  ],
  Neg: [unary('Neg')],
  Abs: [unary('Abs', {}, AWAY)],
  Sqrt: [unary('Sqrt', {}, POSITIVE)],
  Exp: [unary('Exp')],
  Log: [unary('Log', {}, POSITIVE)],
  Reciprocal: [unary('Reciprocal', {}, AWAY)],
  Sin: [unary('Sin')],
  Cos: [unary('Cos', {}, [2, 3], SINGLE)],
  Tan: [unary('Tan', {}, { shape: [3], values: [-0.5, 0.2, 0.8] }, SINGLE)],
  Sinh: [unary('Sinh', {}, { shape: [3], values: [-0.5, 0.2, 0.8] }, SINGLE)],
  Cosh: [unary('Cosh', {}, { shape: [3], values: [-0.5, 0.2, 0.8] }, SINGLE)],
  Atan: [unary('Atan', {}, [2, 3], SINGLE)],
  Tanh: [unary('Tanh')],
  Sigmoid: [unary('Sigmoid')],
  Erf: [unary('Erf', {}, [2, 3], SINGLE)],
  Relu: [unary('Relu', {}, AWAY)],
  LeakyRelu: [unary('LeakyRelu', { alpha: { float: 0.2 } }, AWAY, SINGLE)],
  Elu: [unary('Elu', { alpha: { float: 0.7 } }, AWAY, SINGLE)],
  Celu: [unary('Celu', { alpha: { float: 0.7 } }, AWAY, SINGLE)],
  Selu: [unary('Selu', {}, AWAY, SINGLE)],
  PRelu: [{ nodes: [node('PRelu', 'x s', 'y')], inputs: { x: AWAY, s: [3] } }],
  ThresholdedRelu: [unary('ThresholdedRelu', { alpha: { float: 0.8 } }, AWAY, SINGLE)],
  Softplus: [unary('Softplus', {}, [2, 3], SINGLE)],
  Softsign: [unary('Softsign', {}, AWAY, SINGLE)],
  HardSigmoid: [unary('HardSigmoid', {}, { shape: [4], values: [-4, -1, 1.5, 3.4] }, SINGLE)],
  HardSwish: [unary('HardSwish', {}, { shape: [4], values: [-4, -1, 1.5, 3.4] }, SINGLE)],
  Mish: [unary('Mish', {}, [2, 3], SINGLE)],
  Gelu: [
    unary('Gelu', {}, [2, 3], { ...SINGLE, opset: 20 }),
    unary('Gelu', { approximate: 'tanh' }, [2, 3], { ...SINGLE, opset: 20 }),
  ],
  Swish: [unary('Swish', { alpha: { float: 1.3 } }, [2, 3], { ...SINGLE, opset: 24 })],
  'com.microsoft.Gelu': [unary('Gelu', {}, [2, 3], SINGLE, 'com.microsoft')],
  'com.microsoft.QuickGelu': [unary('QuickGelu', { alpha: { float: 1.5 } }, [2, 3], SINGLE, 'com.microsoft')],
  MatMul: [
    ...[
      [
        [2, 3],
        [3, 4],
      ],
      [
        [2, 2, 3],
        [3, 4],
      ],
      [
        [2, 1, 2, 3],
        [3, 3, 2],
      ],
      [[3], [3, 2]],
      [[2, 3], [3]],
      [[3], [3]],
      [[2, 2, 3], [3]],
      [[3], [2, 3, 2]],
    ].map(([a = [], b = []]): Case => ({ nodes: [node('MatMul', 'a b', 'y')], inputs: { a, b } })),
  ],
  Gemm: [
    {
      nodes: [node('Gemm', 'a b c', 'y', { alpha: { float: 0.5 }, beta: { float: 2 } })],
      inputs: { a: [2, 3], b: [3, 4], c: [4] },
    },
    { nodes: [node('Gemm', 'a b c', 'y', { transA: 1 })], inputs: { a: [3, 2], b: [3, 4], c: [2, 1] } },
    { nodes: [node('Gemm', 'a b', 'y', { transB: 1 })], inputs: { a: [2, 3], b: [4, 3] } },
    {
      nodes: [node('Gemm', 'a b', 'y', { transA: 1, transB: 1, alpha: { float: 3 } })],
      inputs: { a: [3, 2], b: [4, 3] },
    },
  ],
  'com.microsoft.FusedMatMul': [
    {
      nodes: [node('FusedMatMul', 'a b', 'y', { transA: 1, alpha: { float: 0.5 } }, 'com.microsoft')],
      inputs: { a: [2, 3, 2], b: [2, 3, 4] },
    },
    {
      nodes: [node('FusedMatMul', 'a b', 'y', { transB: 1 }, 'com.microsoft')],
      inputs: { a: [2, 2, 3], b: [2, 4, 3] },
    },
  ],
  LayerNormalization: [
    { nodes: [node('LayerNormalization', 'x g b', 'y')], inputs: { x: [2, 3, 4], g: [4], b: [4] } },
    {
      nodes: [node('LayerNormalization', 'x g', 'y', { axis: 1, epsilon: { float: 0.1 } })],
      inputs: { x: [2, 3, 4], g: [3, 4] },
    },
  ],
  RMSNormalization: [
    { nodes: [node('RMSNormalization', 'x g', 'y')], inputs: { x: [2, 4], g: [4] }, opset: 23, ...SINGLE },
  ],
  SimplifiedLayerNormalization: [
    { nodes: [node('SimplifiedLayerNormalization', 'x g', 'y')], inputs: { x: [2, 4], g: [4] }, ...SINGLE },
  ],
  BatchNormalization: [
    {
      nodes: [node('BatchNormalization', 'x g b m v', 'y', { epsilon: { float: 0.01 } })],
      inputs: { x: [2, 3, 2, 2], g: [3], b: [3], m: [3], v: { shape: [3], values: [0.7, 1.2, 2.1] } },
    },
  ],
  InstanceNormalization: [
    {
      nodes: [node('InstanceNormalization', 'x g b', 'y')],
      inputs: { x: [2, 3, 4], g: [3], b: [3] },
      ...SINGLE,
    },
  ],
  GroupNormalization: [
    {
      nodes: [node('GroupNormalization', 'x g b', 'y', { num_groups: 2 })],
      inputs: { x: [2, 4, 3], g: [4], b: [4] },
      opset: 21,
      ...SINGLE,
    },
    {
      nodes: [node('GroupNormalization', 'x g b', 'y', { num_groups: 2 })],
      inputs: { x: [2, 4, 3], g: [2], b: [2] },
      opset: 18,
      ...SINGLE,
    },
  ],
  LpNormalization: [unary('LpNormalization', { axis: 1 }, [2, 3]), unary('LpNormalization', { p: 1 }, AWAY)],
  Softmax: [unary('Softmax', { axis: 1 }, [2, 3, 2]), unary('Softmax', {}, [2, 3], { opset: 11 })],
  LogSoftmax: [unary('LogSoftmax', {}, [2, 3])],
  ...Object.fromEntries(
    [
      'ReduceSum',
      'ReduceMean',
      'ReduceMax',
      'ReduceMin',
      'ReduceL1',
      'ReduceL2',
      'ReduceSumSquare',
      'ReduceLogSum',
      'ReduceLogSumExp',
      'ReduceProd',
    ].map((op) => {
      const single = ['ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceProd'].includes(op) ? SINGLE : {};
      const x = op === 'ReduceLogSum' ? { shape: [2, 3], values: POSITIVE.values } : AWAY;
      return [
        op,
        [
          {
            nodes: [node(op, 'x axes', 'y', { keepdims: 0 })],
            inputs: { x },
            constants: [ints('axes', [-1])],
            ...single,
          },
          { nodes: [node(op, 'x axes', 'y')], inputs: { x }, constants: [ints('axes', [0])], ...single },
          { nodes: [node(op, 'x', 'y', { keepdims: 0 })], inputs: { x }, ...single },
        ],
      ] satisfies [string, readonly Case[]];
    }),
  ),
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
  Conv: [
    ...[
      [{}, [2, 3, 5], [4, 3, 2]],
      [{ strides: [2, 1], pads: [1, 0, 2, 1], dilations: [1, 2] }, [2, 4, 6, 5], [6, 2, 3, 2], 2],
      [{ auto_pad: 'SAME_UPPER', strides: [2, 2] }, [1, 2, 5, 4], [2, 2, 3, 2]],
      [{ pads: [1, 1, 1, 1] }, [1, 3, 4, 4], [3, 1, 3, 3], 3],
      [{ strides: [2, 2] }, [2, 3, 4, 6], [4, 3, 2, 2]],
      [{ strides: [3, 1] }, [1, 2, 12, 11], [2, 1, 7, 10], 2],
      [{ pads: [5, 5], strides: [3] }, [2, 1, 70], [2, 1, 66]],
      [{ pads: [1, 0, 0, 0, 0, 1] }, [1, 1, 3, 3, 3], [2, 1, 2, 2, 2]],
    ].map(([attributes, x, w, group = 1]): Case => {
      const shape = w as readonly number[];
      return {
        nodes: [
          node('Conv', 'x w b', 'y', { ...(attributes as Record<string, Plain>), group: group as number }),
        ],
        inputs: { x: x as readonly number[], w: shape, b: [shape[0] ?? 1] },
        step: 0.5,
        ...SINGLE,
      };
    }),
  ],
  ConvTranspose: [
    ...[
      [{ strides: [2], output_padding: [1], pads: [1, 1] }, [2, 3, 4], [3, 2, 3]],
      [{ strides: [2, 2], dilations: [1, 2] }, [1, 4, 3, 2], [4, 1, 2, 2], 2],
    ].map(([attributes, x, w, group = 1]): Case => ({
      nodes: [
        node('ConvTranspose', 'x w b', 'y', {
          ...(attributes as Record<string, Plain>),
          group: group as number,
        }),
      ],
      inputs: { x: x as readonly number[], w: w as readonly number[], b: [2] },
      step: 0.5,
      ...SINGLE,
    })),
  ],
  MaxPool: [
    unary('MaxPool', { kernel_shape: [3, 2], strides: [1, 1], pads: [1, 0, 1, 0] }, [2, 2, 4, 4]),
    unary('MaxPool', { kernel_shape: [2], strides: [2], ceil_mode: 1 }, [1, 2, 5]),
  ],
  AveragePool: [
    unary('AveragePool', { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] }, [2, 2, 5, 4], SINGLE),
    unary('AveragePool', { kernel_shape: [3], pads: [1, 1], count_include_pad: 1 }, [1, 2, 5], SINGLE),
    unary('AveragePool', { kernel_shape: [2], strides: [2], ceil_mode: 1 }, [1, 2, 5], SINGLE),
    unary(
      'AveragePool',
      { kernel_shape: [3, 3], auto_pad: 'SAME_LOWER', strides: [2, 2] },
      [1, 1, 4, 5],
      SINGLE,
    ),
  ],
  GlobalAveragePool: [unary('GlobalAveragePool', {}, [2, 3, 2, 2], SINGLE)],
  GlobalMaxPool: [unary('GlobalMaxPool', {}, [2, 3, 2, 2], { ...SINGLE, step: 0.01, tolerance: 1e-3 })],
  Einsum: [
    ...[
      ['ij,jk->ik', [2, 3], [3, 4]],
      ['bhqd,bhkd->bhqk', [2, 2, 3, 2], [2, 2, 4, 2]],
      ['bij,bj->i', [2, 3, 4], [2, 4]],
      ['ij,jk', [2, 3], [3, 4]],
      ['i,j->ij', [2], [3]],
      ['...ij,...jk->...ik', [2, 2, 3], [2, 3, 2]],
      ['ij,kl->il', [2, 3], [4, 2]],
    ].map(([equation, a, b]): Case => ({
      nodes: [node('Einsum', 'a b', 'y', { equation: equation as string })],
      inputs: { a: a as readonly number[], b: b as readonly number[] },
    })),
    unary('Einsum', { equation: 'ij->ji' }, [2, 3]),
    unary('Einsum', { equation: 'ij->i' }, [2, 3]),
  ],
  Resize: [
    ...(
      [
        { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
        { mode: 'linear' },
        { mode: 'linear', coordinate_transformation_mode: 'align_corners' },
        {
          mode: 'cubic',
          coordinate_transformation_mode: 'pytorch_half_pixel',
          cubic_coeff_a: { float: -0.75 },
        },
      ] as readonly Record<string, Plain>[]
    ).flatMap((attributes): readonly Case[] => [
      {
        nodes: [node('Resize', 'x - s', 'y', attributes)],
        inputs: { x: [1, 2, 3, 4] },
        constants: [tensor('s', 'float32', [4], [1, 1, 2, 1.5])],
        step: 0.5,
        ...SINGLE,
      },
      {
        nodes: [node('Resize', 'x - - n', 'y', attributes)],
        inputs: { x: [1, 2, 3, 4] },
        constants: [ints('n', [1, 2, 5, 3])],
        step: 0.5,
        ...SINGLE,
      },
    ]),
  ],
};

for (const [op, cases] of Object.entries(CASES)) {
  test(`gradients through ${op} are those of finite differences`, async (context) => {
    for (const [i, one] of cases.entries())
      await context.test(`case ${String(i + 1)}`, () => checkGradients(one));
  });
}

/** Their gradient is zero wherever it is defined, and their outputs are tested to be unconnected below. */
const CONSTANT = ['Floor', 'Ceil', 'Round', 'Sign', 'ConstantOfShape'];
/** The same rule under the name that older exports use. */
const SAME = ['Scatter', 'com.microsoft.SimplifiedLayerNormalization'];

test('every rule of the registry is compared with finite differences', () => {
  const missing = [...RULES.keys()].filter(
    (op) => !(op in CASES) && !CONSTANT.includes(op) && !SAME.includes(op) && !LOWERINGS.has(op),
  );
  assert.deepEqual(missing, []);
});
