import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { openCheckpoint } from '../../../src/format/registry';
import { bindingFindings, bindWeights } from '../../../src/graph/bind/bind-weights';
import { commonPrefixes } from '../../../src/graph/bind/common-prefix';
import { matchWeights } from '../../../src/graph/bind/match-weights';
import type { WeightMap } from '../../../src/graph/bind/weight-map';
import { checkpointSource, combinationSource, deltaSource } from '../../../src/graph/bind/weight-source';
import { differentiate } from '../../../src/graph/differentiate/differentiate';
import { readModel } from '../../../src/format/onnx/read-model';
import type { OnnxModel } from '../../../src/format/onnx/types';
import { prepareGraph } from '../../../src/graph/prepare-graph';
import { openSession } from '../../../src/graph/session';
import { numbersOf, tensorValue } from '../../../src/graph/tensor-value';
import { traceGraph } from '../../../src/graph/trace';
import { openStudy } from '../../../src/model/open-study';
import { temporaryFolder, writeAdapter, writeSafetensors, type Written } from '../../model/write-safetensors';
import { codeOf, got } from '../got';
import { gaussians, model, node, tensor, value } from '../onnx/models';
import { WITHOUT_ZOO, ZOO } from '../zoo';

async function match(made: OnnxModel, tensors: Readonly<Record<string, Written>>): Promise<WeightMap> {
  const file = writeSafetensors(join(temporaryFolder(), 'model.safetensors'), tensors);
  return got(await matchWeights(got(prepareGraph(made)), got(await openCheckpoint(file))));
}

function written(shape: readonly number[], seed: number): Written {
  const count = shape.reduce((product, size) => product * size, 1);
  return { shape, values: [...gaussians(count, seed)] };
}

function transposed({ shape, values = [] }: Written): number[] {
  const [rows = 0, columns = 0] = shape;
  return Array.from(
    { length: rows * columns },
    (_, k) => values[(k % rows) * columns + Math.floor(k / rows)] ?? 0,
  );
}

const X = value('x', 'float32', ['n', 3]);
const Y = value('y', 'float32');

test('a weight is found by its name, by its values, and by the values of its transpose', async () => {
  const [a, b, c] = [written([3, 3], 1), written([5, 3], 2), written([5], 3)];
  const map = await match(
    model({
      nodes: [node('MatMul', 'x a.weight', 'h'), node('MatMul', 'h val_7', 'g'), node('Add', 'g val_8', 'y')],
      inputs: [X],
      outputs: [Y],
      initializers: [
        tensor('a.weight', 'float32', [3, 3], a.values ?? []),
        tensor('val_7', 'float32', [3, 5], transposed(b)),
        tensor('val_8', 'float32', [5], c.values ?? []),
        tensor('half', 'float32', [], [0.5]),
      ],
    }),
    { 'a.weight': a, 'b.weight': b, 'b.bias': c },
  );
  assert.deepEqual(map.placements, [
    { initializer: 'a.weight', tensor: 'a.weight', transposed: false, evidence: 'name and values' },
    { initializer: 'val_8', tensor: 'b.bias', transposed: false, evidence: 'values' },
    { initializer: 'val_7', tensor: 'b.weight', transposed: true, evidence: 'values' },
  ]);
  assert.deepEqual(
    map.unplaced.map(({ initializer }) => initializer),
    ['half'],
  );
  assert.deepEqual(map.findings, []);
});

