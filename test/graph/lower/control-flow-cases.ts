import { node, tensor } from '../onnx/models';
import type { Case } from '../differentiate/check';
import { graph, whole, withGraphs, type Settings } from './graph-parts';

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

/** Recurrences, loops and branches. */
export const CONTROL_FLOW: Readonly<Record<string, readonly Case[]>> = {
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
};
