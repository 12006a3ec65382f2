// `npm run figures`: runs every lens on the samples and draws one figure of each into docs/pictures/lenses.
// --only=spectrum,twin draws some.
import fs from 'node:fs';
import path from 'node:path';
import { tsImport } from 'tsx/esm/api';
import { flag, root, run, runMain } from './run.mjs';

const FOLDER = path.join(root, 'docs/pictures/lenses');

const DIGITS = ['--study', 'samples/vit-digits.study.yaml'];
const TEXT = ['--study', 'samples/charlm.study.yaml'];
const EXPERTS = ['--base', 'samples/moe-toy/base', 'arith=samples/moe-toy/arith'];

/**
 * On what a lens is shown where it is not the digits, and which artifact of it where it is not the first figure.
 * @type {Readonly<Record<string, { readonly words?: readonly string[], readonly artifact?: string }>>}
 */
const SHOWN = {
  'task-similarity': { words: TEXT },
  experts: { words: EXPERTS },
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
