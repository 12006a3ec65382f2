import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import type { Finding } from '../../src/protocol/finding';
import { torchZipFile } from '../format/torch-files';
import {
  applied,
  codesOf,
  contextFor,
  lintFile,
  only,
  temporaryFolder,
  textAt,
  writeTensors,
  writeText,
  type TestTensor,
} from './build';

interface AdapterFiles {
  readonly text: string;
  readonly path: string;
  readonly findings: readonly Finding[];
}

/** Writes an adapter into a folder of its own and checks it. The base is never there. */
async function adapter(
  fields: Readonly<Record<string, unknown>>,
  tensors: Readonly<Record<string, TestTensor>> | null,
): Promise<AdapterFiles> {
  const folder = temporaryFolder();
  const whole = {
    peft_type: 'LORA',
    base_model_name_or_path: 'org/base',
    r: 8,
    lora_alpha: 16,
    target_modules: ['q_proj', 'v_proj'],
    ...fields,
  };
  const text = JSON.stringify(whole, null, 2);
  const path = writeText(paths.join(folder, 'adapter_config.json'), text);
  if (tensors) writeTensors(paths.join(folder, 'adapter_model.safetensors'), tensors);
  return { text, path, findings: await check(path) };
}

async function check(path: string): Promise<readonly Finding[]> {
  const findings = await lintFile(path, contextFor([paths.dirname(path)]));
  return findings.filter(({ code }) => code !== 'base-not-on-disk');
}

/** Applies the first fix of a finding on disk and checks again. */
async function repaired({ text, path }: AdapterFiles, finding: Finding): Promise<readonly Finding[]> {
  writeText(path, applied(text, finding.fixes?.[0]));
  return check(path);
}

const PREFIX = 'base_model.model.model.layers.';

/** Both factors of modules of a 32 → 24 linear layer. */
function factors(modules: readonly string[], rank = 8): Record<string, TestTensor> {
  return Object.fromEntries(
    modules.flatMap((module) => [
      [`${PREFIX}${module}.lora_A.weight`, { shape: [rank, 32] }],
      [`${PREFIX}${module}.lora_B.weight`, { shape: [24, rank] }],
    ]),
  );
}

const BOTH = ['0.self_attn.q_proj', '0.self_attn.v_proj'];

test('an adapter that fits its tensors has no findings', async () => {
  assert.deepEqual((await adapter({}, factors(BOTH))).findings, []);
});

test('a configuration without weights beside it is an error', async () => {
  const { findings, text } = await adapter({}, null);
  const finding = only(findings, 'adapter-weights-missing');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(text, finding.range), '"LORA"');
  assert.match(finding.message, /no adapter_model\.safetensors beside this configuration/);
  assert.deepEqual(codesOf(findings), ['adapter-weights-missing']);
});

test('weights in a file of torch are checked as others are', async () => {
  const { path } = await adapter({}, null);
  const tensor = { storage: 'FloatStorage', shape: [8, 32], stride: [32, 1], elements: 256 };
  const dict = { dict: [['base_model.model.q_proj.lora_A.weight', { key: '0', ...tensor }]] } as const;
  const bytes = torchZipFile(dict, { 0: Buffer.alloc(1024) });
  fs.writeFileSync(paths.join(paths.dirname(path), 'adapter_model.bin'), bytes);
  assert.ok(codesOf(await check(path)).includes('lora-factor-missing'));
});

test('weights that cannot be opened are named with the reason', async () => {
  const { path, text } = await adapter({}, null);
  writeText(paths.join(paths.dirname(path), 'adapter_model.safetensors'), 'short');
  const finding = only(await check(path), 'adapter-weights-unreadable');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(text, finding.range), '"LORA"');
  assert.match(finding.message, /adapter_model\.safetensors.*3 bytes short/);
});

test('weights without a LoRA factor do not belong to a LoRA configuration', async () => {
  const { findings, text } = await adapter({}, { 'base_model.model.ia3_thing': { shape: [2] } });
  const finding = only(findings, 'adapter-without-lora');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(text, finding.range), '"LORA"');
  assert.match(finding.message, /No tensor beside this configuration is a LoRA factor/);
});

test('an r that all tensors contradict is set to their rank', async () => {
  const files = await adapter({ r: 16 }, factors(BOTH));
  const finding = only(files.findings, 'rank-mismatch');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(files.text, finding.range), '16');
  assert.equal(finding.message, 'r is 16, but the tensors have rank 8 (2 modules).');
  assert.equal(finding.fixes?.[0]?.title, 'Set r to 8');
  assert.deepEqual(await repaired(files, finding), []);
});

