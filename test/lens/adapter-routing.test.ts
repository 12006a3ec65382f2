import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { openCheckpoint } from '../../src/format/registry';
import { deltaSource } from '../../src/graph/bind/weight-source';
import { openStudyNetwork, type StudyNetwork } from '../../src/graph/study-network';
import { adapterRouting } from '../../src/lens/adapter-routing';
import { agreementOf, ownAdapters } from '../../src/lens/adapter-agreement';
import { gateOf } from '../../src/lens/activations/adapter-gates';
import { adapterSites, prototypeCosine, type AdapterSite } from '../../src/lens/activations/adapter-sites';
import { readTokens } from '../../src/lens/activations/read-tokens';
import {
  routeTokens,
  RoutingSums,
  scoresOf,
  type RoutingRule,
} from '../../src/lens/activations/token-routing';
import { openStudy } from '../../src/model/open-study';
import type { Study } from '../../src/model/study';
import { unpackNumbers } from '../../src/protocol/numbers';
import { got } from '../graph/got';
import { temporaryFolder, writeSafetensors } from '../model/write-safetensors';
import { cell, networkStudy, only, run, WITH_ZOO, ZOO } from './run';
import { slowPasses } from './slow-passes';

const ROOM = 2 ** 28;
const ADAPTERS = ['arith-r8', 'json-r8', 'revwords-r8'];
const { signal } = new AbortController();

async function adapterStudy(adapters = ADAPTERS, data = ['arith', 'json', 'revwords']): Promise<Study> {
  const folder = path.join(ZOO, 'charlm');
  return got(
    await openStudy({
      name: 'adapters',
      base: path.join(folder, 'base'),
      tasks: adapters.map((name) => ({ name, path: path.join(folder, 'lora', name) })),
      graph: path.join(folder, 'onnx/base.onnx'),
      data: data.map((name) => ({ name, path: path.join(folder, `data/${name}.npz`) })),
    }),
  );
}

/** The direction of length 1 that a matrix, as rows of outputs, stretches most: power iteration on MᵀM. */
function slowDirection(matrix: Float64Array, rows: number, columns: number): Float64Array {
  let v = Float64Array.from({ length: columns }, (_, k) => Math.sin(k + 1));
  for (let step = 0; step < 2000; step++) {
    const image = Float64Array.from({ length: rows }, (_, i) =>
      v.reduce((sum, value, k) => sum + (matrix[i * columns + k] ?? 0) * value, 0),
    );
    const back = Float64Array.from({ length: columns }, (_, k) =>
      image.reduce((sum, value, i) => sum + (matrix[i * columns + k] ?? 0) * value, 0),
    );
    const length = Math.hypot(...back);
    v = back.map((value) => value / length);
  }
  return v;
}

test('Arrow does not see the sign of a prototype, PHATGOOSE neither shift nor size of an input', () => {
  const tokens = { rows: 2, columns: 3, values: Float64Array.of(1, 2, 4, -1, 0, 3) };
  const vectors = { rows: 1, columns: 3, values: Float64Array.of(0.6, 0, -0.8) };
  const turned = { ...vectors, values: vectors.values.map((value) => -value) };
  const arrow = { kind: 'arrow', temperature: 1 } as const;
  assert.deepEqual(
    [...scoresOf(tokens, vectors, arrow).values].map((x) => x.toFixed(12)),
    [2.6, 3].map((x) => x.toFixed(12)),
  );
  assert.deepEqual(scoresOf(tokens, turned, arrow), scoresOf(tokens, vectors, arrow));
  const [root] = scoresOf(tokens, vectors, { kind: 'arrow', temperature: 0 }).values;
  assert.ok(Math.abs((root ?? 0) - 2.6 / Math.sqrt(3)) < 1e-12);
  const goose = { kind: 'phatgoose', temperature: 1 } as const;
  const moved = { ...tokens, values: tokens.values.map((value) => 100 * value + 7) };
  scoresOf(moved, vectors, goose).values.forEach((score, at) =>
    assert.ok(Math.abs(score - (scoresOf(tokens, vectors, goose).values[at] ?? NaN)) < 1e-4),
  );
});

