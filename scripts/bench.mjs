// `npm run bench`: measures this machine and prints; --only=delta-profile runs some rows; --write puts what was
// measured into docs/bench.md, where other rows stay as they are.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as adapters from '../bench/adapters.mjs';
import * as cka from '../bench/cka.mjs';
import * as deltaProfile from '../bench/delta-profile.mjs';
import * as gradients from '../bench/gradients.mjs';
import * as gramPass from '../bench/gram-pass.mjs';
import * as ggufQ4K from '../bench/gguf-q4k.mjs';
import * as ggufTypes from '../bench/gguf-types.mjs';
import * as heatmapFrames from '../bench/heatmap-frames.mjs';
import * as loraSpectrum from '../bench/lora-spectrum.mjs';
import * as manifest from '../bench/manifest.mjs';
import * as openSharded from '../bench/open-sharded.mjs';
import * as openTorch from '../bench/open-torch.mjs';
import * as packedWeights from '../bench/packed-weights.mjs';
import * as pairStatistics from '../bench/pair-statistics.mjs';
import * as scaling from '../bench/scaling.mjs';
import * as reopenStudy from '../bench/reopen-study.mjs';
import * as singularValues from '../bench/singular-values.mjs';
import { mergeSections, sectionsOf } from './bench-report.mjs';
import { flag, root, run, runMain } from './run.mjs';
import { installChromium } from './vscode-env.mjs';

/**
 * @typedef {object} Row
 * @property {string} title
 * @property {string} setup sizes and counts
 * @property {string} command what was run
 * @property {readonly (readonly [string, string])[]} figures name, value with unit
 */

const ROWS = {
  'open-sharded': openSharded.hundred,
  'open-500-shards': openSharded.fiveHundred,
  'open-torch': openTorch,
  manifest,
  'reopen-study': reopenStudy,
  'delta-profile': deltaProfile,
  'singular-values': singularValues,
  'lora-spectrum': loraSpectrum,
  'adapter-card': adapters.card,
  'adapter-extract': adapters.extract,
  'adapter-library': adapters.library,
  'gguf-q4k': ggufQ4K,
  'gguf-types': ggufTypes,
  'packed-weights': packedWeights,
  'pair-bf16': pairStatistics.bf16,
  'pair-f32': pairStatistics.f32,
  gram: gramPass,
  'gradients-vit': gradients.vit,
  'gradients-charlm': gradients.charlm,
  'gradients-encoder': gradients.encoder,
  'gradients-residual': gradients.residual,
  linear: scaling.linear,
  memory: scaling.memory,
  'heatmap-frames': heatmapFrames,
  // Takes a gigabyte in this process, which later rows would be born with.
  cka,
};

await runMain(async () => {
  const only = flag('only')?.split(',');
  if (!only || only.includes('heatmap-frames')) installChromium();
  run(process.execPath, ['scripts/build.mjs']);
  console.log(machine());
  const measured = [];
  for (const [name, row] of Object.entries(ROWS)) {
    if (only && !only.includes(name)) continue;
    const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-bench-'));
    try {
      const found = await row.measure(scratch);
      measured.push({ title: found.title, text: section(found) });
    } finally {
      fs.rmSync(scratch, { recursive: true, force: true });
    }
    console.log(measured.at(-1)?.text);
  }
  if (flag('write') !== undefined) {
    const file = path.join(root, 'docs/bench.md');
    const all = mergeSections(sectionsOf(fs.readFileSync(file, 'utf8')), measured);
    const head = `# Measurements\n\nMade by \`npm run bench -- --write\`, every section within one run. ${machine()}`;
    fs.writeFileSync(file, [head, ...all.map(({ text }) => text)].join('\n'));
    run(process.execPath, ['node_modules/prettier/bin/prettier.cjs', '--write', 'docs/bench.md']);
  }
});

function machine() {
  const [cpu] = os.cpus();
  const memory = (os.totalmem() / 2 ** 30).toFixed(0);
  return `${cpu?.model.trim()}, ${os.availableParallelism()} cores, ${memory} GiB; ${os.type()} ${os.arch()}; Node.js ${process.version}.\n`;
}

/** @param {Row} row */
function section({ title, setup, command, figures }) {
  const lines = figures.map(([name, value]) => `| ${name} | ${value} |`);
  return [
    `## ${title}`,
    '',
    `${setup}; ${new Date().toISOString().slice(0, 10)}.`,
    '',
    `\`${command}\``,
    '',
    '| figure | value |',
    '| --- | --- |',
    ...lines,
    '',
  ].join('\n');
}
