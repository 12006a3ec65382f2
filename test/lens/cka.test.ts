import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cka } from '../../src/lens/cka';
import { checkParameters } from '../../src/protocol/lens';
import { unpackNumbers } from '../../src/protocol/numbers';
import { networkStudy, run } from './run';
import { slowPasses } from './slow-passes';

const ROOM = 2 ** 28;

test('base and fine-tune are compared on the samples of the task, with ids that do not change', async () => {
  const ran = await run(cka, await networkStudy(['rot90']), { samples: 40 }, slowPasses(), ROOM);
  for (const id of ['base_base', 'ft_ft']) {
    const values = unpackNumbers(ran.matrix(id).values);
    const n = ran.matrix(id).rows.length;
    assert.equal(n, 7);
    for (let i = 0; i < n; i++) {
      assert.ok(Math.abs((values[i * n + i] ?? 0) - 1) < 1e-12, 'a layer is like itself');
      for (let j = 0; j < n; j++) {
        assert.ok(Math.abs((values[i * n + j] ?? 0) - (values[j * n + i] ?? 0)) < 1e-12, 'symmetric');
      }
    }
  }
  assert.deepEqual(
    ran.matrix('base_ft').rows.map(({ layer }) => layer),
    [undefined, ...[0, 1, 2, 3, 4, 5].map((layer) => `vit.encoder.layer.${layer}`)],
  );
  assert.match(ran.matrix('base_ft').caption ?? '', /40 of 250 samples of rot90/);
  assert.equal(ran.table('pairs').length, 3 * 49);
});

test('the first token of the input is the same for every sample: it has no CKA', async () => {
  const study = await networkStudy([], ['rot90']);
  const ran = await run(cka, study, { samples: 12, pool: 'cls' }, slowPasses(), ROOM);
  const values = unpackNumbers(ran.matrix('base_base').values);
  assert.deepEqual(
    values.slice(0, 7),
    Array.from({ length: 7 }, () => null),
  );
  assert.ok((values[8] ?? 0) > 0.999);
});

test('several tasks have matrices of their own, and a fine-tune equal to the base changes nothing', async () => {
  const study = await networkStudy(['rot90', 'base'], ['rot90']);
  const ran = await run(cka, study, { samples: 10 }, slowPasses(), ROOM);
  const [same, other] = [ran.matrix('base_ft:base'), ran.matrix('base_base:base')].map(({ values }) =>
    unpackNumbers(values),
  );
  same?.forEach((value, at) => assert.ok(Math.abs((value ?? NaN) - (other?.[at] ?? NaN)) < 1e-9));
});

test('minibatches give the same in parts where memory is short', async () => {
  const study = await networkStudy(['rot90']);
  const few = { samples: 16, estimator: 'minibatch', batch: 8 };
  const whole = await run(cka, study, few, slowPasses(), ROOM);
  // Eight samples of 7 places with 64 features take 28 KiB, and a quarter of this is for them.
  const parted = await run(cka, study, few, slowPasses(), 2 ** 17);
  for (const id of ['base_base', 'base_ft', 'ft_ft', 'base_ft:rsa']) {
    const other = unpackNumbers(parted.matrix(id).values);
    unpackNumbers(whole.matrix(id).values).forEach((value, at) =>
      assert.ok(Math.abs((value ?? NaN) - (other[at] ?? NaN)) < 1e-6),
    );
  }
  assert.match(whole.matrix('base_ft').caption ?? '', /2 minibatches of 8/);
});

test('RSA of a layer with itself is 1, and no minibatch is made of too few samples', async () => {
  const study = await networkStudy(['rot90']);
  const ran = await run(cka, study, { samples: 12 }, slowPasses(), ROOM);
  const values = unpackNumbers(ran.matrix('ft_ft:rsa').values);
  for (let i = 0; i < 7; i++) assert.ok(Math.abs((values[i * 8] ?? 0) - 1) < 1e-12);
  const output = await cka.run(
    study,
    { samples: 12, estimator: 'minibatch', batch: 64 },
    {
      passes: slowPasses(),
      signal: new AbortController().signal,
      memoryBudget: ROOM,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.equal(output.ok ? 'ok' : output.problem.code, 'cka-batch');
});

test('the same seed draws the same samples, another one others', async () => {
  const study = await networkStudy(['rot90']);
  const valuesOf = async (seed: number) =>
    unpackNumbers(
      (await run(cka, study, { samples: 10, seed }, slowPasses(), ROOM)).matrix('base_ft').values,
    );
  assert.deepEqual(await valuesOf(1), await valuesOf(1));
  assert.notDeepEqual(await valuesOf(1), await valuesOf(2));
});

test('a study without a graph, or without data, or data that do not fit, say what to do', async () => {
  const study = await networkStudy(['rot90']);
  const { graph = '', data = [] } = study.spec;
  const cases = [
    [{ name: 'x', tasks: [], data }, 'study-needs-graph'],
    [{ name: 'x', tasks: [], graph }, 'study-needs-data'],
    [{ name: 'x', tasks: [], graph, data: [{ name: 'd', path: graph }] }, 'data-format'],
    [{ name: 'x', tasks: [], graph, data: [{ name: 'd', path: '/nowhere.npz' }] }, 'file-missing'],
  ] as const;
  const parameters = checkParameters(cka.description.parameters, {});
  assert.ok(parameters.ok);
  for (const [spec, code] of cases) {
    const output = await cka.run({ ...study, spec }, parameters.value, {
      passes: slowPasses(),
      signal: new AbortController().signal,
      memoryBudget: ROOM,
      progress: () => undefined,
      log: () => undefined,
    });
    assert.equal(output.ok ? 'ok' : output.problem.code, code);
    assert.ok(output.ok || output.problem.action.length > 0);
  }
});
