import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fimScore } from '../../src/lens/fim-score';
import { fisher } from '../../src/lens/fisher';
import { placeOf } from '../../src/model/naming';
import { openStudy } from '../../src/model/open-study';
import type { Study } from '../../src/model/study';
import { checkParameters } from '../../src/protocol/lens';
import { lackFor } from '../../src/protocol/lens-fit';
import { npyFile, zipFile } from '../graph/data/files';
import { codeOf, got } from '../graph/got';
import { writeTensors } from '../server/files';
import { run, SAMPLES, WITH_ZOO, ZOO } from './run';
import { slowPasses } from './slow-passes';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-fisher-'));
after(() => fs.rmSync(folder, { recursive: true }));

const NORM = 'vit.layernorm.weight';
const BIAS = 'vit.layernorm.bias';

async function digits(files: Readonly<Record<string, string>>): Promise<Study> {
  return got(
    await openStudy({
      name: 'digits',
      base: path.join(SAMPLES, 'vit-digits/base'),
      tasks: [{ name: 'rot90', path: path.join(SAMPLES, 'vit-digits/rot90') }],
      fisher: Object.entries(files).map(([name, file]) => ({ name, path: file })),
    }),
  );
}

/** What a lens says of a study that it cannot run on. */
async function refusal(study: Study, given: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const parameters = got(checkParameters(fisher.description.parameters, given));
  const { signal } = new AbortController();
  const around = { passes: slowPasses(), signal, memoryBudget: 2 ** 20, progress: () => undefined };
  return codeOf(await fisher.run(study, parameters, { ...around, log: () => undefined }));
}

async function width(): Promise<number> {
  const { base } = await digits({});
  const span = base?.tensors.find(({ name }) => name === NORM)?.span;
  return span?.count ?? 0;
}

interface AdamReference {
  readonly tensors: Readonly<
    Record<string, { vhat_sum: number; vhat_frobenius: number; vhat_mean: number; step: number }>
  >;
  readonly layers_vhat_sum: Readonly<Record<string, number>>;
}

test(
  'second moments of Adam are corrected for their bias and stand under the names of the base',
  WITH_ZOO,
  async () => {
    const at = path.join(ZOO, 'charlm');
    const state = path.join(at, 'runs/kjv/checkpoint-400');
    const reference = JSON.parse(
      fs.readFileSync(path.join(ZOO, 'reference/charlm/adam.json'), 'utf8'),
    ) as AdamReference;
    const spec = {
      name: 'kjv',
      base: path.join(at, 'base'),
      tasks: [{ name: 'kjv', path: path.join(at, 'kjv') }],
    };
    for (const file of [state, path.join(state, 'optimizer.pt')]) {
      const study = got(await openStudy({ ...spec, fisher: [{ name: 'kjv', path: file }] }));
      const ran = await run(fisher, study);
      const rows = ran.table('tensors');
      assert.deepEqual(rows.map((row) => row['tensor']).sort(), Object.keys(reference.tensors).sort());
      for (const row of rows) {
        const expected = reference.tensors[String(row['tensor'])];
        assert.ok(expected);
        for (const [figure, value] of [
          ['sum', expected.vhat_sum],
          ['frobenius', expected.vhat_frobenius],
          ['mean', expected.vhat_mean],
        ] as const) {
          const difference = Math.abs(Number(row[figure]) - value);
          assert.ok(difference <= 1e-6 * value, `${String(row['tensor'])} ${figure}`);
        }
        assert.equal(row['samples'], null);
      }
      const note = ran.artifacts.find((each) => each.kind === 'note');
      assert.match(note?.kind === 'note' ? note.text : '', /Proxy: second moments of Adam after 400 steps/);
    }
  },
);

