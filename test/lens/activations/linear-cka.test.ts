import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { openCheckpoint } from '../../../src/format/registry';
import { bindWeights } from '../../../src/graph/bind/bind-weights';
import { checkpointSource } from '../../../src/graph/bind/weight-source';
import { readActivations, type Network, type Samples } from '../../../src/graph/network';
import { centred, linearCka } from '../../../src/lens/activations/linear-cka';
import { MeanCosine } from '../../../src/lens/activations/mean-cosine';
import { pooled, type Pool } from '../../../src/lens/activations/pooling';
import type { Dense } from '../../../src/tensor/linear/dense';
import { got } from '../../graph/got';
import { WITHOUT_ZOO, ZOO } from '../../graph/zoo';
import { zooNetwork, zooSamples } from '../../graph/zoo-network';
import { seeded } from '../../tensor/oracle';

function random(rows: number, columns: number, seed: number): Dense {
  const next = seeded(seed);
  return { rows, columns, values: Float64Array.from({ length: rows * columns }, () => next() - 0.3) };
}

test('CKA of features with themselves is 1, turned, scaled and shifted or not', () => {
  for (const [rows, columns] of [
    [20, 6],
    [6, 20],
  ] as const) {
    const x = random(rows, columns, 1);
    const shifted = { ...x, values: x.values.map((value, at) => -3 * value + (at % columns)) };
    const reversed = {
      ...x,
      values: x.values.map((_, at) => x.values[at - (at % columns) + (columns - 1 - (at % columns))] ?? 0),
    };
    for (const other of [x, shifted, reversed]) {
      const { plain, debiased } = linearCka(centred(x), centred(other));
      assert.ok(Math.abs((plain ?? 0) - 1) < 1e-12);
      assert.ok(Math.abs((debiased ?? 0) - 1) < 1e-12);
    }
  }
});

/** HSIC₁ by its definition: U-centred Gram matrices without their diagonals (Song et al. 2012, eq. 5). */
function slowUnbiased(x: Dense, y: Dense): number {
  const n = x.rows;
  const gram = ({ columns, values }: Dense) =>
    Array.from({ length: n }, (_, i) =>
      Array.from({ length: n }, (__, j) => {
        let sum = 0;
        for (let k = 0; k < columns; k++)
          sum += (values[i * columns + k] ?? 0) * (values[j * columns + k] ?? 0);
        return i === j ? 0 : sum;
      }),
    );
  const [k, l] = [gram(x), gram(y)];
  const total = (m: number[][]) => m.flat().reduce((sum, value) => sum + value, 0);
  let trace = 0;
  let between = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      trace += (k[i]?.[j] ?? 0) * (l[j]?.[i] ?? 0);
      for (let m = 0; m < n; m++) between += (k[i]?.[j] ?? 0) * (l[j]?.[m] ?? 0);
    }
  }
  return (trace + (total(k) * total(l)) / ((n - 1) * (n - 2)) - (2 * between) / (n - 2)) / (n * (n - 3));
}

test('debiased CKA is that of the definition, from features that are not centred', () => {
  for (const [columns, others] of [
    [5, 30],
    [30, 40],
    [4, 3],
  ] as const) {
    const [x, y] = [random(12, columns, 3), random(12, others, 4)];
    const expected = slowUnbiased(x, y) / Math.sqrt(slowUnbiased(x, x) * slowUnbiased(y, y));
    const { debiased } = linearCka(centred(x), centred(y));
    assert.ok(Math.abs((debiased ?? NaN) - expected) < 1e-10, `${debiased}, expected ${expected}`);
  }
});

test('plain CKA of unrelated features grows with their number, debiased CKA does not', () => {
  const { plain, debiased } = linearCka(centred(random(30, 400, 5)), centred(random(30, 400, 6)));
  assert.ok((plain ?? 0) > 0.8);
  assert.ok(Math.abs(debiased ?? 1) < 0.1);
});

test('features that are the same for every sample have no CKA', () => {
  const constant = {
    rows: 8,
    columns: 3,
    values: Float64Array.from({ length: 24 }, (_, at) => 0.1 + (at % 3)),
  };
  assert.deepEqual(linearCka(centred(constant), centred(random(8, 3, 7))), { plain: null, debiased: null });
});

test('pixels are the tokens of a convolution', () => {
  const data = Float64Array.from({ length: 2 * 3 * 4 }, (_, at) => at);
  const mean = pooled(data, [2, 3, 2, 2], 'mean');
  assert.deepEqual([...(mean?.values ?? [])], [1.5, 5.5, 9.5, 13.5, 17.5, 21.5]);
  assert.deepEqual(
    [...(pooled(data, [2, 3, 2, 2], 'tokens')?.values.subarray(0, 6) ?? [])],
    [0, 4, 8, 1, 5, 9],
  );
  assert.deepEqual([...(pooled(data, [2, 4, 3], 'cls')?.values ?? [])], [0, 1, 2, 12, 13, 14]);
});

