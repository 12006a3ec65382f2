// Networks of usual sizes with random weights, as graphs: what exporters write, made on the fly.
import { float, int, ints } from '../src/graph/attributes.ts';
import { GraphDraft } from '../src/graph/graph-draft.ts';
import { makeGraph } from '../src/graph/model-graph.ts';
import { tensorOf } from '../src/graph/onnx/tensor-values.ts';

/**
 * @typedef {object} RandomNetwork
 * @property {import('../src/graph/model-graph.ts').ModelGraph} graph
 * @property {readonly string[]} layers the value behind every layer
 * @property {readonly number[]} sample shape of the input of one sample
 * @property {number} classes
 */

/** Numbers from −1 to 1, the same every time. @param {number} count @param {number} seed */
export function randomValues(count, seed) {
  const values = new Float32Array(count);
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 31 - 1;
  }
  return values;
}

class Builder {
  /** @type {string[]} */
  layers = [];
  seed = 1;

  /** @param {readonly number[]} sample */
  constructor(sample) {
    this.sample = sample;
    const empty = makeGraph({
      path: 'random.onnx',
      irVersion: 8,
      opsets: new Map([['', 18]]),
      nodes: [],
      inputs: [{ name: 'x', type: 'float32', shape: ['batch', ...sample] }],
      outputs: [],
      initializers: new Map(),
    });
    if (!empty.ok) throw new Error(empty.problem.message);
    this.draft = new GraphDraft(empty.value);
  }

  /** A weight; `scale` 0 gives ones with a little noise, as norms have. @param {string} name @param {readonly number[]} shape @param {number} scale */
  weight(name, shape, scale) {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = randomValues(count, this.seed++);
    for (let i = 0; i < count; i++)
      values[i] = scale === 0 ? 1 + (values[i] ?? 0) / 10 : scale * (values[i] ?? 0);
    const tensor = tensorOf(name, 'float32', shape, values);
    if (tensor === null) throw new Error(name);
    this.draft.initializers.set(name, tensor);
    return name;
  }

  /** @param {string} op @param {readonly string[]} inputs @param {import('../src/graph/graph-draft.ts').Attributes} [attributes] */
  add(op, inputs, attributes) {
    return this.draft.add(op, inputs, attributes);
  }

  /** @param {string} x @param {string} name @param {number} from @param {number} to */
  linear(x, name, from, to) {
    const weight = this.weight(`${name}.weight`, [to, from], 1.7 / Math.sqrt(from));
    const product = this.add('MatMul', [x, this.add('Transpose', [weight], { perm: ints([1, 0]) })]);
    return this.add('Add', [product, this.weight(`${name}.bias`, [to], 0.1)]);
  }

  /** @param {string} x @param {string} name @param {number} width */
  norm(x, name, width) {
    const words = [x, this.weight(`${name}.weight`, [width], 0), this.weight(`${name}.bias`, [width], 0.1)];
    return this.add('LayerNormalization', words, { axis: int(-1), epsilon: float(1e-5) });
  }

  /** @param {string} x @param {string} name @param {[number, number]} channels @param {number} size @param {number} stride */
  convolution(x, name, [from, to], size, stride) {
    const scale = 2.4 / Math.sqrt(from * size * size);
    const weight = this.weight(`${name}.weight`, [to, from, size, size], scale);
    const pad = (size - 1) / 2;
    const y = this.add('Conv', [x, weight], {
      kernel_shape: ints([size, size]),
      strides: ints([stride, stride]),
      pads: ints([pad, pad, pad, pad]),
    });
    const norms = [
      this.weight(`${name}.norm.weight`, [to], 0),
      this.weight(`${name}.norm.bias`, [to], 0.1),
      this.weight(`${name}.norm.running_mean`, [to], 0.1),
      this.weight(`${name}.norm.running_var`, [to], 0),
    ];
    return this.add('BatchNormalization', [y, ...norms], { epsilon: float(1e-5) });
  }