test('a missing r is 8, and is added where the tensors say otherwise', async () => {
  const files = await adapter({ r: undefined }, factors(BOTH, 4));
  const finding = only(files.findings, 'rank-mismatch');
  assert.equal(textAt(files.text, finding.range), '{');
  assert.equal(finding.message, 'r is missing, so it is 8, but the tensors have rank 4 (2 modules).');
  assert.deepEqual(await repaired(files, finding), []);
});

test('tensors of several ranks leave r to the user', async () => {
  const tensors = { ...factors(BOTH.slice(0, 1), 8), ...factors(BOTH.slice(1), 4) };
  const finding = only((await adapter({}, tensors)).findings, 'rank-mismatch');
  assert.equal(finding.message, 'r is 8, but the tensors have rank 4 (1 module).');
  assert.equal(finding.fixes, undefined);
  assert.match(finding.help, /rank_pattern/);
});

test('rank_pattern explains ranks that differ from r', async () => {
  const tensors = { ...factors(BOTH.slice(0, 1), 8), ...factors(BOTH.slice(1), 4) };
  assert.deepEqual((await adapter({ rank_pattern: { v_proj: 4 } }, tensors)).findings, []);
  assert.deepEqual((await adapter({ rank_pattern: { '^model.layers.0.*v_proj': 4 } }, tensors)).findings, []);
  assert.deepEqual(
    (await adapter({ rank_pattern: { 'layers\\.\\d+\\.self_attn\\.v_proj': 4 } }, tensors)).findings,
    [],
  );
});

test('an entry of rank_pattern that its tensors contradict is set to their rank', async () => {
  const tensors = { ...factors(BOTH.slice(0, 1), 8), ...factors(BOTH.slice(1), 4) };
  const files = await adapter({ rank_pattern: { v_proj: 2 } }, tensors);
  const finding = only(files.findings, 'rank-pattern-mismatch');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(files.text, finding.range), '2');
  assert.equal(finding.message, 'rank_pattern says 2 for "v_proj", but the tensors have rank 4 (1 module).');
  assert.deepEqual(await repaired(files, finding), []);
});

test('an entry of a pattern that names no module has no effect', async () => {
  const { findings, text } = await adapter({ alpha_pattern: { k_proj: 4 } }, factors(BOTH));
  const finding = only(findings, 'module-pattern-unused');
  assert.equal(finding.severity, 'warning');
  assert.equal(textAt(text, finding.range), '"k_proj"');
  assert.match(finding.message, /"k_proj" in alpha_pattern is the name of no module of the adapter/);
});

test('factors without their other half are counted and named', async () => {
  const tensors = factors(BOTH);
  delete tensors[`${PREFIX}0.self_attn.q_proj.lora_B.weight`];
  const { findings, text } = await adapter({}, tensors);
  const finding = only(findings, 'lora-factor-missing');
  assert.equal(finding.severity, 'error');
  assert.match(textAt(text, finding.range), /^\[\s+"q_proj"/);
  assert.equal(finding.message, '1 module with lora_A but without lora_B: model.layers.0.self_attn.q_proj.');
});

test('factors of different ranks have no product', async () => {
  const tensors = factors(BOTH);
  tensors[`${PREFIX}0.self_attn.q_proj.lora_B.weight`] = { shape: [24, 4] };
  const { findings, text } = await adapter({}, tensors);
  const finding = only(findings, 'lora-factors-disagree');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(text, finding.range), '8');
  assert.match(finding.message, /q_proj: lora_A is 8 × 32 and lora_B is 24 × 4/);
});

test('a target module without tensors is shown in the list', async () => {
  const { findings, text } = await adapter({ target_modules: ['q_proj', 'v_proj', 'gate'] }, factors(BOTH));
  const finding = only(findings, 'target-module-unused');
  assert.equal(finding.severity, 'warning');
  assert.equal(textAt(text, finding.range), '"gate"');
  assert.equal(finding.message, 'No tensor of the adapter is for "gate".');
});

test('an expression that matches no module is unused as a whole', async () => {
  const { findings, text } = await adapter({ target_modules: '.*k_proj' }, factors(BOTH));
  assert.equal(textAt(text, only(findings, 'target-module-unused').range), '".*k_proj"');
  assert.ok(codesOf(findings).includes('tensor-not-targeted'));
});

test('a module with tensors that is not listed is added to the list', async () => {
  const files = await adapter({ target_modules: ['q_proj'] }, factors(BOTH));
  const finding = only(files.findings, 'tensor-not-targeted');
  assert.equal(finding.severity, 'error');
  assert.match(textAt(files.text, finding.range), /^\[\s+"q_proj"\s+\]$/);
  assert.equal(
    finding.message,
    '1 module has tensors but is not targeted, so PEFT drops them: model.layers.0.self_attn.v_proj.',
  );
  assert.deepEqual(await repaired(files, finding), []);
});

