import assert from 'node:assert/strict';
import test from 'node:test';
import { LOWERINGS } from '../../../src/graph/lower/registry';
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../../../src/format/onnx/types';
import { differentiate } from '../../../src/graph/differentiate/differentiate';
import { traceLowered } from '../../../src/graph/lower/lower';
import { prepareGraph } from '../../../src/graph/prepare-graph';
import { tensorValue } from '../../../src/graph/tensor-value';
import type { Case } from '../differentiate/check';
import { got } from '../got';
import { model, node, tensor, value, type Plain } from '../onnx/models';
import { checkLowered } from './kernel';

type Settings = Readonly<Record<string, Plain>>;

const fused = (op: string, inputs: string, outputs: string, attributes: Settings = {}): OnnxNode =>
  node(op, inputs, outputs, attributes, 'com.microsoft');
const whole = (
  name: string,
  type: 'int32' | 'int64' | 'uint8' | 'bool',
  shape: number[],
  values: number[],
): OnnxTensor => tensor(name, type, shape, values);

/** A recurrence over 4 steps of 2 sequences of 3 numbers, with 2 hidden units. */
function recurrence(op: string, gates: number, attributes: Settings, states: number): Case {
  const both = attributes.direction === 'bidirectional' ? 2 : 1;
  const names = states === 0 ? 'x w r' : states === 1 ? 'x w r b - h' : 'x w r b - h c';
  const state = [both, 2, 2];
  return {
    nodes: [node(op, names, gates === 4 ? 'y yh yc' : 'y yh', { hidden_size: 2, ...attributes })],
    inputs: {
      x: [4, 2, 3],
      w: [both, gates * 2, 3],
      r: [both, gates * 2, 2],
      ...(states > 0 ? { b: [both, gates * 4], h: state } : {}),
      ...(states > 1 ? { c: state } : {}),
    },
    outputs: gates === 4 ? ['y', 'yh', 'yc'] : ['y', 'yh'],
    step: 0.02,
  };
}

function graph(
  name: string,
  nodes: readonly OnnxNode[],
  inputs: readonly string[],
  outputs: readonly string[],
  initializers: readonly OnnxTensor[] = [],
): OnnxGraph {
  const types = new Map([
    ['i', 'int64'],
    ['go', 'bool'],
    ['on', 'bool'],
  ] as const);
  const info = (one: string): OnnxGraph['inputs'][number] =>
    value(one, types.get(one as 'i') ?? 'float32', types.has(one as 'i') ? [] : null);
  return { name, nodes, initializers, inputs: inputs.map(info), outputs: outputs.map(info) };
}

function withGraphs(given: OnnxNode, graphs: Readonly<Record<string, OnnxGraph>>): OnnxNode {
  const entries = Object.entries(graphs).map(([key, one]) => [key, { kind: 'graph', value: one }] as const);
  return { ...given, attributes: new Map([...given.attributes, ...entries]) };
}

/** `h ← tanh(h w) + i`, three times, with every h kept; the body has a constant and a branch of its own. */
const LOOP: Case = {
  nodes: [
    withGraphs(node('Loop', 'trips yes h0', 'h hs'), {
      body: graph(
        'body',
        [
          node('MatMul', 'h w', 'm'),
          node('Tanh', 'm', 't'),
          node('Cast', 'i', 'f', { to: 1 }),
          node('Add', 't f', 'next'),
          node('Mul', 'next half', 'kept'),
          node('Identity', 'go', 'on'),
        ],
        ['i', 'go', 'h'],
        ['on', 'next', 'kept'],
        [tensor('half', 'float32', [], [0.5])],
      ),
    }),
  ],
  inputs: { h0: [2, 2], w: [2, 2] },
  constants: [whole('trips', 'int64', [], [3]), whole('yes', 'bool', [], [1])],
  outputs: ['h', 'hs'],
};

/** Sums of the rows so far, from both ends. */
const SCAN: Case = {
  nodes: [
    withGraphs(
      node('Scan', 's x z', 'total sums', {
        num_scan_inputs: 2,
        scan_input_axes: [1, 0],
        scan_input_directions: [0, 1],
        scan_output_axes: [1],
      }),
      {
        body: graph(
          'body',
          [node('Mul', 'a b', 'p'), node('Add', 'state p', 'n'), node('Identity', 'n', 'row')],
          ['state', 'a', 'b'],
          ['n', 'row'],
        ),
      },
    ),
  ],
  inputs: { s: [2], x: [2, 3], z: [3, 2] },
  outputs: ['total', 'sums'],
};