test('an optimiser that numbers its parameters is refused where nothing names them', WITH_ZOO, async () => {
  const file = path.join(folder, 'alone/optimizer.pt');
  fs.mkdirSync(path.dirname(file));
  fs.copyFileSync(path.join(ZOO, 'charlm/runs/kjv/checkpoint-400/optimizer.pt'), file);
  assert.equal(await refusal(await digits({ rot90: file })), 'importance-names');
});

test('files of Fisher information are shown as they are, whatever their container and the prefix of their names', async () => {
  const count = await width();
  const values = Array.from({ length: count }, (_, i) => (i % 7) / 8);
  const member = (name: string) => ({
    name: `${name}.npy`,
    content: npyFile({ kind: 'f4', shape: [count], value: ([i]) => values[i ?? 0] ?? 0 }),
  });
  const tensors = {
    [`module.${NORM}`]: { shape: [count], values },
    [`module.${BIAS}`]: { shape: [count], values },
  };
  const files = {
    rot90: writeTensors(path.join(folder, 'f.safetensors'), tensors),
    other: path.join(folder, 'f.npz'),
  };
  fs.writeFileSync(files.other, zipFile([member(NORM), member(BIAS)]));
  const ran = await run(fisher, await digits(files));
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value * value, 0);
  assert.deepEqual(
    ran.table('tensors').map((row) => [row['task'], row['tensor'], row['sum'], row['frobenius'], row['max']]),
    ['rot90', 'other'].flatMap((task) =>
      [BIAS, NORM].map((tensor) => [task, tensor, sum, Math.sqrt(squares), 6 / 8]),
    ),
  );
  const layers = (await run(fimScore, await digits(files))).table('layers');
  const score = layers.find((row) => row['task'] === 'other' && row['layer'] === placeOf(NORM).layer);
  assert.equal(score?.['score'], 2 * Math.sqrt(squares));
});

test('what does not fit the base is left out and named', async () => {
  const count = await width();
  const values = Array.from({ length: count }, () => 1);
  const file = writeTensors(path.join(folder, 'odd.safetensors'), {
    [NORM]: { shape: [count], values },
    [BIAS]: { shape: [count], values: values.map((_, i) => (i === 3 ? -1 : 1)) },
    'vit.encoder.layer.0.layernorm_before.weight': { shape: [1, count], values },
    'another.head': { shape: [2] },
  });
  const ran = await run(fisher, await digits({ rot90: file }));
  assert.deepEqual(
    ran.table('tensors').map((row) => row['tensor']),
    [NORM],
  );
  const [finding] = ran.findings;
  assert.equal(finding?.code, 'importance-left-out');
  for (const name of ['another.head', 'layernorm_before', BIAS])
    assert.ok(finding.message.includes(name), name);
});

test('files of other networks, of nothing known and missing ones are refused', async () => {
  const other = writeTensors(path.join(folder, 'other.safetensors'), { w: { shape: [2] } });
  const text = path.join(folder, 'text.txt');
  fs.writeFileSync(text, 'no');
  const zip = path.join(folder, 'zip.pt');
  fs.writeFileSync(zip, zipFile([{ name: 'a', content: Buffer.from('a') }]));
  assert.equal(await refusal(await digits({ rot90: other })), 'importance-other-network');
  assert.equal(await refusal(await digits({ rot90: text })), 'importance-format');
  assert.equal(await refusal(await digits({ rot90: zip })), 'format-unsupported');
  assert.equal(await refusal(await digits({ rot90: path.join(folder, 'nowhere.npz') })), 'file-missing');
  assert.equal(await refusal(await digits({}), { from: 'files' }), 'study-needs-fisher');
});

test('a study with a Fisher file lacks no graph for the lenses that take it, and the network may still be asked for', async () => {
  const study = await digits({ rot90: path.join(folder, 'f.safetensors') });
  assert.equal(lackFor(fisher.description.needs, study.spec), null);
  assert.deepEqual(lackFor(fisher.description.needs, (await digits({})).spec), { lack: 'data' });
  assert.equal(await refusal(study, { from: 'network' }), 'study-needs-graph');
});
