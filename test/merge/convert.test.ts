import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import type { ConvertAction } from '../../src/protocol/write';
import { ask, bytesOf, hasZoo, newPlace, opened, written, ZOO } from './writing';

const of = (file: string, more: Partial<ConvertAction> = {}): ConvertAction => ({
  kind: 'convert',
  path: path.resolve(file),
  metadata: 'keep',
  tied: 'once',
  mostShardBytes: null,
  ...more,
});
const SAMPLE = 'samples/vit-digits/base/model.safetensors';

for (const [form, name] of [
  ['python-bin', 'python'],
  ['revwords-legacy', 'revwords'],
] as const) {
  test(`${form} has the tensors of the same model as safetensors, the tied head left out with a finding`, async (t) => {
    if (!hasZoo) return t.skip('the zoo is not here');
    const { report, checkpoint, output } = await written(of(path.join(ZOO, 'charlm/formats', form)));
    const known = await opened(path.join(ZOO, 'charlm', name));
    const names = (tensors: typeof known.tensors) => tensors.map((entry) => entry.name).sort();
    assert.deepEqual(names(checkpoint.tensors), names(known.tensors));
    for (const tensor of names(known.tensors))
      assert.deepEqual(await bytesOf(checkpoint, tensor), await bytesOf(known, tensor), tensor);
    const [finding] = report.findings;
    assert.deepEqual([finding?.code, finding?.severity], ['tensors-tied', 'information']);
    assert.match(
      finding?.message ?? '',
      /^lm_head\.weight shares its values with model\.embed_tokens\.weight/,
    );
    assert.equal(checkpoint.metadata['lm_head.weight'], 'model.embed_tokens.weight');
    assert.equal(checkpoint.metadata['format'], 'pt');
    assert.deepEqual(fs.readdirSync(output).sort(), ['config.json', 'model.safetensors']);
    const every = await written(of(path.join(ZOO, 'charlm/formats', form), { tied: 'each' }));
    assert.deepEqual(
      await bytesOf(every.checkpoint, 'lm_head.weight'),
      await bytesOf(known, 'model.embed_tokens.weight'),
    );
  });
}

test('a safetensors file whose metadata are kept comes out byte by byte the same', async () => {
  const { output } = await written(of(SAMPLE), '.safetensors');
  assert.ok(fs.readFileSync(output).equals(fs.readFileSync(SAMPLE)));
});

test('stripped metadata keep the format alone', async () => {
  const { checkpoint, report } = await written(of(SAMPLE, { metadata: 'strip' }), '.safetensors');
  assert.deepEqual(checkpoint.metadata, { format: 'pt' });
  assert.match(report.summary, /left out of the metadata: licence, task, seed\./);
});

test('a dry run reports what would be written, and writes nothing', async () => {
  const output = newPlace();
  const result = await ask(of(SAMPLE), output, true);
  assert.ok(result.ok);
  assert.equal(result.value.written, false);
  assert.equal(result.value.files[0]?.bytes, fs.statSync(SAMPLE).size);
  assert.ok(!fs.existsSync(output));
});

test('a name that is taken is refused before anything is read', async () => {
  const result = await ask(of('/nowhere/at/all.safetensors'), path.resolve('samples'));
  assert.ok(!result.ok);
  assert.equal(result.problem.code, 'output-exists');
});

test('the weights of an adapter keep the name by which loaders find them', async () => {
  const { report } = await written(of('samples/charlm/lora/json-r8', { metadata: 'strip' }));
  const names = report.files.map(({ name }) => name);
  assert.deepEqual(names, ['adapter_model.safetensors', 'adapter_config.json']);
});
