import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { openStudyNetwork } from '../../src/graph/study-network';
import {
  cacheHitRate,
  mutualInformation,
  RoutingCounts,
  routerSites,
  routingOf,
  segmentPerformance,
} from '../../src/lens/activations/routing';
import { routerUsage } from '../../src/lens/router-usage';
import { openStudy } from '../../src/model/open-study';
import type { Study } from '../../src/model/study';
import { got } from '../graph/got';
import { mixtureStudy, networkStudy, readJson, run, WITH_ZOO, ZOO } from './run';
import { slowPasses } from './slow-passes';

async function mixture(): Promise<Study> {
  return got(
    await openStudy({
      name: 'mixture',
      base: path.join(ZOO, 'moe-toy/base'),
      tasks: [{ name: 'arith', path: path.join(ZOO, 'moe-toy/arith') }],
      graph: path.join(ZOO, 'moe-toy/onnx/base.onnx'),
      data: ['kjv', 'python', 'arith'].map((name) => ({
        name,
        path: path.join(ZOO, `charlm/data/${name}.npz`),
      })),
    }),
  );
}

test('a token counts for its two experts, with weights that sum to 1', () => {
  const counts = new RoutingCounts(3, { top: 2, segment: 1 });
  counts.add({ rows: 2, tokens: 2, values: Float64Array.of(Math.log(3), 0, -9, 0, 1, 1) });
  const { selected, first, weight, score, segments } = counts.routing();
  assert.deepEqual([...selected], [0.5, 1, 0.5]);
  assert.deepEqual([...first], [0.5, 0.5, 0]);
  [0.375, 0.375, 0.25].forEach((wanted, expert) =>
    assert.ok(Math.abs((weight[expert] ?? 0) - wanted) < 1e-12),
  );
  assert.ok(Math.abs((score[1] ?? 0) - 0.5) < 1e-12);
  assert.equal(segments.length, 2);
});

test('experts that one task alone uses tell all about it, and shared ones nothing', () => {
  assert.ok(Math.abs(mutualInformation([Float64Array.of(1, 0), Float64Array.of(0, 1)]) - Math.LN2) < 1e-12);
  assert.ok(Math.abs(mutualInformation([Float64Array.of(0.3, 0.7), Float64Array.of(0.3, 0.7)])) < 1e-12);
});

test('a cache holds the experts that a segment uses most, and performance is the best F1 over thresholds', () => {
  const segments = [Float64Array.of(4, 0, 0, 4), Float64Array.of(1, 3, 2, 2)];
  assert.equal(cacheHitRate(segments, 1), (4 + 3) / 16);
  assert.equal(cacheHitRate(segments, 2), (8 + 5) / 16);
  const f1 = (matches: number, experts: number) => (2 * matches) / (4 * experts + 16);
  const wanted = Math.max(f1(16, 6), f1(15, 5), f1(11, 3), f1(8, 2));
  assert.ok(Math.abs((segmentPerformance(segments, 4) ?? 0) - wanted) < 1e-12);
});

interface Reference {
  readonly usage: Readonly<Record<string, readonly Readonly<Record<string, readonly number[]>>[]>>;
  readonly mutual_information_task_expert_nats: readonly number[];
}

test('routing of a trained mixture is that of PyTorch', WITH_ZOO, async () => {
  const reference = readJson<Reference>(ZOO, 'reference/moe-toy/experts.json');
  const network = got(await openStudyNetwork(await mixture(), { samples: 1000, seed: 0 }));
  const sites = routerSites(network);
  assert.equal(sites.length, 2);
  const weights: Float64Array[][] = [[], []];
  for (const name of ['kjv', 'python', 'arith']) {
    const all = got(await network.samplesNamed(name));
    // The reference is over the second half of the sequences.
    const samples = {
      ...all,
      count: 64,
      feeds: (first: number, count: number) => all.feeds(first + 64, count),
    };
    const signal = new AbortController().signal;
    const found = got(
      await routingOf(
        network,
        { task: null, samples },
        sites,
        { top: 2, segment: 16 },
        { signal },
        () => undefined,
      ),
    );
    found.forEach(({ selected, first, weight, probability }, layer) => {
      const wanted = reference.usage[`base on ${name}`]?.[layer] ?? {};
      const pairs = {
        selected_share: selected,
        top1_share: first,
        mean_weight: weight,
        mean_router_probability: probability,
      };
      for (const [key, own] of Object.entries(pairs)) {
        own.forEach((value, expert) => {
          const other = wanted[key]?.[expert] ?? NaN;
          assert.ok(
            Math.abs(value - other) < 1e-3,
            `${name} ${key} ${String(value)} is not ${String(other)}`,
          );
        });
      }
      weights[layer]?.push(weight);
    });
  }
  weights.forEach((own, layer) => {
    const wanted = reference.mutual_information_task_expert_nats[layer] ?? NaN;
    assert.ok(Math.abs(mutualInformation(own) - wanted) < 1e-3);
  });
});

test('every expert of every router has a row, and a network without routers is told so', async () => {
  const ran = await run(routerUsage, await mixtureStudy(), { samples: 4 }, slowPasses(), 2 ** 28);
  assert.equal(ran.table('experts').length, 2 * 2 * 8);
  assert.equal(ran.table('keep_sets').length, 2);
  const output = await routerUsage.run(
    await networkStudy([], ['rot90']),
    {},
    {
      passes: slowPasses(),
      signal: new AbortController().signal,
      memoryBudget: 2 ** 28,
      progress: () => undefined,
      log: () => undefined,
    },
  );
  assert.equal(output.ok ? 'ok' : output.problem.code, 'graph-layers');
});
