// `npm run figures`: runs every lens on the samples and draws one figure of each into docs/pictures/lenses.
// --only=spectrum,twin draws some.
import fs from 'node:fs';
import path from 'node:path';
import { tsImport } from 'tsx/esm/api';
import { flag, root, run, runMain } from './run.mjs';

const FOLDER = path.join(root, 'docs/pictures/lenses');

const DIGITS = ['--study', 'samples/vit-digits.study.yaml'];
const TEXT = ['--study', 'samples/charlm.study.yaml'];
const RUN = ['--study', 'samples/charlm-run.study.yaml'];
const ADAPTERS = [
  'json-r8=samples/charlm/lora/json-r8',
  'python-rslora-r16=samples/charlm/lora/python-rslora-r16',
  '--base',
  'samples/charlm/base',
];
/** PEFT combines factors only where ranks are the same. */
const ONE_RANK = [
  'json-r8=samples/charlm/lora/json-r8',
  'python-r8=test/fixtures/charlm-parts/lora/python-r8',
  '--base',
  'samples/charlm/base',
];
const PROMPTS = [
  ...['json', 'arith', 'kjv'].map((task) => `${task}=test/fixtures/charlm-parts/prompts/${task}`),
  '--base',
  'samples/charlm/base',
];
const EXPERTS = ['--study', 'samples/moe-toy.study.yaml'];

/**
 * On what a lens is shown where it is not the digits, and which artifact of it where it is not the first figure.
 * @type {Readonly<Record<string, { readonly words?: readonly string[], readonly artifact?: string }>>}
 */
const SHOWN = {
  'delta-profile': { artifact: 'relative:rot90' },
  'task-similarity': { words: TEXT },
  'task-tree': { words: TEXT },
  'source-attribution': { words: TEXT },
  trajectory: { words: RUN },
  spectrum: { words: TEXT },
  'magnitude-bands': { artifact: 'magnitudes:rot90' },
  'tall-masks': { artifact: 'shares' },
  'sign-conflict': { artifact: 'conflict_any' },
  'adapter-library': { words: ADAPTERS, artifact: 'cosine' },
  'adapter-card': { words: ADAPTERS, artifact: 'relative:json-r8' },
  'learned-mixtures': { words: ['mhr=test/fixtures/charlm-parts/poly'], artifact: 'weights:0' },
  memory: {
    words: [
      'arith=test/fixtures/charlm-parts/memory/arith',
      '--base',
      'test/fixtures/charlm-parts/memory/base',
    ],
    artifact: 'slots:arith: model.layers.2.memory:values',
  },
  hypernetwork: { words: ['hyper=test/fixtures/charlm-parts/hypernetwork'], artifact: 'strength:hyper' },
  prompts: { words: PROMPTS, artifact: 'matched' },
  'adapter-merge-gap': { words: ONE_RANK, artifact: 'layers' },
  'rank-atoms': { words: ADAPTERS, artifact: 'svd:json-r8' },
  'memory-budget': { words: ADAPTERS, artifact: 'serving' },
  'head-composition': { words: TEXT, artifact: 'graph:base' },
  'head-rank': { words: TEXT },
  'head-sharing': { words: TEXT },
  'kv-redundancy': { words: TEXT },
  experts: { words: EXPERTS },
  'embedding-drift': { words: TEXT },
  cka: { artifact: 'base_ft:rot90' },
  'block-influence': { artifact: 'influence:base' },
  'layer-information': { artifact: 'entropy' },
  'local-rank': { artifact: 'rank' },
  'salient-channels': { artifact: 'gini' },
  'attention-patterns': { artifact: 'entropy:rot90' },
  neurons: { artifact: 'overlap' },
  'key-rank': { artifact: 'mean_rank:after' },
  'feature-matching': { artifact: 'matched' },
  'activation-task-vectors': { artifact: 'cosines:layer 5' },
  transfer: { artifact: 'covariance:layer 5' },
  'logit-delta': { artifact: 'cosines' },
  'router-usage': { words: EXPERTS, artifact: 'selected:kjv' },
  'adapter-routing': { words: TEXT, artifact: 'shares:json' },
  'head-map': { artifact: 'importance:rot90' },
  fisher: { artifact: 'mean:rot90' },
  'fim-score': { artifact: 'scores' },
  'gradient-conflict': { artifact: 'layers' },
  'coefficient-saliency': { artifact: 'dot:rot90' },
  saliency: { artifact: 'mean:rot90' },
  interference: { artifact: 'dot' },
  sharpness: { artifact: 'curves' },
  'unit-importance': { artifact: 'mlp' },
  'task-embedding': { artifact: 'distances' },
  'data-map': { words: [...RUN, '--set', 'unit=tokens', '--set', 'samples=12'], artifact: 'map' },
  'task-saliency': { artifact: 'channels' },
};

await runMain(async () => {
  run(process.execPath, ['scripts/build.mjs', '--only=cli,tensor-worker']);
  const { LENSES } = await tsImport('../src/lens/registry.ts', import.meta.url);
  const only = flag('only')?.split(',');
  fs.mkdirSync(FOLDER, { recursive: true });
  for (const { description } of LENSES) {
    const { id } = description;
    if (only && !only.includes(id)) continue;
    const { words = DIGITS, artifact } = SHOWN[id] ?? {};
    const which = artifact === undefined ? [] : ['--artifact', artifact];
    const file = path.join(FOLDER, `${id}.svg`);
    run(process.execPath, ['dist/cli.js', 'lens', id, ...words, '--svg', ...which, '-o', file]);
    console.log(path.relative(root, file));
  }
});