test('equal tensors that the exporter made one are told apart by module names, neighbours and order', async () => {
  const layers = [0, 1, 2].map((i) => written([3, 3], 10 + i));
  const ones = { shape: [3], values: [1] };
  const zeros = { shape: [3], values: [0] };
  const nodes = layers.flatMap((_, i) => [
    node('LayerNormalization', `h${String(i)} one zero`, `n${String(i)}`),
    node('MatMul', `n${String(i)} w${String(i)}`, `m${String(i)}`),
    node('Add', `m${String(i)} zero`, `h${String(i + 1)}`),
  ]);
  const start = node('Identity', 'x', 'h0');
  const end = node('Identity', 'h3', 'y');
  const map = await match(
    model({
      nodes: [start, ...nodes, end],
      inputs: [X],
      outputs: [Y],
      initializers: [
        ...layers.map((layer, i) => tensor(`w${String(i)}`, 'float32', [3, 3], transposed(layer))),
        tensor('one', 'float32', [3], [1, 1, 1]),
        tensor('zero', 'float32', [3], [0, 0, 0]),
      ],
    }),
    Object.fromEntries(
      layers.flatMap((layer, i): [string, Written][] => [
        [`layers.${String(i)}.fc.weight`, layer],
        [`layers.${String(i)}.fc.bias`, zeros],
        [`layers.${String(i)}.norm.weight`, ones],
        [`layers.${String(i)}.norm.bias`, zeros],
      ]),
    ),
  );
  const use = (op: string, at: number, slot: number): string =>
    map.graph.nodes.filter((one) => one.op === op)[at]?.inputs[slot] ?? '';
  const tensorOf = (initializer: string): string | undefined =>
    map.placements.find((one) => one.initializer === initializer)?.tensor;
  for (const i of [0, 1, 2]) {
    assert.equal(tensorOf(use('MatMul', i, 1)), `layers.${String(i)}.fc.weight`);
    assert.equal(tensorOf(use('Add', i, 1)), `layers.${String(i)}.fc.bias`);
    assert.equal(tensorOf(use('LayerNormalization', i, 1)), `layers.${String(i)}.norm.weight`);
    assert.equal(tensorOf(use('LayerNormalization', i, 2)), `layers.${String(i)}.norm.bias`);
  }
  assert.equal(map.placements.length, 12);
  assert.deepEqual(map.findings, []);
});

test('a tied weight is one, too, where neither copy has its name, and an added axis of size 1 hides no weight', async () => {
  const embedding = written([4, 3], 4);
  const bias = written([4], 5);
  const map = await match(
    model({
      nodes: [node('MatMul', 'x val_3', 'h'), node('Add', 'h wide', 'g'), node('MatMul', 'g head', 'y')],
      inputs: [X],
      outputs: [Y],
      initializers: [
        tensor('val_3', 'float32', [3, 4], transposed(embedding)),
        tensor('head', 'float32', [4, 3], embedding.values ?? []),
        tensor('wide', 'float32', [1, 4], bias.values ?? []),
      ],
    }),
    { 'embed.weight': embedding, bias },
  );
  assert.deepEqual(
    map.placements.map(({ initializer, tensor, transposed: turned }) => [initializer, tensor, turned]),
    [
      ['head', 'embed.weight', false],
      ['wide', 'bias', false],
    ],
  );
  assert.deepEqual([map.unplaced, map.leftOver, map.findings], [[], [], []]);
});

test('a tensor that the exporter wrote out twice is one weight, with the gradients of both uses', async () => {
  const embedding = written([3, 3], 4);
  const map = await match(
    model({
      nodes: [
        node('MatMul', 'x embed.weight', 'h'),
        node('MatMul', 'h val_3', 'y'),
        node('ReduceSum', 'y', 's'),
      ],
      inputs: [X],
      outputs: [Y, value('s', 'float32')],
      initializers: [
        tensor('embed.weight', 'float32', [3, 3], embedding.values ?? []),
        tensor('val_3', 'float32', [3, 3], transposed(embedding)),
      ],
    }),
    { 'embed.weight': embedding },
  );
  assert.deepEqual(map.unplaced, []);
  assert.equal(map.placements.length, 1);
  assert.deepEqual([...map.graph.initializers.keys()], ['embed.weight']);
  // y = x E Eᵀ: both uses count. ∂Σy/∂E = xᵀ1·(1ᵀE) + 1·(1ᵀxE), worked out in plain loops.
  const e = (i: number, j: number): number => embedding.values?.[3 * i + j] ?? NaN;
  const x = [1, 2, -1];
  const columns = [0, 1, 2].map((k) => e(0, k) + e(1, k) + e(2, k));
  const hidden = [0, 1, 2].map((k) => x.reduce((sum, one, i) => sum + one * e(i, k), 0));
  const expected = [0, 1, 2].flatMap((i) =>
    [0, 1, 2].map((k) => (x[i] ?? NaN) * (columns[k] ?? NaN) + (hidden[k] ?? NaN)),
  );
  const feeds = new Map([['x', tensorValue('float32', [1, 3], x)]]);
  const traced = got(await traceGraph(map.graph, feeds, ['s']));
  const made = got(differentiate(traced, 's', ['embed.weight']));
  const name = made.gradients.get('embed.weight') ?? '';
  const session = got(await openSession(made.graph, { outputs: [name] }));
  const gradient = got(await session.run(feeds)).get(name);
  assert.ok(gradient);
  for (const [i, one] of numbersOf(gradient).entries())
    assert.ok(Math.abs(one - (expected[i] ?? NaN)) < 1e-5);
});

