// `npm run fuzz -- --seconds 60 [--target pickle,zip] [--seed 1]`: fuzzes the parsers, guided by what of them inputs reach.
// out/fuzz keeps the corpus, finds and totals; `--totals` only prints them.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { bundleTargets } from '../test/fuzz/engine/bundle.ts';
import { flag, Refusal, root, runMain } from './run.mjs';

const SLICE = 10;
const out = path.join(root, 'out/fuzz');

/** @typedef {{ executions: number, seconds: number, reached: number, counters: number, corpus: number, slowest: number, slowestBytes: number, finds: number }} Total */

await runMain(async () => {
  const seconds = Number(flag('seconds') ?? 60);
  if (!(seconds > 0)) throw new Refusal('Give --seconds a number.');
  const bundle = path.join(out, 'bundle.cjs');
  await bundleTargets(root, bundle);
  const { targets, fuzz } = createRequire(import.meta.url)(bundle);
  const names = flag('target')?.split(',');
  const unknown = names?.find((name) => !targets.some((target) => target.name === name));
  if (unknown !== undefined) {
    throw new Refusal(
      `There is no target ${unknown}. Targets: ${targets.map(({ name }) => name).join(', ')}.`,
    );
  }
  const chosen = targets.filter(({ name }) => names === undefined || names.includes(name));
  let seed = Number(flag('seed') ?? Date.now() % 2 ** 31);
  if (flag('totals') !== undefined) {
    print(readTotals(), targets);
    return;
  }
  const end = Date.now() + seconds * 1000;
  // Every target has its turn, however short the time.
  const longest = Math.max(1, Math.min(SLICE, seconds / chosen.length));
  for (let turn = 0; Date.now() < end; turn++) {
    const target = chosen[turn % chosen.length];
    const slice = Math.min(longest, (end - Date.now()) / 1000);
    const report = await fuzz(target, slice, seed++, readCorpus(target.name));
    keep(target.name, report);
  }
  print(readTotals(), chosen);
});

/** @param {string} name @returns {Uint8Array[]} */
function readCorpus(name) {
  const folder = path.join(out, 'corpus', name);
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder).map((file) => Uint8Array.from(fs.readFileSync(path.join(folder, file))));
}

/** @returns {Record<string, Total>} */
function readTotals() {
  const file = path.join(out, 'totals.json');
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {};
}

/** @param {string} name @param {import('../test/fuzz/engine/campaign').Report} report */
function keep(name, report) {
  write(path.join(out, 'corpus', name), report.corpus);
  write(
    path.join(out, 'finds', name),
    report.finds.map(({ input }) => input),
  );
  for (const { message, input } of report.finds) {
    console.log(`\n${name}: ${hashOf(input)} (${input.length} bytes)\n${message}`);
  }
  const totals = readTotals();
  const before = totals[name];
  const slower = report.slowest.milliseconds > (before?.slowest ?? 0);
  totals[name] = {
    executions: (before?.executions ?? 0) + report.executions,
    seconds: Math.round((before?.seconds ?? 0) + report.seconds),
    reached: report.reached,
    counters: report.counters,
    corpus: report.corpus.length,
    slowest: slower ? report.slowest.milliseconds : (before?.slowest ?? 0),
    slowestBytes: slower ? report.slowest.input.length : (before?.slowestBytes ?? 0),
    finds: (before?.finds ?? 0) + report.finds.length,
  };
  fs.writeFileSync(path.join(out, 'totals.json'), JSON.stringify(totals, null, 1));
}

/** @param {string} folder @param {readonly Uint8Array[]} inputs */
function write(folder, inputs) {
  fs.mkdirSync(folder, { recursive: true });
  for (const input of inputs) {
    const file = path.join(folder, hashOf(input));
    if (!fs.existsSync(file)) fs.writeFileSync(file, input);
  }
}

/** @param {Uint8Array} input */
function hashOf(input) {
  return createHash('sha256').update(input).digest('hex').slice(0, 16);
}

/** @param {Record<string, Total>} totals @param {readonly { name: string }[]} targets */
function print(totals, targets) {
  console.log('\n| target | executions | seconds | branches | corpus | slowest | finds |');
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
  let all = 0;
  for (const { name } of targets) {
    const total = totals[name];
    if (total === undefined) continue;
    all += total.executions;
    const slowest = `${total.slowest.toFixed(1)} ms (${total.slowestBytes} bytes)`;
    const cells = [
      name,
      total.executions,
      total.seconds,
      `${total.reached} of ${total.counters}`,
      total.corpus,
      slowest,
      total.finds,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  console.log(`\n${all} executions`);
}
