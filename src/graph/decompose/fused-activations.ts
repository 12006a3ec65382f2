import { float, floatOf } from '../attributes';
import type { Decomposition } from './pieces';

/** `LayerNorm(x + skip + bias)`; the fourth output is the sum. Mean and deviation are outputs of training only. */
const skipNormalisation =
  (op: 'LayerNormalization' | 'SimplifiedLayerNormalization'): Decomposition =>
  (node, pieces) => {
    const [x = '', skip = '', gamma = '', fourth = '', fifth = ''] = node.inputs;
    if ((node.outputs[1] ?? '') !== '' || (node.outputs[2] ?? '') !== '') return false;
    const centred = op === 'LayerNormalization';
    const [beta, bias] = centred ? [fourth, fifth] : ['', fourth];
    const sum = node.outputs[3] ?? '';
    const first = pieces.add('Add', [x, skip], {}, bias === '' && sum !== '' ? sum : undefined);
    const whole = bias === '' ? first : pieces.add('Add', [first, bias], {}, sum === '' ? undefined : sum);
    const epsilon = float(floatOf(node, 'epsilon', 1e-12));
    const inputs = beta === '' ? [whole, gamma] : [whole, gamma, beta];
    pieces.add(op, inputs, { epsilon }, node.outputs[0]);
    return true;
  };

/** ½ x (1 + tanh(√(2/π)(x + 0.044715 x³))) of `x + bias`. */
const fastGelu: Decomposition = (node, pieces) => {
  const [input = '', bias = ''] = node.inputs;
  const x = bias === '' ? input : pieces.add('Add', [input, bias]);
  const cube = pieces.add('Mul', [pieces.add('Mul', [x, x]), x]);
  const inner = pieces.add('Add', [x, pieces.add('Mul', [cube, pieces.scalar(0.044715)])]);
  const t = pieces.add('Tanh', [pieces.add('Mul', [inner, pieces.scalar(Math.sqrt(2 / Math.PI))])]);
  const half = pieces.add('Mul', [x, pieces.scalar(0.5)]);
  pieces.add('Mul', [half, pieces.add('Add', [t, pieces.scalar(1)])], {}, node.outputs[0]);
  return true;
};

/** `y (1 + erf(y/√2))/2` with `y = x + bias`. */
const biasGelu: Decomposition = (node, pieces) => {
  const y = pieces.add('Add', node.inputs);
  const erf = pieces.add('Erf', [pieces.add('Mul', [y, pieces.scalar(Math.SQRT1_2)])]);
  const half = pieces.add('Mul', [y, pieces.scalar(0.5)]);
  pieces.add('Mul', [half, pieces.add('Add', [erf, pieces.scalar(1)])], {}, node.outputs[0]);
  return true;
};

/** Normalisations and activations that the runtime's optimiser fused, as its documentation defines them. */
export const FUSED_ACTIVATIONS: Readonly<Record<string, Decomposition>> = {
  'com.microsoft.SkipLayerNormalization': skipNormalisation('LayerNormalization'),
  'com.microsoft.SkipSimplifiedLayerNormalization': skipNormalisation('SimplifiedLayerNormalization'),
  'com.microsoft.FastGelu': fastGelu,
  'com.microsoft.BiasGelu': biasGelu,
};
