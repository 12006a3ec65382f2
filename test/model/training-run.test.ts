import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { openStudy } from '../../src/model/open-study';
import { formatStudy, parseStudy } from '../../src/model/study-file';
import { stepInName } from '../../src/protocol/step-name';
import type { TaskSpec } from '../../src/protocol/study';
import { temporaryFolder, writeSafetensors } from './write-safetensors';

function writeRun(steps: readonly number[]): string {
  const folder = temporaryFolder();
  for (const step of steps) {
    const file = path.join(folder, `run/checkpoint-${String(step)}/model.safetensors`);
    writeSafetensors(file, { w: { shape: [64], values: new Array<number>(64).fill(step) } });
  }
  writeSafetensors(path.join(folder, 'base/model.safetensors'), { w: { shape: [64] } });
  return folder;
}

function open(folder: string, tasks: readonly TaskSpec[]) {
  return openStudy({ name: 's', base: path.join(folder, 'base'), tasks });
}

const runOf = (folder: string) => ({ name: 'run', path: path.join(folder, 'run') });

test('the folder of a run stands for its checkpoints, by ascending step', async () => {
  const folder = writeRun([1000, 50, 200]);
  for (const task of [runOf(folder), { ...runOf(folder), run: true as const }]) {
    const opened = await open(folder, [task]);
    assert.ok(opened.ok);
    assert.deepEqual(
      opened.value.tasks.map(({ name, training }) => [name, training?.step]),
      [
        ['checkpoint-50', 50],
        ['checkpoint-200', 200],
        ['checkpoint-1000', 1000],
      ],
    );
  }
});

test('beside other tasks checkpoints carry the name of their run', async () => {
  const folder = writeRun([50]);
  const opened = await open(folder, [
    { name: 'other', path: path.join(folder, 'run/checkpoint-50') },
    { ...runOf(folder), run: true },
  ]);
  assert.ok(opened.ok);
  assert.deepEqual(
    opened.value.tasks.map(({ name }) => name),
    ['other', 'run/checkpoint-50'],
  );
});

test('a final model beside the checkpoints hides them unless the folder is called a run', async () => {
  const folder = writeRun([50, 100]);
  writeSafetensors(path.join(folder, 'run/model.safetensors'), { w: { shape: [64] } });
  const plain = await open(folder, [runOf(folder)]);
  const asRun = await open(folder, [{ ...runOf(folder), run: true }]);
  assert.ok(plain.ok && asRun.ok);
  assert.deepEqual([plain.value.tasks.length, asRun.value.tasks.length], [1, 2]);
});

test('a checkpoint that is still being written is left out without alarm, and taken in when it is complete', async () => {
  const folder = writeRun([50, 100]);
  const file = path.join(folder, 'run/checkpoint-100/model.safetensors');
  const whole = fs.readFileSync(file);
  fs.mkdirSync(path.join(folder, 'run/checkpoint-150'));
  for (const bytes of [0, 5, 40, whole.length - 1]) {
    fs.rmSync(path.join(folder, 'run/checkpoint-150'), { recursive: true });
    fs.mkdirSync(path.join(folder, 'run/checkpoint-150'));
    fs.writeFileSync(path.join(folder, 'run/checkpoint-150/model.safetensors'), whole.subarray(0, bytes));
    const opened = await open(folder, [{ ...runOf(folder), run: true }]);
    assert.ok(opened.ok);
    assert.equal(opened.value.tasks.length, 2);
    assert.deepEqual(
      opened.value.findings.map(({ code, severity }) => [code, severity]),
      [['run-checkpoint-unfinished', 'information']],
    );
  }
  fs.writeFileSync(path.join(folder, 'run/checkpoint-150/model.safetensors'), whole);
  const complete = await open(folder, [{ ...runOf(folder), run: true }]);
  assert.ok(complete.ok);
  assert.equal(complete.value.tasks.length, 3);
  assert.deepEqual(complete.value.findings, []);
});

test('an older checkpoint that cannot be read is warned of', async () => {
  const folder = writeRun([50, 100]);
  fs.truncateSync(path.join(folder, 'run/checkpoint-50/model.safetensors'), 20);
  const opened = await open(folder, [{ ...runOf(folder), run: true }]);
  assert.ok(opened.ok);
  assert.deepEqual(
    opened.value.findings.map(({ code }) => code),
    ['run-checkpoint-unreadable'],
  );
});

test('a run without a complete checkpoint is refused', async () => {
  const folder = writeRun([]);
  fs.mkdirSync(path.join(folder, 'run'));
  const opened = await open(folder, [{ ...runOf(folder), run: true }]);
  assert.ok(!opened.ok);
  assert.equal(opened.problem.code, 'run-empty');
});

test('the step stands in the state of the trainer, else in the name', async () => {
  const folder = writeRun([50]);
  fs.writeFileSync(
    path.join(folder, 'run/checkpoint-50/trainer_state.json'),
    JSON.stringify({
      global_step: 57,
      log_history: [{ step: 5, loss: 2 }, { step: 9 }, null, { step: 'x' }],
    }),
  );
  const opened = await open(folder, [{ ...runOf(folder), run: true }]);
  assert.ok(opened.ok);
  assert.deepEqual(opened.value.tasks[0]?.training, {
    step: 57,
    losses: [{ step: 5, loss: 2, evaluation: null }],
  });
  fs.writeFileSync(path.join(folder, 'run/checkpoint-50/trainer_state.json'), '{"global_');
  const cut = await open(folder, [{ ...runOf(folder), run: true }]);
  assert.equal(cut.ok && cut.value.tasks[0]?.training?.step, 50);
});

test('names of checkpoints of the usual trainers have a step', () => {
  const names = ['checkpoint-500', 'step_500', 'global_step500', 'iter-500', 'epoch-500', 'ckpt500'];
  assert.deepEqual(names.map(stepInName), [500, 500, 500, 500, 500, 500]);
  assert.deepEqual(['base', 'checkpoint', 'layer-3x', 'rot90'].map(stepInName), [null, null, null, null]);
});

test('a study file can name a run, and is written back the same', () => {
  const text = 'name: s\nbase: base\nrun: out/run\n';
  const read = parseStudy(text, '/w/x.study.yaml');
  assert.ok(read.ok);
  assert.deepEqual(read.value.tasks, [{ name: 'run', path: path.resolve('/w/out/run'), run: true }]);
  assert.equal(formatStudy(read.value, '/w/x.study.yaml'), text);
  const both = parseStudy('base: base\ntasks:\n  run: a\nrun: run\n', '/w/x.study.yaml');
  assert.ok(both.ok);
  assert.deepEqual(
    both.value.tasks.map(({ name, run }) => [name, run]),
    [
      ['run', undefined],
      ['run run', true],
    ],
  );
});