/** Input of the first layer and output of every layer, pooled. */
async function featuresOf(
  network: Network,
  checkpoint: string,
  samples: Samples,
  pool: Pool,
): Promise<readonly Dense[]> {
  const { layers, map } = network;
  const values = [layers[0]?.input ?? '', ...layers.map(({ output }) => output)];
  const parts = values.map(() => [] as Float64Array[]);
  const columns: number[] = [];
  const weights = got(await bindWeights(map, checkpointSource(got(await openCheckpoint(checkpoint)))));
  const signal = new AbortController().signal;
  got(
    await readActivations(network, { values, weights, samples, count: 256, signal }, (batch) => {
      values.forEach((name, at) => {
        const value = batch.get(name);
        const rows = value && pooled(value.data as Float32Array, value.shape, pool);
        assert.ok(rows);
        parts[at]?.push(rows.values);
        columns[at] = rows.columns;
      });
      return true;
    }),
  );
  return parts.map((each, at) => {
    const all = Float64Array.from(each.flatMap((part) => [...part]));
    return { rows: all.length / (columns[at] ?? 1), columns: columns[at] ?? 1, values: all };
  });
}

type Matrix = readonly (readonly (number | null)[])[];

test(
  'CKA of every layer of a base and its fine-tune is that of the reference',
  { skip: WITHOUT_ZOO },
  async () => {
    const reference = JSON.parse(
      fs.readFileSync(join(ZOO, 'reference/vit-digits/cka.json'), 'utf8'),
    ) as Record<string, Record<string, Record<'base_base' | 'base_ft' | 'ft_ft', Matrix>>>;
    for (const task of ['rot90', 'invert']) {
      const samples = zooSamples(`vit-digits/data/${task}-test.npz`, 'pixel_values');
      const network = await zooNetwork('vit-digits', samples);
      for (const pool of ['cls', 'mean'] as const) {
        const [base, tuned] = [
          (await featuresOf(network, join(ZOO, 'vit-digits/base'), samples, pool)).map(centred),
          (await featuresOf(network, join(ZOO, 'vit-digits', task), samples, pool)).map(centred),
        ] as const;
        const sides = { base_base: [base, base], base_ft: [base, tuned], ft_ft: [tuned, tuned] } as const;
        for (const [key, [rows, columns]] of Object.entries(sides)) {
          const expected = reference[task]?.[pool]?.[key as keyof typeof sides];
          assert.equal(expected?.length, rows.length);
          expected?.forEach((line, i) =>
            line.forEach((value, j) => {
              const [x, y] = [rows[i], columns[j]];
              const found = x && y ? linearCka(x, y).plain : null;
              if (value === null) assert.equal(found, null, `${key} ${i} ${j}`);
              else
                assert.ok(
                  Math.abs((found ?? NaN) / value - 1) < 1e-4,
                  `${key} ${i} ${j}: ${found}, ${value}`,
                );
            }),
          );
        }
      }
    }
  },
);

test('what attention, MLP and block turn is that of the reference', { skip: WITHOUT_ZOO }, async () => {
  const reference = JSON.parse(
    fs.readFileSync(join(ZOO, 'reference/charlm/influence.json'), 'utf8'),
  ) as Record<string, readonly Record<'attention' | 'mlp' | 'block', number>[]>;
  for (const task of ['kjv', 'json']) {
    const samples = zooSamples(`charlm/data/${task}.npz`, 'input_ids');
    const network = await zooNetwork('charlm', samples);
    const values = network.layers.flatMap(({ input, middle, output }) => [input ?? '', middle ?? '', output]);
    for (const checkpoint of ['base', task]) {
      const source = checkpointSource(got(await openCheckpoint(join(ZOO, 'charlm', checkpoint))));
      const weights = got(await bindWeights(network.map, source));
      const means = network.layers.map(() => ({
        attention: new MeanCosine(),
        mlp: new MeanCosine(),
        block: new MeanCosine(),
      }));
      const signal = new AbortController().signal;
      got(
        await readActivations(network, { values, weights, samples, count: 128, signal }, (batch) => {
          network.layers.forEach(({ input, middle, output }, at) => {
            const [x, y, z] = [input, middle, output].map((name) => batch.get(name ?? ''));
            assert.ok(x && y && z);
            const width = x.shape.at(-1) ?? 1;
            const [a, b, c] = [x, y, z].map(({ data }) => data as Float32Array) as [
              Float32Array,
              Float32Array,
              Float32Array,
            ];
            means[at]?.attention.add(a, b, width);
            means[at]?.mlp.add(b, c, width);
            means[at]?.block.add(a, c, width);
          });
          return true;
        }),
      );
      reference[`${checkpoint} on ${task}`]?.forEach((expected, at) => {
        for (const part of ['attention', 'mlp', 'block'] as const) {
          const found = 1 - (means[at]?.[part].value ?? NaN);
          assert.ok(
            Math.abs(found / expected[part] - 1) < 1e-4,
            `${part} ${at}: ${found}, ${expected[part]}`,
          );
        }
      });
    }
  }
});