test('names in target_modules match whole parts at the end of a module name', async () => {
  const whole = await adapter(
    { target_modules: ['self_attn.q_proj', 'model.layers.0.self_attn.v_proj'] },
    factors(BOTH),
  );
  assert.deepEqual(whole.findings, []);
  const partial = await adapter({ target_modules: ['proj', 'q_proj', 'v_proj'] }, factors(BOTH));
  assert.deepEqual(codesOf(partial.findings), ['target-module-unused']);
});

test('an expression must match the whole module name, and "all-linear" matches whatever is there', async () => {
  assert.deepEqual((await adapter({ target_modules: '.*\\.(q|v)_proj' }, factors(BOTH))).findings, []);
  assert.deepEqual((await adapter({ target_modules: 'all-linear' }, factors(BOTH))).findings, []);
  const partial = await adapter({ target_modules: '(q|v)_proj' }, factors(BOTH));
  assert.deepEqual(codesOf(partial.findings), ['tensor-not-targeted', 'target-module-unused']);
});

test('modules that other fields keep out are not targeted either', async () => {
  const excluded = only(
    (await adapter({ exclude_modules: ['v_proj'] }, factors(BOTH))).findings,
    'tensor-not-targeted',
  );
  assert.match(excluded.message, /model\.layers\.0\.self_attn\.v_proj\.$/);
  assert.equal(excluded.fixes, undefined);
  const layers = await adapter({ layers_to_transform: [1] }, factors(BOTH));
  assert.match(only(layers.findings, 'tensor-not-targeted').message, /^2 modules have tensors/);
  assert.deepEqual(
    (await adapter({ layers_to_transform: 0, layers_pattern: 'layers' }, factors(BOTH))).findings,
    [],
  );
});

test('an adapter of which lora_B is zero everywhere does nothing', async () => {
  const tensors = factors(BOTH);
  for (const name of Object.keys(tensors))
    if (name.includes('lora_B')) tensors[name] = { shape: [24, 8], values: [0] };
  const { findings, text } = await adapter({}, tensors);
  const finding = only(findings, 'lora-b-zero');
  assert.equal(finding.severity, 'warning');
  assert.equal(textAt(text, finding.range), '"LORA"');
  assert.equal(finding.message, 'lora_B is zero in all 2 modules: this adapter does nothing.');
});

test('modules in which lora_B is zero are named', async () => {
  const tensors = factors(BOTH);
  tensors[`${PREFIX}0.self_attn.v_proj.lora_B.weight`] = { shape: [24, 8], values: [0, -0] };
  const { findings, text } = await adapter({}, tensors);
  const finding = only(findings, 'lora-b-partly-zero');
  assert.equal(finding.severity, 'information');
  assert.equal(textAt(text, finding.range), '"LORA"');
  assert.equal(finding.message, 'lora_B is zero in 1 module of 2: model.layers.0.self_attn.v_proj.');
});

test('values are not read beyond the limit for scanning', async () => {
  const tensors = factors(BOTH);
  for (const name of Object.keys(tensors))
    if (name.includes('lora_B')) tensors[name] = { shape: [24, 8], values: [0] };
  const { path } = await adapter({}, tensors);
  const findings = await lintFile(path, contextFor([paths.dirname(path)], { scanLimit: 100 }));
  assert.deepEqual(codesOf(findings), ['base-not-on-disk']);
});

test('use_dora needs a magnitude for every module', async () => {
  const { findings, text } = await adapter({ use_dora: true }, factors(BOTH));
  const finding = only(findings, 'dora-magnitude-missing');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(text, finding.range), 'true');
  assert.match(finding.message, /^use_dora is true, but 2 modules of 2 have no lora_magnitude_vector/);
});

test('magnitudes make an adapter DoRA, and use_dora is set', async () => {
  const tensors = factors(BOTH);
  for (const module of BOTH) tensors[`${PREFIX}${module}.lora_magnitude_vector`] = { shape: [24] };
  const files = await adapter({ use_dora: false }, tensors);
  const finding = only(files.findings, 'dora-not-declared');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(files.text, finding.range), 'false');
  assert.match(finding.message, /^2 modules of 2 have a lora_magnitude_vector: this is DoRA/);
  assert.deepEqual(codesOf(await repaired(files, finding)), ['adapter-not-served']);
});

test('modules that were saved whole need no factors', async () => {
  const tensors = { ...factors(BOTH), 'base_model.model.score.weight': { shape: [2, 32] } };
  const { findings } = await adapter({ modules_to_save: ['score'] }, tensors);
  assert.deepEqual(codesOf(findings), ['adapter-not-served']);
});