  /** @param {string} logits @param {number} classes @returns {RandomNetwork} */
  finish(logits, classes) {
    this.draft.addNode({
      name: '',
      op: 'Identity',
      domain: '',
      inputs: [logits],
      outputs: ['logits'],
      attributes: new Map(),
    });
    this.draft.outputs.push({ name: 'logits', type: 'float32', shape: ['batch', classes] });
    const graph = this.draft.finish();
    if (!graph.ok) throw new Error(graph.problem.message);
    return { graph: graph.value, layers: this.layers, sample: this.sample, classes };
  }
}

/** A pre-norm transformer encoder with a classifier on the first position: 12 layers, 768 wide. @returns {RandomNetwork} */
export function encoder({ layers = 12, width = 768, heads = 12, tokens = 64, classes = 10 } = {}) {
  const b = new Builder([tokens, width]);
  /** @param {string} x @param {readonly number[]} perm */
  const split = (x, perm) =>
    b.add('Transpose', [b.add('Reshape', [x, b.draft.integers([0, 0, heads, width / heads])])], {
      perm: ints(perm),
    });
  let h = 'x';
  for (let layer = 0; layer < layers; layer++) {
    const at = `layer.${layer}`;
    const y = b.norm(h, `${at}.norm1`, width);
    const [q, k, v] = ['q', 'k', 'v'].map((name) => b.linear(y, `${at}.${name}`, width, width));
    const scores = b.add('MatMul', [split(q ?? '', [0, 2, 1, 3]), split(k ?? '', [0, 2, 3, 1])]);
    const scaled = b.add('Mul', [scores, b.draft.scalar('float32', Math.sqrt(heads / width))]);
    const mixed = b.add('MatMul', [
      b.add('Softmax', [scaled], { axis: int(-1) }),
      split(v ?? '', [0, 2, 1, 3]),
    ]);
    const joined = b.add('Reshape', [
      b.add('Transpose', [mixed], { perm: ints([0, 2, 1, 3]) }),
      b.draft.integers([0, 0, width]),
    ]);
    h = b.add('Add', [h, b.linear(joined, `${at}.o`, width, width)]);
    const up = b.linear(b.norm(h, `${at}.norm2`, width), `${at}.up`, width, 4 * width);
    h = b.add('Add', [h, b.linear(gelu(b, up), `${at}.down`, 4 * width, width)]);
    b.layers.push(h);
  }
  const first = b.add('Gather', [b.norm(h, 'norm', width), b.draft.constant('int64', [], [0])], {
    axis: int(1),
  });
  return b.finish(b.linear(first, 'head', width, classes), classes);
}

/** x·Φ(x), as exporters below opset 20 write it. @param {Builder} b @param {string} x */
function gelu(b, x) {
  /** @param {number} value */
  const number = (value) => b.draft.scalar('float32', value);
  const erf = b.add('Erf', [b.add('Div', [x, number(Math.SQRT2)])]);
  return b.add('Mul', [b.add('Mul', [x, b.add('Add', [erf, number(1)])]), number(0.5)]);
}

/** A residual network of the size of ResNet-18 (He et al. 2016) on pictures of 64 × 64. @returns {RandomNetwork} */
export function residualNetwork({ side = 64, classes = 10 } = {}) {
  const b = new Builder([3, side, side]);
  let h = b.add('Relu', [b.convolution('x', 'stem', [3, 64], 7, 2)]);
  h = b.add('MaxPool', [h], { kernel_shape: ints([3, 3]), strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) });
  let from = 64;
  for (const [stage, to] of [64, 128, 256, 512].entries()) {
    for (const block of [0, 1]) {
      const at = `stage${stage}.${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const y = b.add('Relu', [b.convolution(h, `${at}.conv1`, [from, to], 3, stride)]);
      const skip = stride === 1 ? h : b.convolution(h, `${at}.skip`, [from, to], 1, stride);
      h = b.add('Relu', [b.add('Add', [b.convolution(y, `${at}.conv2`, [to, to], 3, 1), skip])]);
      b.layers.push(h);
      from = to;
    }
  }
  const pooled = b.add('Flatten', [b.add('GlobalAveragePool', [h])], { axis: int(1) });
  return b.finish(b.linear(pooled, 'head', from, classes), classes);
}
