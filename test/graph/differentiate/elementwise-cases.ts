import { node, tensor } from '../onnx/models';
import { AWAY, POSITIVE, SINGLE, unary } from './case-parts';
import type { Case } from './check';

/** Arithmetic and functions of single elements. */
export const ELEMENTWISE: Readonly<Record<string, readonly Case[]>> = {
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
};
