import assert from 'node:assert/strict';
import * as paths from 'node:path';
import { test } from 'node:test';
import { codesOf, contextFor, lintFile, only, temporaryFolder, writeTensors, writeText } from './build';

const lone = (tensors: Parameters<typeof writeTensors>[1]): string =>
  writeTensors(paths.join(temporaryFolder(), 'style.safetensors'), tensors);

test('factors that have no alpha and no configuration have an unknown scale', async () => {
  const path = lone({
    'l.q_proj.lora_A.weight': { shape: [2, 4] },
    'l.q_proj.lora_B.weight': { shape: [4, 2] },
  });
  const finding = only(await lintFile(path, contextFor([])), 'adapter-scale-assumed');
  assert.deepEqual([finding.severity, finding.path, finding.range], ['warning', path, undefined]);
  assert.match(finding.message, /does not say its alpha.*scale 1 is taken/);
});

test('kohya’s rule that alpha is the rank needs no finding', async () => {
  const path = lone({
    'lora_unet_l.lora_down.weight': { shape: [2, 4] },
    'lora_unet_l.lora_up.weight': { shape: [4, 2] },
  });
  assert.deepEqual(await lintFile(path, contextFor([])), []);
});

test('modules that lack a factor are one finding with their number', async () => {
  const path = lone({
    'lora_unet_a.hada_w1_a': { shape: [4, 2] },
    'lora_unet_b.hada_w1_a': { shape: [4, 2] },
  });
  const finding = only(await lintFile(path, contextFor([])), 'lora-factor-missing');
  assert.equal(finding.severity, 'error');
  assert.equal(finding.message, 'a and 1 more: lacks one of its four factors.');
});

test('an adapter that changes no weight is named, with the reason', async () => {
  const folder = temporaryFolder();
  const path = writeTensors(paths.join(folder, 'adapter_model.safetensors'), {
    prompt_embeddings: { shape: [4, 8] },
  });
  writeText(paths.join(folder, 'adapter_config.json'), JSON.stringify({ peft_type: 'PREFIX_TUNING' }));
  const finding = only(await lintFile(path, contextFor([])), 'adapter-without-delta');
  assert.match(finding.message, /of the kind prefix tuning: it puts learnt vectors before/);
});

test('a LoRA of PEFT is left to the rules about its configuration', async () => {
  const folder = temporaryFolder();
  const path = writeTensors(paths.join(folder, 'adapter_model.safetensors'), {
    'base_model.model.l.lora_A.weight': { shape: [2, 4] },
  });
  writeText(paths.join(folder, 'adapter_config.json'), JSON.stringify({ peft_type: 'LORA', r: 2 }));
  assert.deepEqual(codesOf(await lintFile(path, contextFor([]))), []);
});
