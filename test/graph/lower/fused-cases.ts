import { node, tensor } from '../onnx/models';
import type { Case } from '../differentiate/check';
import { fused, whole, type Settings } from './graph-parts';

const cos = [1, 0.8, 0.6, 0.9, 0.5, 0.3, 0.2, 0.1];
const ANGLES = [tensor('cos', 'float32', [4, 2], cos), tensor('sin', 'float32', [4, 2], [...cos].reverse())];
const QKV = { q: [2, 3, 4], k: [2, 3, 4], v: [2, 3, 4] };

/** Attention, positions, embeddings and quantised weights. */
export const FUSED: Readonly<Record<string, readonly Case[]>> = {
  Attention: [
    {
      nodes: [node('Attention', 'q k v m', 'y', { q_num_heads: 2, kv_num_heads: 1, is_causal: 1 })],
      inputs: { q: [2, 3, 4], k: [2, 3, 2], v: [2, 3, 2], m: [3, 3] },
      opset: 23,
    },
    {
      nodes: [
        node('Attention', 'q k v m pk pv', 'y nk nv', { scale: { float: 0.4 }, softcap: { float: 2 } }),
      ],
      inputs: { q: [1, 2, 2, 3], k: [1, 2, 2, 3], v: [1, 2, 2, 3], pk: [1, 2, 1, 3], pv: [1, 2, 1, 3] },
      constants: [whole('m', 'bool', [2, 3], [1, 1, 0, 1, 0, 1])],
      outputs: ['y', 'nk', 'nv'],
      opset: 23,
    },
  ],
  'com.microsoft.Attention': [
    {
      nodes: [fused('Attention', 'x w b m', 'y', { num_heads: 2 })],
      inputs: { x: [2, 3, 4], w: [4, 12], b: [12] },
      constants: [whole('m', 'int32', [2, 3], [1, 1, 1, 1, 1, 0])],
    },
    {
      nodes: [fused('Attention', 'x w b m', 'y', { num_heads: 2, unidirectional: 1 })],
      inputs: { x: [2, 3, 4], w: [4, 12], b: [12] },
      constants: [whole('m', 'int32', [2], [3, 2])],
    },
    {
      nodes: [fused('Attention', 'x w b m past', 'y present', { num_heads: 2, unidirectional: 1 })],
      inputs: { x: [1, 2, 4], w: [4, 12], b: [12], past: [2, 1, 2, 3, 2] },
      constants: [whole('m', 'int32', [1, 5], [1, 0, 1, 1, 1])],
      outputs: ['y', 'present'],
    },
  ],
  'com.microsoft.MultiHeadAttention': [
    {
      nodes: [fused('MultiHeadAttention', 'q k v b m', 'y', { num_heads: 2 })],
      inputs: { ...QKV, b: [12] },
      constants: [whole('m', 'int32', [2, 3], [1, 1, 0, 1, 1, 1])],
    },
    {
      nodes: [
        fused('MultiHeadAttention', 'q k v - - a pk pv', 'y nk nv', { num_heads: 2, unidirectional: 1 }),
      ],
      inputs: { ...QKV, a: [1, 1, 3, 5], pk: [2, 2, 2, 2], pv: [2, 2, 2, 2] },
      outputs: ['y', 'nk', 'nv'],
    },
    {
      nodes: [fused('MultiHeadAttention', 'q k v', 'y', { num_heads: 2 })],
      inputs: { q: [2, 2, 4], k: [2, 2, 3, 2], v: [2, 2, 3, 2] },
    },
  ],
  'com.microsoft.GroupQueryAttention': [
    {
      nodes: [fused('GroupQueryAttention', 'q k v - - n t', 'y nk nv', { num_heads: 2, kv_num_heads: 1 })],
      inputs: { q: [2, 3, 16], k: [2, 3, 8], v: [2, 3, 8] },
      constants: [whole('n', 'int32', [2], [2, 2]), whole('t', 'int32', [1], [3])],
      outputs: ['y', 'nk', 'nv'],
    },
    {
      nodes: [
        fused('GroupQueryAttention', 'q - - - - n t c s', 'y nk nv', {
          num_heads: 2,
          kv_num_heads: 1,
          do_rotary: 1,
          scale: { float: 0.3 },
          softcap: { float: 3 },
        }),
      ],
      inputs: { q: [1, 3, 64] },
      constants: [
        whole('n', 'int32', [1], [2]),
        whole('t', 'int32', [1], [3]),
        tensor(
          'c',
          'float32',
          [4, 8],
          Array.from({ length: 32 }, (_, i) => Math.cos(i / 9)),
        ),
        tensor(
          's',
          'float32',
          [4, 8],
          Array.from({ length: 32 }, (_, i) => Math.sin(i / 9)),
        ),
      ],
      outputs: ['y', 'nk', 'nv'],
    },
  ],
  RotaryEmbedding: [
    {
      nodes: [node('RotaryEmbedding', 'x cos sin p', 'y')],
      inputs: { x: [2, 1, 2, 4] },
      constants: [...ANGLES, whole('p', 'int64', [2, 2], [0, 3, 1, 2])],
      opset: 23,
    },
    {
      nodes: [node('RotaryEmbedding', 'x cos sin p', 'y', { num_heads: 2, rotary_embedding_dim: 4 })],
      inputs: { x: [1, 2, 12] },
      constants: [...ANGLES, whole('p', 'int64', [1, 2], [1, 2])],
      opset: 23,
    },
    {
      nodes: [node('RotaryEmbedding', 'x c s', 'y', { interleaved: 1 })],
      inputs: { x: [2, 1, 2, 4], c: [2, 2, 2], s: [2, 2, 2] },
      opset: 23,
    },
  ],
  'com.microsoft.RotaryEmbedding': [
    {
      nodes: [fused('RotaryEmbedding', 'x p cos sin', 'y')],
      inputs: { x: [1, 2, 8] },
      constants: [...ANGLES, whole('p', 'int64', [1], [1])],
    },
    {
      nodes: [fused('RotaryEmbedding', 'x p cos sin', 'y', { interleaved: 1 })],
      inputs: { x: [2, 2, 2, 4] },
      constants: [...ANGLES, whole('p', 'int64', [2, 2], [0, 1, 2, 3])],
    },
  ],
  'com.microsoft.EmbedLayerNormalization': [
    {
      nodes: [fused('EmbedLayerNormalization', 'i t w p s g b m', 'y counts', { epsilon: { float: 0.1 } })],
      inputs: { w: [5, 4], p: [3, 4], s: [2, 4], g: [4], b: [4] },
      constants: [
        whole('i', 'int32', [2, 2], [1, 3, 3, 0]),
        whole('t', 'int32', [2, 2], [0, 1, 1, 0]),
        whole('m', 'int32', [2, 2], [1, 1, 1, 0]),
      ],
    },
    {
      nodes: [fused('EmbedLayerNormalization', 'i - w p - g b', 'y c z', { epsilon: { float: 0.1 } })],
      inputs: { w: [5, 4], p: [3, 4], g: [4], b: [4] },
      constants: [whole('i', 'int32', [2, 2], [1, 3, 3, 0])],
      outputs: ['y', 'z'],
    },
  ],
  DequantizeLinear: [
    {
      nodes: [node('DequantizeLinear', 'c s z', 'w', { axis: 1 }), node('MatMul', 'x w', 'y')],
      inputs: { x: [2, 2], s: [3] },
      constants: [whole('c', 'uint8', [2, 3], [1, 20, 35, 4, 58, 6]), whole('z', 'uint8', [3], [3, 25, 30])],
    },
    {
      nodes: [node('DequantizeLinear', 'c s', 'w', { axis: 0, block_size: 2 }), node('MatMul', 'x w', 'y')],
      inputs: { x: [2, 4], s: [2, 2] },
      constants: [whole('c', 'uint8', [4, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
      opset: 21,
    },
  ],
  'com.microsoft.MatMulNBits': [
    {
      nodes: [fused('MatMulNBits', 'x w s z', 'y', { N: 2, K: 48, bits: 4, block_size: 16 })],
      inputs: { x: { shape: [2, 48], values: Array.from({ length: 96 }, (_, i) => Math.sin(i) / 20) } },
      constants: [
        whole(
          'w',
          'uint8',
          [2, 3, 8],
          Array.from({ length: 48 }, (_, i) => (i * 37 + 11) % 256),
        ),
        tensor('s', 'float32', [6], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
        whole('z', 'uint8', [4], [0x37, 0x05, 0x84, 0x0a]),
      ],
    },
    {
      nodes: [fused('MatMulNBits', 'x w s', 'y', { N: 3, K: 20, bits: 4, block_size: 16 })],
      inputs: { x: { shape: [1, 2, 20], values: Array.from({ length: 40 }, (_, i) => Math.cos(i) / 20) } },
      constants: [
        whole(
          'w',
          'uint8',
          [3, 2, 8],
          Array.from({ length: 48 }, (_, i) => (i * 91 + 5) % 256),
        ),
        tensor('s', 'float32', [6], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
      ],
    },
  ],
  GridSample: (
    [
      {},
      { align_corners: 1 },
      { padding_mode: 'border' },
      { mode: 'nearest', padding_mode: 'border' },
      { mode: 'nearest', align_corners: 1 },
    ] as readonly Settings[]
  ).map((attributes): Case => ({
    nodes: [node('GridSample', 'x g', 'y', attributes)],
    inputs: {
      x: [1, 2, 3, 4],
      g: {
        shape: [1, 2, 3, 2],
        values: [-0.93, 0.31, 0.42, -0.77, 1.13, 0.36, 0.11, 0.21, -1.4, 0.9, 0.7, -0.15],
      },
    },
    step: 0.02,
    tolerance: 3e-3,
    fixed: attributes.mode === 'nearest' ? ['g'] : [],
  })),
};
