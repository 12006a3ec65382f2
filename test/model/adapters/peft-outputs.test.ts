// Adapters of PEFT's regression tests with the outputs that PEFT itself computed. Their base is a network of two layers with
// torch's default initialisation after manual_seed(0), which is made here: Mersenne Twister (Matsumoto & Nishimura 1998), and
// U(−1/√in, 1/√in) from its lowest 24 bits.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { combinationSource } from '../../../src/graph/bind/weight-source';
import { openCheckpoint } from '../../../src/format/registry';
import { readSpan } from '../../../src/format/read';
import { decode } from '../../../src/tensor/decode';
import { temporaryFolder, writeSafetensors } from '../write-safetensors';
import { studyOfFiles } from './build';

const REAL = path.resolve(
  import.meta.dirname,
  '../../../../shared/realdata/huggingface+peft/hist-28fe1f1e/tests/regression',
);
const skip = existsSync(REAL) ? false : 'no real files beside the repository';

/** 32-bit numbers of the Mersenne Twister. */
function* mersenneTwister(seed: number): Generator<number> {
  const state = new Uint32Array(624);
  state[0] = seed;
  for (let i = 1; i < 624; i++) {
    const before = state[i - 1] as number;
    state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
  }
  for (;;) {
    for (let i = 0; i < 624; i++) {
      const y = ((state[i] as number) & 0x80000000) | ((state[(i + 1) % 624] as number) & 0x7fffffff);
      state[i] = (state[(i + 397) % 624] as number) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    for (let y of state) {
      y ^= y >>> 11;
      y ^= (y << 7) & 0x9d2c5680;
      y ^= (y << 15) & 0xefc60000;
      yield (y ^ (y >>> 18)) >>> 0;
    }
  }
}

function uniform(random: Generator<number>, count: number, bound: number): number[] {
  return Array.from({ length: count }, () => {
    const value = ((random.next().value as number) & 0xffffff) / 2 ** 24;
    return Math.fround(Math.fround(value * Math.fround(2 * bound)) - bound);
  });
}

/** Two layers with a ReLU between them; a convolution over all of its input is a matrix over the unrolled input. */
interface Network {
  readonly layers: readonly [string, string];
  readonly kernel: readonly number[];
  readonly inputs: number;
  readonly hidden: number;
  readonly rows: number;
}

const MLP: Network = { layers: ['lin0', 'lin1'], kernel: [20, 10], inputs: 10, hidden: 20, rows: 9 };
const CONV: Network = { layers: ['conv2d', 'lin0'], kernel: [10, 5, 3, 3], inputs: 45, hidden: 10, rows: 2 };

function writeBase({ layers: [first, second], kernel, inputs, hidden }: Network): string {
  const random = mersenneTwister(0);
  const [x, y] = [1 / Math.sqrt(inputs), 1 / Math.sqrt(hidden)];
  return writeSafetensors(path.join(temporaryFolder(), 'model.safetensors'), {
    [`${first}.weight`]: { shape: kernel, values: uniform(random, hidden * inputs, x) },
    [`${first}.bias`]: { shape: [hidden], values: uniform(random, hidden, x) },
    [`${second}.weight`]: { shape: [2, hidden], values: uniform(random, 2 * hidden, y) },
    [`${second}.bias`]: { shape: [2], values: uniform(random, 2, y) },
  });
}

/** log softmax(second(relu(first(x)))) for the rows of 0 … 89. */
function outputs(
  { layers: [first, second], rows, inputs }: Network,
  weights: ReadonlyMap<string, Float64Array>,
): number[] {
  const layer = (name: string, x: readonly number[]): number[] =>
    Array.from(weights.get(`${name}.bias`) ?? [], (bias, i) =>
      x.reduce(
        (sum, value, j) => sum + value * (weights.get(`${name}.weight`)?.[i * x.length + j] ?? NaN),
        bias,
      ),
    );
  return Array.from({ length: rows }, (_, row) => {
    const x = Array.from({ length: inputs }, (__, j) => row * inputs + j);
    const hidden = layer(first, x).map((value) => Math.max(0, value));
    const logits = layer(second, hidden);
    const most = Math.max(...logits);
    const sum = Math.log(logits.reduce((total, value) => total + Math.exp(value - most), 0)) + most;
    return logits.map((value) => value - sum);
  }).flat();
}

for (const [name, network, changed] of [
  ['lora_mlp', MLP, ['lin0.weight']],
  ['lora_mlp_modules_to_save', MLP, ['lin0.weight', 'lin1.weight', 'lin1.bias']],
  ['adalora_mlp', MLP, ['lin0.weight']],
  ['ia3_mlp', MLP, ['lin0.weight']],
  ['ia3_no_ff_mlp', MLP, ['lin0.weight', 'lin0.bias']],
  ['lora_conv2d', CONV, ['conv2d.weight']],
  ['ia3_conv2d', CONV, ['conv2d.weight']],
] as const) {
  test(`${name}: the network with this task vector puts out what PEFT did`, { skip }, async () => {
    const folder = path.join(REAL, name, '0.6.1');
    const study = await studyOfFiles(writeBase(network), path.join(folder, 'adapter_model.bin'));
    const [task] = study.tasks;
    assert.ok(study.base && task);
    assert.deepEqual([...task.deltas.keys()].sort(), [...changed].sort());
    const source = combinationSource(study.base, [{ task, coefficient: 1 }]);
    const weights = new Map<string, Float64Array>();
    for (const tensor of study.base.tensors) {
      const loaded = await source.load(tensor.name);
      assert.ok(loaded.ok);
      weights.set(tensor.name, loaded.value);
    }
    const wanted = await expected(path.join(folder, 'output.pt'));
    const found = outputs(network, weights);
    assert.equal(found.length, wanted.length);
    for (const [at, value] of wanted.entries())
      assert.ok(
        Math.abs((found[at] ?? NaN) - value) <= 1e-4 * (1 + Math.abs(value)),
        `${at}: ${found[at]} is not ${value}`,
      );
  });
}

async function expected(file: string): Promise<Float64Array> {
  const opened = await openCheckpoint(file);
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  const [tensor] = opened.value.tensors;
  assert.ok(tensor);
  const bytes = await readSpan(tensor.span);
  assert.ok(bytes.ok);
  return decode(tensor.span.dtype, bytes.value, tensor.span.count);
}
