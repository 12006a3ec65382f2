import assert from 'node:assert/strict';
import * as paths from 'node:path';
import { test } from 'node:test';
import { hover, type Hover } from '../../src/lint/hover';
import { plain } from '../../src/lint/hover-text';
import { contextFor, temporaryFolder, writeTensors, writeText } from './build';

const root = temporaryFolder();
writeTensors(paths.join(root, 'base', 'model.safetensors'), { 'layers.0.q_proj.weight': { shape: [6, 4] } });
writeTensors(paths.join(root, 'adapter', 'adapter_model.safetensors'), {
  'base_model.model.layers.0.q_proj.lora_A.weight': { shape: [16, 4] },
  'base_model.model.layers.0.q_proj.lora_B.weight': { shape: [6, 16] },
});

/** Hovers where `|` stands in a line of a document that has `text`; `|` itself is not in the line. */
async function hoverAt(path: string, marked: string, text?: string): Promise<Hover | null> {
  if (text !== undefined) writeText(path, text);
  const character = marked.indexOf('|');
  return hover(path, marked.replace('|', ''), 7, character, contextFor([root]));
}

const config = paths.join(root, 'adapter', 'adapter_config.json');
function adapter(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    peft_type: 'LORA',
    r: 16,
    lora_alpha: 8,
    target_modules: ['q_proj'],
    base_model_name_or_path: '../base',
    ...fields,
  });
}

test('over lora_alpha stands the effective scale alpha / r', async () => {
  const found = await hoverAt(config, '  "lora_|alpha": 8,', adapter({}));
  assert.match(found?.markdown ?? '', /Effective scale s = 8 \/ 16 = \*\*0\\\.5\*\*\./);
  assert.deepEqual(found?.range, { start: { line: 7, character: 2 }, end: { line: 7, character: 14 } });
});

test('with rsLoRA the effective scale is alpha / √r', async () => {
  const found = await hoverAt(config, '"|r": 16', adapter({ use_rslora: true }));
  assert.match(found?.markdown ?? '', /8 \/ √16 = \*\*2\*\*/);
});

test('over target_modules and its names stands how many modules they mean', async () => {
  const key = await hoverAt(config, '"target_|modules": ["q_proj"]', adapter({}));
  assert.match(key?.markdown ?? '', /Stands for 1 module with tensors in this adapter/);
  const name = await hoverAt(config, '    "q_pr|oj",');
  assert.match(name?.markdown ?? '', /^\*\*q\\_proj\*\*: 1 module with tensors/);
});

test('over the base stands what it opens as', async () => {
  const found = await hoverAt(config, '"base_model_|name_or_path": "../base"', adapter({}));
  assert.match(found?.markdown ?? '', /safetensors, 1 tensor, 96 bytes/);
  const missing = await hoverAt(
    config,
    '"base_model_|name_or_path": "a/b"',
    adapter({ base_model_name_or_path: 'a/b' }),
  );
  assert.match(missing?.markdown ?? '', /Not found in this workspace/);
});

test('other keys are explained, unknown ones and empty places are not', async () => {
  assert.match((await hoverAt(config, '"lora_drop|out": 0.1'))?.markdown ?? '', /dropped before A/);
  assert.equal(await hoverAt(config, '"my_|key": 1'), null);
  assert.equal(await hoverAt(config, '  |  '), null);
  assert.equal(await hoverAt(config, '"__proto|__": 1'), null);
});

const index = paths.join(root, 'sharded', 'model.safetensors.index.json');
writeTensors(paths.join(root, 'sharded', 'model.safetensors'), {
  'layers.0.q_proj.weight': { shape: [6, 4] },
});
const line = '    "layers.0.q_proj.weight": "model.safetensors",';

test('over a tensor of an index stand its type, shape, size and shard', async () => {
  const found = await hoverAt(index, line.replace('q_proj', 'q_|proj'), '{}');
  assert.equal(
    found?.markdown,
    '**layers\\.0\\.q\\_proj\\.weight**\n\nF32 · 6 × 4 · 24 values · 96 bytes\n\nin model\\.safetensors',
  );
  assert.deepEqual(found?.range.start, { line: 7, character: 4 });
});

test('over a shard of an index stand its size and the number of tensors', async () => {
  const found = await hoverAt(index, line.replace('"model', '"mo|del'), '{}');
  assert.match(found?.markdown ?? '', /^\*\*model\\\.safetensors\*\*\n\n1 tensor · \d+ bytes$/);
});

test('shards that are missing or outside the folder are said to be so', async () => {
  assert.match((await hoverAt(index, '"a": "no|ne.safetensors"', '{}'))?.markdown ?? '', /is not there/);
  assert.match((await hoverAt(index, '"|a": "../x.safetensors"', '{}'))?.markdown ?? '', /not opened/);
  assert.match((await hoverAt(index, '"|ghost": "model.safetensors"', '{}'))?.markdown ?? '', /Not in model/);
});

const study = paths.join(root, 'some.study.yaml');

test('over a path of a study stands what it opens as', async () => {
  const base = await hoverAt(study, 'base: ba|se');
  assert.equal(base?.markdown, '**base**\n\nCheckpoint (safetensors): 1 tensor · 24 parameters · 96 bytes');
  assert.deepEqual(base?.range, { start: { line: 7, character: 6 }, end: { line: 7, character: 10 } });
  writeText(config, adapter({}));
  const task = await hoverAt(study, '  - { name: q, path: adap|ter }');
  assert.match(task?.markdown ?? '', /LoRA adapter of \\\.\\\.\\\/base: rank 16, scale 0\\\.5/);
});

test('over a key of a study stands what it means, over a path to nowhere nothing', async () => {
  assert.match((await hoverAt(study, 'ta|sks:'))?.markdown ?? '', /Fine\\-tuned checkpoints/);
  assert.equal(await hoverAt(study, 'base: no|where'), null);
});

test('other documents have no hovers', async () => {
  assert.equal(await hoverAt(paths.join(root, 'config.json'), '"|r": 1'), null);
});

test('a line without end has no hovers', async () => {
  assert.equal(await hoverAt(config, `"r|": ${'"'.repeat(20_000)}`), null);
});

test('text from files cannot act as Markdown or HTML', () => {
  const hostile = '[x](command:evil) <img src=x> ![y](z) **b** `c` | # \n- d &lt; _e_ ~~f~~ \\';
  const shown = plain(hostile);
  assert.ok(!shown.includes('\n'));
  // Every sign that Markdown gives a meaning is escaped or an entity.
  const bare = shown.replace(/\\[!-/:-@[-`{-~]/g, '').replace(/\\?&(?:amp|lt)\\?;/g, '');
  assert.doesNotMatch(bare, /[[\]()<>!*`|#_~\\&-]/);
});