/** A branch that the shape of x decides, with a loop inside that takes x from outside. */
const BRANCH: Case = {
  nodes: [
    node('Shape', 'x', 'shape', { start: 0, end: 1 }),
    node('Squeeze', 'shape', 'size'),
    node('Greater', 'size one', 'many'),
    withGraphs(node('If', 'many', 'y'), {
      then_branch: graph(
        'then',
        [
          withGraphs(node('Loop', 'size - x', 'out'), {
            body: graph(
              'inner',
              [node('Mul', 'v x', 'nv'), node('Identity', 'go', 'on')],
              ['i', 'go', 'v'],
              ['on', 'nv'],
            ),
          }),
        ],
        [],
        ['out'],
      ),
      else_branch: graph('else', [node('Neg', 'x', 'minus')], [], ['minus']),
    }),
  ],
  inputs: { x: [2, 3] },
  constants: [whole('one', 'int64', [], [1])],
};

const cos = [1, 0.8, 0.6, 0.9, 0.5, 0.3, 0.2, 0.1];
const ANGLES = [tensor('cos', 'float32', [4, 2], cos), tensor('sin', 'float32', [4, 2], [...cos].reverse())];
const QKV = { q: [2, 3, 4], k: [2, 3, 4], v: [2, 3, 4] };

const CASES: Readonly<Record<string, readonly Case[]>> = {
  RNN: [
    recurrence('RNN', 1, {}, 1),
    recurrence('RNN', 1, { direction: 'reverse', activations: { strings: ['Sigmoid'] } }, 0),
  ],
  GRU: [
    recurrence('GRU', 3, {}, 1),
    recurrence('GRU', 3, { linear_before_reset: 1, direction: 'bidirectional' }, 1),
    recurrence('GRU', 3, { direction: 'reverse' }, 0),
  ],
  LSTM: [
    recurrence('LSTM', 4, {}, 2),
    recurrence('LSTM', 4, { direction: 'reverse' }, 0),
    recurrence('LSTM', 4, { direction: 'bidirectional' }, 2),
    {
      nodes: [node('LSTM', 'x w r b n - - p', 'y', { hidden_size: 2 })],
      inputs: { x: [2, 1, 3], w: [1, 8, 3], r: [1, 8, 2], b: [1, 16], p: [1, 6] },
      constants: [whole('n', 'int32', [1], [2])],
    },
  ],
  Loop: [LOOP],
  Scan: [SCAN],
  If: [BRANCH],
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

for (const [op, cases] of Object.entries(CASES)) {
  test(`${op} written as plain operators gives what the runtime's kernel gives, and its gradients`, async (context) => {
    for (const [i, one] of cases.entries())
      await context.test(`case ${String(i + 1)}`, () => checkLowered(one));
  });
}

test('every lowering is tested', () => {
  assert.deepEqual(
    [...LOWERINGS.keys()].filter((op) => !(op in CASES)),
    [],
  );
});

test('what data decide stays as it is, and is named with the reason', async () => {
  const body = graph(
    'body',
    [node('Mul', 'v x', 'nv'), node('Identity', 'go', 'on')],
    ['i', 'go', 'v'],
    ['on', 'nv'],
  );
  const branches = {
    then_branch: graph('then', [node('Neg', 'x', 'minus')], [], ['minus']),
    else_branch: graph('else', [node('Abs', 'x', 'plus')], [], ['plus']),
  };
  const given: readonly (readonly [OnnxNode, string])[] = [
    [withGraphs(node('Loop', 'n - x', 'h'), { body }), 'how often it runs depends on data'],
    [withGraphs(node('If', 'c', 'h'), branches), 'its condition depends on data'],
    [node('RNN', 'x w r - n1', '- h', { hidden_size: 1 }), 'its sequences have lengths of their own'],
    [node('GridSample', 'z g', 'h', { mode: 'bicubic' }), 'it interpolates cubically'],
  ];
  for (const [one, reason] of given) {
    const made = model({
      nodes: [
        node('Squeeze', 'n1 zero', 'n64'),
        node('Cast', 'n64', 'n', { to: 7 }),
        node('Cast', 'n64', 'c', { to: 9 }),
        node('Unsqueeze', 'x zero', 'z'),
        one,
        node('ReduceSum', 'h', 'y', { keepdims: 0 }),
      ],
      inputs: [value('x', 'float32', [2, 1, 1]), value('n1', 'int32', [1])],
      outputs: [value('y', 'float32')],
      initializers: [
        whole('zero', 'int64', [1], [0]),
        tensor('w', 'float32', [1, 1, 1], [0.5]),
        tensor('r', 'float32', [1, 1, 1], [0.5]),
        tensor('g', 'float32', [1, 1, 1, 2], [0, 0]),
      ],
    });
    const feeds = new Map([
      ['x', tensorValue('float32', [2, 1, 1], [1, 2])],
      ['n1', tensorValue('int32', [1], [2])],
    ]);
    const traced = got(await traceLowered(got(prepareGraph(made)), feeds, ['y']));
    const { obstacles } = got(differentiate(traced, 'y', ['x']));
    assert.deepEqual(
      obstacles.map((obstacle) => [obstacle.node.op, obstacle.reason, obstacle.targets]),
      [[one.op, `cannot be differentiated: ${reason}`, ['x']]],
    );
  }
});
