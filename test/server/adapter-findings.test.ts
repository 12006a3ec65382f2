// What the rules find in the files of an adapter stands in its card.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after } from 'node:test';
import type { Finding } from '../../src/protocol/finding';
import { withoutRepeats } from '../../src/server/analysis/adapter-findings';
import { answer } from '../../src/server/analysis/answer';
import { MEMORY_BUDGET, type AnalysisContext } from '../../src/server/analysis/context';
import { DirectoryCache } from '../../src/server/analysis/directory-cache';
import { ResultCache } from '../../src/server/analysis/result-cache';
import { createPassRunner } from '../../src/tensor/pool';
import { temporaryFolder, writeTensors } from './files';

const folder = temporaryFolder();
const passes = createPassRunner({ workerFile: path.resolve('dist/tensor-worker.js'), workers: 1 });
after(async () => {
  await passes.close();
  fs.rmSync(folder, { recursive: true });
});

const context: AnalysisContext = {
  passes,
  directories: new DirectoryCache(),
  results: new ResultCache(),
  contents: null,
  signal: new AbortController().signal,
  memoryBudget: MEMORY_BUDGET,
  scanLimit: 2 ** 20,
  askAbove: null,
  known: [],
  progress: () => undefined,
  log: () => undefined,
  partial: null,
};

function adapter(name: string, b: readonly number[], base: string): string {
  writeTensors(path.join(folder, name, 'adapter_model.safetensors'), {
    'base_model.model.l.lora_A.weight': { shape: [1, 3], values: [1, 2, 3] },
    'base_model.model.l.lora_B.weight': { shape: [2, 1], values: b },
  });
  const config = {
    peft_type: 'LORA',
    r: 1,
    lora_alpha: 1,
    target_modules: ['l'],
    base_model_name_or_path: base,
  };
  fs.writeFileSync(path.join(folder, name, 'adapter_config.json'), JSON.stringify(config));
  return path.join(folder, name);
}

async function codesOf(lens: string, task: string): Promise<string[]> {
  const run = { lens, parameters: {}, study: { name: 's', tasks: [{ name: 't', path: task }] } };
  const found = await answer('deltalens/runLens', { run, job: 'j' }, context);
  assert.ok(found.ok, found.ok ? '' : found.problem.message);
  return found.value.findings.map(({ code }) => code);
}

test('the card of an adapter has what the rules find in its configuration and its tensors, whether it is new or known', async () => {
  const task = adapter('one', [0, 0], '/home/someone/models/base');
  const codes = await codesOf('adapter-card', task);
  assert.ok(codes.includes('lora-b-zero'), codes.join());
  assert.deepEqual(await codesOf('adapter-card', task), codes);
});

test('other lenses say nothing of it', async () => {
  const task = adapter('two', [0, 0], '/home/someone/models/base');
  const codes = await codesOf('rank-atoms', task);
  assert.ok(!codes.includes('lora-b-zero'), codes.join());
});

test('of what two sources found each thing stands once, the gravest first', () => {
  const finding = (code: string, severity: Finding['severity']): Finding => ({
    code,
    severity,
    path: '/a',
    message: code,
    help: '',
  });
  const [fine, odd, bad] = [
    finding('fine', 'information'),
    finding('odd', 'warning'),
    finding('bad', 'error'),
  ];
  assert.deepEqual(withoutRepeats([fine, odd], [odd, bad]), [bad, odd, fine]);
});
