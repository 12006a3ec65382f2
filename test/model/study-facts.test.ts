import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { openStudy } from '../../src/model/open-study';
import { studyFacts } from '../../src/model/study-facts';
import type { StudyFacts } from '../../src/protocol/study-facts';
import { temporaryFolder, writeSafetensors } from './write-safetensors';

const SAMPLES = path.resolve(import.meta.dirname, '../../samples');

async function factsOf(folder: string, tasks: readonly string[], base: string | null = 'base'): Promise<StudyFacts> {
  const opened = await openStudy({
    name: 's',
    ...(base === null ? {} : { base: path.join(folder, base) }),
    tasks: tasks.map((task) => ({ name: task.replaceAll('/', ' '), path: path.join(folder, task) })),
  });
  assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
  return studyFacts(opened.value);
} // prettier-ignore

/** Checkpoints of one tensor, each with the losses that its trainer logged by step. */
function writeLogged(logs: Readonly<Record<string, Readonly<Record<number, number>>>>): string {
  const folder = temporaryFolder();
  writeSafetensors(path.join(folder, 'base/model.safetensors'), { w: { shape: [2] } });
  for (const [name, losses] of Object.entries(logs)) {
    writeSafetensors(path.join(folder, name, 'model.safetensors'), { w: { shape: [2] } });
    const steps = Object.keys(losses).map(Number);
    const state = {
      global_step: Math.max(0, ...steps),
      log_history: steps.map((step) => ({ step, loss: losses[step] })),
    };
    fs.writeFileSync(path.join(folder, name, 'trainer_state.json'), JSON.stringify(state));
  }
  return folder;
}

test('independent fine-tunes of a transformer have attention and a vocabulary, and are no run', async () => {
  assert.deepEqual(await factsOf(path.join(SAMPLES, 'charlm'), ['json', 'arith']), {
    tasks: 2,
    parts: {
      attention: true,
      vocabulary: true,
      experts: false,
      run: false,
      adapter: false,
      prompt: false,
      mixture: false,
      memory: false,
      hypernetwork: false,
    },
  });
});

test('a mixture has experts', async () => {
  assert.equal((await factsOf(path.join(SAMPLES, 'moe-toy'), ['arith'])).parts.experts, true);
});

test('the checkpoints in the folder of a run are counted, and are a run', async () => {
  const { tasks, parts } = await factsOf(path.join(SAMPLES, 'charlm'), ['runs/kjv']);
  assert.deepEqual([tasks, parts.run], [3, true]);
  const single = ['runs/kjv/checkpoint-50', 'runs/kjv/checkpoint-350'];
  assert.equal((await factsOf(path.join(SAMPLES, 'charlm'), single)).parts.run, true);
});

test('without a base there are no rows of a vocabulary to compare', async () => {
  assert.equal((await factsOf(path.join(SAMPLES, 'charlm'), ['json'], null)).parts.vocabulary, false);
});

test('checkpoints under any names are a run where their trainer logged on', async () => {
  const folder = writeLogged({ early: { 10: 2 }, late: { 10: 2, 20: 1 }, best: { 10: 2, 20: 1, 30: 1 } });
  assert.equal((await factsOf(folder, ['late', 'early', 'best'])).parts.run, true);
});

test('fine-tunes side by side with logs of their own are no run', async () => {
  const folder = writeLogged({ one: { 10: 2 }, other: { 10: 1.5, 20: 1 }, silent: {} });
  assert.equal((await factsOf(folder, ['one', 'other'])).parts.run, false);
  assert.equal((await factsOf(folder, ['one', 'silent'])).parts.run, false);
});

test('checkpoints of two runs are no run', async () => {
  const folder = temporaryFolder();
  for (const name of ['base', 'a/checkpoint-10', 'b/checkpoint-20']) {
    writeSafetensors(path.join(folder, name, 'model.safetensors'), { w: { shape: [2] } });
  }
  assert.equal((await factsOf(folder, ['a/checkpoint-10', 'b/checkpoint-20'])).parts.run, false);
});
