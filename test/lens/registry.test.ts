import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import type { Lens } from '../../src/lens/lens';
import { LENSES, lensById } from '../../src/lens/registry';
import type { Study } from '../../src/model/study';
import { checkParameters } from '../../src/protocol/lens';
import { mixtureStudy, networkStudy, run, SAMPLES, study } from './run';
import { shortLanguageModels } from './short-samples';
import { smallMixture } from './small-mixture';
import { threadPasses } from './thread-passes';

test('every lens has a kebab-case id of its own, and is found by it', () => {
  const ids = LENSES.map(({ description }) => description.id);
  assert.equal(new Set(ids).size, ids.length);
  for (const lens of LENSES) {
    assert.match(lens.description.id, /^[a-z]+(?:-[a-z]+)*$/);
    assert.equal(lensById(lens.description.id), lens);
  }
  assert.equal(lensById('nothing'), undefined);
});

test('every lens names a source, and its defaults pass its own check', () => {
  for (const { description } of LENSES) {
    assert.ok(description.source.length > 0);
    for (const { link } of description.source) assert.equal(new URL(link).protocol, 'https:');
    assert.ok(checkParameters(description.parameters, {}).ok);
    const defaults = Object.fromEntries(description.parameters.map((each) => [each.name, each.default]));
    assert.ok(checkParameters(description.parameters, defaults).ok);
  }
});

function runsNetwork({ needs }: Lens['description']): boolean {
  return needs.data.some((data) => data !== 'weights');
}

const PARTS = path.resolve(import.meta.dirname, '../fixtures/charlm-parts');

/** Tasks of a folder of samples; a mixture of experts or a training run for a lens that needs one. */
function fitting({ description }: Lens, sample: string, tasks: readonly string[]): Promise<Study> {
  if (description.needs.parts?.includes('experts'))
    return runsNetwork(description) ? mixtureStudy() : smallMixture();
  if (description.needs.parts?.includes('adapter'))
    return study(shortLanguageModels(), 'base', ['lora/json-r8', 'lora/python-rslora-r16']);
  if (description.needs.parts?.includes('prompt'))
    return study(PARTS, '../../../samples/charlm/base', ['prompts/json', 'prompts/arith', 'prompts/kjv']);
  if (description.needs.parts?.includes('mixture')) return study(PARTS, null, ['poly']);
  if (description.needs.parts?.includes('memory')) return study(PARTS, 'memory/base', ['memory/arith']);
  if (description.needs.parts?.includes('hypernetwork')) return study(PARTS, null, ['hypernetwork']);
  if (description.needs.parts?.includes('run')) {
    const steps = [50, 200, 350].map((step) => `runs/kjv/checkpoint-${String(step)}`);
    return study(shortLanguageModels(), 'base', steps);
  }
  if (runsNetwork(description)) return networkStudy(['rot90', 'invert']);
  return study(sample, 'base', tasks);
}

for (const lens of LENSES) {
  const { id: name } = lens.description;
  let ran: ReturnType<typeof run> | undefined;
  const result = () =>
    (ran ??= fitting(lens, shortLanguageModels(), ['json', 'lora/json-r8']).then((opened) =>
      run(lens, opened, runsNetwork(lens.description) ? { samples: 2 } : {}, threadPasses()),
    ));

  test(`the result of ${name} is plain JSON, and no two artifacts in it have the same id`, async () => {
    const { artifacts } = await result();
    assert.deepEqual(JSON.parse(JSON.stringify(artifacts)), artifacts);
    const ids = artifacts.map(({ id }) => id);
    assert.deepEqual(
      ids.filter((id, at) => ids.indexOf(id) !== at),
      [],
    );
  });

  test(`${name} recommends something in words, and says where the advice ends`, async () => {
    const { artifacts } = await result();
    const advice = artifacts.filter((each) => each.kind === 'note' && each.role === 'recommendation');
    assert.notEqual(advice.length, 0);
    for (const note of advice) {
      assert.ok(note.kind === 'note');
      assert.match(note.text, /\bLimits: /);
    }
  });

  test(`no number in the notes of ${name} has four digits without a separator`, async () => {
    const { artifacts } = await result();
    for (const note of artifacts) {
      if (note.kind === 'note') assert.doesNotMatch(note.text, /(?<![\w.,])\d{4,}(?![\w.])/);
    }
  });
}

/** Lenses that read factors, or names and shapes, and stream no tensor. */
const WITHOUT_PASSES = new Set(['adapter-library', 'adapter-merge-gap', 'memory-budget', 'rank-atoms']);

for (const lens of LENSES.filter(
  ({ description }) => !runsNetwork(description) && !WITHOUT_PASSES.has(description.id),
)) {
  test(`${lens.description.id} hands on why a pass failed`, async () => {
    const opened = await fitting(lens, path.join(SAMPLES, 'vit-digits'), ['rot90', 'invert']);
    const problem = { code: 'file-changed', message: 'm', action: 'a' };
    const output = await lens.run(
      opened,
      {},
      {
        passes: { run: () => Promise.resolve({ ok: false, problem }) },
        signal: new AbortController().signal,
        memoryBudget: 2 ** 20,
        progress: () => undefined,
        log: () => undefined,
      },
    );
    assert.deepEqual(output, { ok: false, problem });
  });
}