test('a token counts for its best adapters, and only where they are', () => {
  const sums = new RoutingSums(4, [0, 2, 3], 2);
  const votes = [new Float64Array(4), new Float64Array(4)];
  const values = Float64Array.of(Math.log(3), 0, -50, 0, 0, 0);
  sums.add({ rows: 2, columns: 3, values }, 1, votes, 0);
  const routing = sums.routing();
  assert.ok(routing);
  const { first, weight, entropy, tokens } = routing;
  assert.equal(tokens, 2);
  assert.deepEqual([...first], [1, 0, 0, 0]);
  [0.625, 0, 0.375, 0].forEach((wanted, at) => assert.ok(Math.abs((weight[at] ?? NaN) - wanted) < 1e-12));
  assert.deepEqual(
    [...(votes[1] ?? [])].map((x) => x.toFixed(6)),
    ['0.500000', '0.000000', '0.500000', '0.000000'],
  );
  const sure = -(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25));
  assert.equal(new RoutingSums(4, [0, 2], 2).routing(), null, 'no token is no share of 0');
  assert.ok(Math.abs(entropy - (sure + Math.log(3)) / 2 / Math.log(3)) < 1e-9);
});

test('adapters of a data set have its name, or its name before a separator', () => {
  assert.deepEqual(ownAdapters('json', ['json', 'json-r8', 'jsonnet', 'arith', 'json.v2']), [0, 1, 4]);
  const site = {
    tokens: 10,
    members: [0, 1, 2],
    first: Float64Array.of(0.5, 0.2, 0.3),
    weight: Float64Array.of(0.4, 0.3, 0.3),
    entropy: 1,
  };
  const votes = [Float64Array.of(2, 1, 0), Float64Array.of(1, 2, 0), Float64Array.of(0, 1, 2)];
  const agreement = agreementOf('a', ['a-1', 'a-2', 'b'], { sites: [site, null], votes });
  assert.deepEqual(
    [agreement?.tokens, agreement?.samples, agreement?.chance, agreement?.sites],
    [0.7, 2 / 3, 2 / 3, [0.7, null]],
  );
  const unrouted = [...votes, new Float64Array(3)];
  assert.equal(agreementOf('a', ['a-1', 'a-2', 'b'], { sites: [site], votes: unrouted })?.samples, 2 / 3);
  const none = [new Float64Array(3)];
  assert.equal(agreementOf('a', ['a-1', 'a-2', 'b'], { sites: [site], votes: none })?.samples, null);
  assert.equal(agreementOf('c', ['a-1', 'b'], { sites: [site], votes }), null);
  const among = { ...site, members: [0, 1], first: Float64Array.of(0.6, 0.4, 0) };
  const mixed = agreementOf('a', ['a-1', 'a-2', 'b'], { sites: [site, among], votes });
  assert.deepEqual(
    [mixed?.tokens, mixed?.chance, mixed?.sites],
    [0.7, 2 / 3, [0.7, null]],
    'no choice there',
  );
});

test('the gate of a module is found in the file, whatever wraps the name', async () => {
  const folder = temporaryFolder();
  const q = 'base_model.model.model.layers.1.self_attn.q_proj';
  const file = writeSafetensors(path.join(folder, 'adapter_model.safetensors'), {
    [`${q}.lora_A.weight`]: { shape: [2, 4] },
    [`${q}.router.expert_embeddings__0`]: { shape: [1, 4], values: [1, 2, 3, 4] },
    [`${q.replace('q_proj', 'k_proj')}.expert_lora.expert_input_gate`]: { shape: [3] },
  });
  const checkpoint = got(await openCheckpoint(file));
  const gate = (tensor: string) => gateOf(checkpoint, tensor, 4).then(got);
  assert.deepEqual(await gate('model.layers.1.self_attn.q_proj.weight'), Float64Array.of(1, 2, 3, 4));
  assert.equal(await gate('model.layers.1.self_attn.k_proj.weight'), null, 'not as long as the input');
  assert.equal(await gate('model.layers.11.self_attn.q_proj.weight'), null);
});