test('equal tensors of which nothing tells are reported, not guessed', async () => {
  const ones = { shape: [3], values: [1] };
  const map = await match(
    model({
      nodes: [node('Mul', 'x one', 'h'), node('Mul', 'h one', 'y')],
      inputs: [X],
      outputs: [Y],
      initializers: [tensor('one', 'float32', [3], [1, 1, 1])],
    }),
    { 'first.weight': ones, 'second.gain': ones },
  );
  assert.deepEqual(map.placements, []);
  assert.deepEqual(
    map.findings.map(({ code }) => code),
    ['graph-weight-ambiguous', 'graph-weight-folded'],
  );
});

test('a weight that kept its name but was changed by the exporter is not placed', async () => {
  const [a, b] = [written([3, 3], 1), written([3, 3], 2)];
  const changed = (b.values ?? []).map((x) => 2 * x);
  const made = model({
    nodes: [node('MatMul', 'x a', 'h'), node('MatMul', 'h b', 'y')],
    inputs: [X],
    outputs: [Y],
    initializers: [tensor('a', 'float32', [3, 3], a.values ?? []), tensor('b', 'float32', [3, 3], changed)],
  });
  const map = await match(made, { a, b });
  assert.deepEqual(
    map.placements.map(({ tensor }) => tensor),
    ['a'],
  );
  assert.deepEqual(
    map.findings.map(({ code, at }) => [code, at]),
    [['graph-weight-differs', 'b']],
  );
  const other = await match(made, { a: written([3, 3], 8), b: written([3, 3], 9) });
  assert.deepEqual(
    other.placements.map(({ tensor, evidence }) => [tensor, evidence]),
    [
      ['a', 'name'],
      ['b', 'name'],
    ],
  );
  assert.deepEqual(
    other.findings.map(({ code }) => code),
    ['graph-other-checkpoint'],
  );
});

test('a module around the model, on either side, does not hide the names', () => {
  assert.deepEqual(commonPrefixes(['model.a.w', 'model.b.w'], ['a.w', 'b.w', 'c.w']), {
    graph: 'model.',
    checkpoint: '',
  });
  assert.deepEqual(commonPrefixes(['a.w', 'b.w'], ['bert.a.w', 'bert.b.w']), {
    graph: '',
    checkpoint: 'bert.',
  });
  assert.deepEqual(commonPrefixes(['a.w', 'val_1'], ['a.w', 'b.w']), { graph: '', checkpoint: '' });
});

test('a source that lacks a tensor, or has it in another shape, is refused before anything is read', async () => {
  const a = written([3, 4], 1);
  const made = model({
    nodes: [node('MatMul', 'x a', 'y')],
    inputs: [X],
    outputs: [Y],
    initializers: [tensor('a', 'float32', [3, 4], a.values ?? [])],
  });
  const map = await match(made, { a });
  for (const [tensors, code] of [
    [{ b: a }, 'graph-weight-unbound'],
    [{ a: written([4, 3], 1) }, 'graph-weight-shape'],
  ] as const) {
    const file = writeSafetensors(join(temporaryFolder(), 'model.safetensors'), tensors);
    const source = checkpointSource(got(await openCheckpoint(file)));
    assert.deepEqual(
      bindingFindings(map, source).map((finding) => finding.code),
      [code],
    );
    assert.equal(codeOf(await bindWeights(map, source)), code);
  }
});

