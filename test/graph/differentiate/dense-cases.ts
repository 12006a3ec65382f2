import { node, tensor, type Plain } from '../onnx/models';
import { AWAY, ints, POSITIVE, SINGLE, unary } from './case-parts';
import type { Case } from './check';

/** Products, norms, softmax, convolutions and pools. */
export const DENSE: Readonly<Record<string, readonly Case[]>> = {
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