test('prototypes of adapters and of fine-tunes are what power iteration on ΔW finds', async () => {
  const study = await networkStudy(['rot90', 'invert']);
  const network = got(await openStudyNetwork(study, { samples: 2, seed: 0 }));
  const { sites } = got(await adapterSites(study, network, signal, () => undefined));
  assert.equal(sites.length, 6 * 6, 'query, key, value, output, up, down; τ of the classifier is 0');
  for (const tensor of ['vit.encoder.layer.0.intermediate.dense.weight']) {
    const site = sites.find((each) => each.tensor === tensor);
    const { base, tasks } = study;
    const [task] = tasks;
    assert.ok(site && base && task);
    const delta = got(await deltaSource(base, task).load(tensor));
    const slow = slowDirection(delta, 128, 64);
    const own = site.adapters[0];
    assert.ok(own);
    assert.ok(Math.abs(prototypeCosine(own, { ...own, prototype: slow }) - 1) < 1e-9);
  }
});

test('where gates were trained, tokens are routed by them, in the order of a slow sum', async () => {
  const study = await networkStudy(['rot90', 'invert'], ['rot90']);
  const network = got(await openStudyNetwork(study, { samples: 3, seed: 0 }));
  const [site] = got(await adapterSites(study, network, signal, () => undefined)).sites;
  assert.ok(site);
  const gates = [0, 1].map((which) => Float64Array.from({ length: 64 }, (_, k) => Math.cos(k * (which + 1))));
  const gated: AdapterSite = {
    ...site,
    adapters: site.adapters.map((own, at) => own && { ...own, gate: gates[at] ?? null }),
  };
  const samples = got(await network.samplesNamed('rot90'));
  const rule = { kind: 'phatgoose', top: 1, temperature: 1 } as const;
  const route = async (...rules: RoutingRule[]) => {
    let runs = 0;
    const counted: StudyNetwork = {
      ...network,
      weightsOf: (...given) => {
        runs++;
        return network.weightsOf(...given);
      },
    };
    const found = got(
      await routeTokens(counted, { samples }, [gated, site], rules, { signal }, () => undefined),
    );
    assert.equal(runs, 1, 'one run for all rules');
    return found;
  };
  const [routed] = await route(rule);
  assert.ok(routed);
  const arrow = { ...rule, kind: 'arrow' } as const;
  assert.deepEqual(await route(arrow, rule), [...(await route(arrow)), routed]);
  assert.equal(routed.sites[1], null, 'without gates there is no such routing');
  let [first, tokens] = [0, 0];
  const request = { model: null, samples, values: [site.input], signal, progress: () => undefined };
  got(
    await readTokens(network, request, (_, { values, columns, rows }) => {
      const standard = (vector: Float64Array) => {
        const mean = vector.reduce((sum, value) => sum + value, 0) / vector.length;
        const variance = vector.reduce((sum, value) => sum + (value - mean) ** 2, 0) / vector.length;
        return vector.map((value) => (value - mean) / Math.sqrt(variance + 1e-5));
      };
      for (let row = 0; row < rows; row++) {
        const h = standard(values.subarray(row * columns, (row + 1) * columns));
        const [a = 0, b = 0] = gates.map((gate) =>
          standard(gate).reduce((sum, value, k) => sum + value * (h[k] ?? 0), 0),
        );
        first += Number(a >= b);
        tokens++;
      }
    }),
  );
  assert.equal(tokens, 3 * 17);
  assert.ok(Math.abs((routed.sites[0]?.first[0] ?? NaN) - first / tokens) < 1e-12);
});