test('a fine-tune, an adapter and a sum of both are bound as θ₀ + Σ λ τ', async () => {
  const folder = temporaryFolder();
  const base = writeSafetensors(join(folder, 'base/model.safetensors'), {
    'model.layers.0.self_attn.q_proj.weight': { shape: [2, 3], values: [1, 2, 3, 4, 5, 6] },
  });
  const tuned = writeSafetensors(join(folder, 'tuned/model.safetensors'), {
    'model.layers.0.self_attn.q_proj.weight': { shape: [2, 3], values: [2, 2, 3, 4, 5, 8] },
  });
  const adapter = writeAdapter(
    join(folder, 'adapter'),
    { r: 1, lora_alpha: 2 },
    {
      'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight': { shape: [1, 3], values: [1, 0, -1] },
      'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight': { shape: [2, 1], values: [0.5, 1] },
    },
  );
  const study = got(
    await openStudy({
      name: 'study',
      base,
      tasks: [
        { name: 'tuned', path: tuned },
        { name: 'adapter', path: adapter },
      ],
    }),
  );
  const [dense, factored] = study.tasks;
  assert.ok(study.base && dense && factored);
  const name = 'model.layers.0.self_attn.q_proj.weight';
  const values = async (terms: Parameters<typeof combinationSource>[1]): Promise<number[]> => {
    assert.ok(study.base);
    return [...got(await combinationSource(study.base, terms).load(name))];
  };
  assert.deepEqual(await values([{ task: dense, coefficient: 1 }]), [2, 2, 3, 4, 5, 8]);
  // s·B·A with s = α/r = 2.
  assert.deepEqual(await values([{ task: factored, coefficient: 1 }]), [2, 2, 2, 6, 5, 4]);
  assert.deepEqual(
    await values([
      { task: dense, coefficient: 0.5 },
      { task: factored, coefficient: -1 },
    ]),
    [0.5, 2, 4, 2, 5, 9],
  );
  assert.deepEqual([...got(await deltaSource(study.base, dense).load(name))], [1, 0, 0, 0, 0, 2]);
  assert.deepEqual([...got(await deltaSource(study.base, factored).load(name))], [1, 0, -1, 2, 0, -2]);
});

test(
  'every weight of the exports of the zoo is placed, and the folded ones of the trap are not',
  { skip: WITHOUT_ZOO },
  async () => {
    for (const [family, file, weights] of [
      ['vit-digits', 'base.onnx', 104],
      ['charlm', 'base.onnx', 38],
      ['cnn-digits', 'base.onnx', 17],
      ['moe-toy', 'base.onnx', 65],
    ] as const) {
      const graph = got(prepareGraph(got(await readModel(join(ZOO, family, 'onnx', file)))));
      const map = got(await matchWeights(graph, got(await openCheckpoint(join(ZOO, family, 'base')))));
      assert.deepEqual(map.findings, [], family);
      assert.ok(
        map.placements.every(
          ({ evidence, initializer, tensor }) => evidence === 'name and values' && initializer === tensor,
        ),
      );
      assert.ok(map.placements.length >= weights - 1, `${family}: ${String(map.placements.length)}`);
      assert.deepEqual(map.leftOver, []);
    }
    const folded = got(prepareGraph(got(await readModel(join(ZOO, 'cnn-digits/onnx/base-bn-folded.onnx')))));
    const map = got(await matchWeights(folded, got(await openCheckpoint(join(ZOO, 'cnn-digits/base')))));
    assert.deepEqual(map.placements.map(({ tensor }) => tensor).sort(), ['fc.bias', 'fc.weight']);
    assert.ok(map.leftOver.includes('conv1.weight') && map.leftOver.includes('bn1.running_var'));
  },
);

test('one graph gives the logits of a fine-tune that is bound to it', { skip: WITHOUT_ZOO }, async () => {
  const graph = got(prepareGraph(got(await readModel(join(ZOO, 'vit-digits/onnx/base.onnx')))));
  const map = got(await matchWeights(graph, got(await openCheckpoint(join(ZOO, 'vit-digits/base')))));
  const rot90 = checkpointSource(got(await openCheckpoint(join(ZOO, 'vit-digits/rot90'))));
  const weights = got(await bindWeights(map, rot90));
  const x = tensorValue('float32', [2, 1, 16, 16], gaussians(512, 4));
  const bound = got(await openSession(map.graph, { outputs: ['logits'], weights: new Set(weights.keys()) }));
  const own = got(prepareGraph(got(await readModel(join(ZOO, 'vit-digits/onnx/rot90.onnx')))));
  const exported = got(await openSession(own, { outputs: ['logits'] }));
  const found = got(await bound.run(new Map([...weights, ['pixel_values', x]]))).get('logits');
  const expected = got(await exported.run(new Map([['pixel_values', x]]))).get('logits');
  assert.ok(found && expected);
  for (const [i, one] of numbersOf(expected).entries())
    assert.ok(Math.abs(one - (numbersOf(found)[i] ?? NaN)) < 1e-5);
});