test('shares of every data set sum to 1, and every site has a row per adapter', async () => {
  const study = await networkStudy(['rot90', 'invert']);
  const ran = await run(adapterRouting, study, { samples: 6, top_k: 1 }, slowPasses(), ROOM);
  for (const id of ['winners', 'first_choices', 'shares:rot90', 'first:invert']) {
    const { values, rows } = ran.matrix(id);
    const numbers = unpackNumbers(values);
    rows.forEach((_, row) =>
      assert.ok(Math.abs((numbers[2 * row] ?? 0) + (numbers[2 * row + 1] ?? 0) - 1) < 1e-9),
    );
  }
  assert.deepEqual(ran.matrix('winners').values, ran.matrix('first_choices').values, 'one adapter a token');
  assert.equal(ran.table('modules').length, 2 * 36 * 2);
  assert.equal(only(ran.table('data_sets'), { data: 'rot90' })['own'], 'rot90');
  assert.ok(Math.abs((cell(ran.matrix('prototypes'), 'rot90', 'rot90') ?? 0) - 1) < 1e-9);
});

test('samples of generated texts go to the adapters that were trained on them', WITH_ZOO, async () => {
  const ran = await run(adapterRouting, await adapterStudy(), { samples: 8 }, slowPasses(), ROOM);
  for (const row of ran.table('data_sets')) {
    assert.equal(row['winner'], `${String(row['data'])}-r8`);
    assert.equal(row['samples_right'], 1);
    assert.ok(Number(row['agreement']) > Number(row['chance']));
  }
  assert.equal(ran.table('modules').length, 3 * 28 * 3);
});

test('the first right singular vector of an adapter is found from its factors', WITH_ZOO, async () => {
  const study = await adapterStudy();
  const network = got(await openStudyNetwork(study, { samples: 1, seed: 0 }));
  const site = got(await adapterSites(study, network, signal, () => undefined)).sites.find(({ tensor }) =>
    tensor.endsWith('layers.2.mlp.down_proj.weight'),
  );
  const { base, tasks } = study;
  const [task] = tasks;
  assert.ok(site && base && task);
  const delta = got(await deltaSource(base, task).load(site.tensor));
  const own = site.adapters[0];
  assert.ok(own);
  assert.equal(own.prototype.length, 256, 'as long as the input of the matrix');
  const slow = slowDirection(delta, 128, 256);
  assert.ok(Math.abs(prototypeCosine(own, { ...own, prototype: slow }) - 1) < 1e-9);
});

test('an adapter with NaN takes no part in a matrix, and that is found', async () => {
  const study = await networkStudy(['rot90', 'invert', 'vflip'], ['rot90']);
  const network = got(await openStudyNetwork(study, { samples: 1, seed: 0 }));
  const before = got(await adapterSites(study, network, signal, () => undefined));
  const tensor = before.sites[0]?.tensor ?? '';
  const factors = {
    scale: 1,
    rank: 1,
    rows: 64,
    columns: 64,
    b: new Float64Array(64).fill(NaN),
    a: new Float64Array(64),
  };
  const broken = {
    kind: 'lowRank' as const,
    ...{ scale: 1, rank: 1, alpha: null, stored: null, bytes: 0, tensors: 2, parameters: 128 },
    load: () => Promise.resolve({ ok: true as const, value: factors }),
  };
  const tasks = study.tasks.map((task, at) =>
    at === 1 ? { ...task, deltas: new Map([...task.deltas, [tensor, broken]]) } : task,
  );
  const { sites, findings } = got(await adapterSites({ ...study, tasks }, network, signal, () => undefined));
  assert.deepEqual(
    sites[0]?.adapters.map((own) => own !== null),
    [true, false, true],
  );
  assert.deepEqual(
    findings.map(({ code, at }) => [code, at]),
    [['matrix-not-finite', tensor]],
  );
  assert.equal(before.findings.length, 0);
});

test('tasks that change no common matrix have nothing to choose between', async () => {
  const study = await networkStudy(['rot90', 'invert']);
  const tasks = study.tasks.map((task, at) => (at === 0 ? task : { ...task, deltas: new Map() }));
  const output = await adapterRouting.run(
    { ...study, tasks },
    { samples: 2 },
    {
      passes: slowPasses(),
      signal,
      memoryBudget: ROOM,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.equal(output.ok ? 'ok' : output.problem.code, 'no-task-vector');
});
