import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import type { Finding } from '../../src/protocol/finding';
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

const MODULES = ['model.layers.0.self_attn.q_proj', 'model.layers.0.self_attn.v_proj'];

interface Scene {
  readonly root: string;
  readonly path: string;
  readonly text: string;
  readonly findings: readonly Finding[];
}

interface SceneOptions {
  readonly base?: Readonly<Record<string, TestTensor>>;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly modules?: readonly string[];
  readonly known?: readonly string[];
}

/** A workspace with `base/model.safetensors` and `adapter/`, which names it as `../base`. */
async function scene({ base, fields = {}, modules = MODULES, known = [] }: SceneOptions): Promise<Scene> {
  const root = temporaryFolder();
  if (base) writeTensors(paths.join(root, 'base', 'model.safetensors'), base);
  const whole = {
    peft_type: 'LORA',
    base_model_name_or_path: '../base',
    r: 8,
    lora_alpha: 16,
    target_modules: ['q_proj', 'v_proj'],
    ...fields,
  };
  const text = JSON.stringify(whole, null, 2);
  const path = writeText(paths.join(root, 'adapter', 'adapter_config.json'), text);
  const tensors = modules.flatMap((module): [string, TestTensor][] => [
    [`base_model.model.${module}.lora_A.weight`, { shape: [8, 32] }],
    [`base_model.model.${module}.lora_B.weight`, { shape: [24, 8] }],
  ]);
  writeTensors(paths.join(root, 'adapter', 'adapter_model.safetensors'), Object.fromEntries(tensors));
  const context = contextFor([root], { known: known.map((name) => paths.join(root, name)) });
  return { root, path, text, findings: await lintFile(path, context) };
}

function weights(
  modules: readonly string[],
  shape: readonly number[] = [24, 32],
): Record<string, TestTensor> {
  return Object.fromEntries(modules.map((module) => [`${module}.weight`, { shape }]));
}

test('an adapter that fits its base has no findings', async () => {
  assert.deepEqual((await scene({ base: weights(MODULES) })).findings, []);
});

test('a target module that the base does not have is corrected', async () => {
  const fields = { target_modules: ['q_proj', 'v_proj', 'kproj'] };
  const base = weights([...MODULES, 'model.layers.0.self_attn.k_proj']);
  const { findings, text, path, root } = await scene({ base, fields });
  const finding = only(findings, 'target-module-not-in-base');
  assert.equal(finding.severity, 'warning');
  assert.equal(textAt(text, finding.range), '"kproj"');
  assert.equal(finding.message, 'The base has no module "kproj"; "k_proj" is meant, most likely.');
  writeText(path, applied(text, finding.fixes?.[0]));
  // The base has that module, the adapter still has no tensors for it.
  assert.deepEqual(codesOf(await lintFile(path, contextFor([root]))), ['target-module-unused']);
});

test('a target module like no other in the base is not guessed', async () => {
  const fields = { target_modules: ['q_proj', 'v_proj', 'experts'] };
  const finding = only(
    (await scene({ base: weights(MODULES), fields })).findings,
    'target-module-not-in-base',
  );
  assert.equal(finding.message, 'The base has no module "experts".');
  assert.equal(finding.fixes, undefined);
});

test('tensors for a module that the base lacks are counted', async () => {
  const { findings, text } = await scene({ base: weights(MODULES.slice(0, 1)) });
  const finding = only(findings, 'adapter-module-not-in-base');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(text, finding.range), '"../base"');
  assert.equal(
    finding.message,
    'The base lacks 1 module of the adapter’s 2 (model.layers.0.self_attn.v_proj): the adapter does nothing there.',
  );
});

test('a base of another network has none of the modules', async () => {
  const finding = only(
    (await scene({ base: weights(['conv1', 'conv2']) })).findings,
    'adapter-module-not-in-base',
  );
  assert.match(
    finding.message,
    /^The base has none of the adapter’s 2 modules .*: the adapter does nothing\.$/,
  );
});

test('a prefix too many makes an adapter that does nothing', async () => {
  const modules = MODULES.map((module) => `model.${module}`);
  const { findings } = await scene({ base: weights(MODULES), modules });
  const finding = only(findings, 'adapter-module-not-in-base');
  assert.match(finding.message, /all 2 fit when "model\." is left out/);
  assert.match(finding.message, /the adapter does nothing\.$/);
});

test('a base saved without the prefix of its class is the one that transformers loads', async () => {
  const base = weights(['h.0.attn.q_proj', 'h.0.attn.v_proj']);
  const modules = ['transformer.h.0.attn.q_proj', 'transformer.h.0.attn.v_proj'];
  assert.deepEqual((await scene({ base, modules })).findings, []);
});

test('an adapter of the bare model fits a base with a head, but not as a language model', async () => {
  const modules = MODULES.map((module) => module.replace('model.', ''));
  const base = weights(MODULES);
  const bare = await scene({ base, modules, fields: { task_type: 'FEATURE_EXTRACTION' } });
  assert.deepEqual(bare.findings, []);
  const headed = await scene({ base, modules, fields: { task_type: 'CAUSAL_LM' } });
  const finding = only(headed.findings, 'adapter-module-not-in-base');
  assert.match(finding.message, /all 2 fit when "model\." is put before their names/);
});

test('factors of another size than the base are an error, module by module', async () => {
  const { findings, text } = await scene({
    base: { ...weights(MODULES.slice(0, 1)), ...weights(MODULES.slice(1), [48, 32]) },
  });
  const finding = only(findings, 'base-shape-mismatch');
  assert.equal(finding.severity, 'error');
  assert.equal(textAt(text, finding.range), '"../base"');
  assert.equal(
    finding.message,
    'model.layers.0.self_attn.v_proj: lora_B · lora_A is 24 × 32, but the base’s weight is 48 × 32.',
  );
});

test('a weight stored as inputs × outputs fits too', async () => {
  assert.deepEqual(
    (await scene({ base: weights(MODULES, [32, 24]), fields: { fan_in_fan_out: true } })).findings,
    [],
  );
});

test('a base that is known by a hub name only is no error', async () => {
  const { findings, text } = await scene({ fields: { base_model_name_or_path: 'org/base-7b' } });
  const finding = only(findings, 'base-not-on-disk');
  assert.equal(finding.severity, 'information');
  assert.equal(textAt(text, finding.range), '"org/base-7b"');
  assert.equal(
    finding.message,
    'The base "org/base-7b" is not on this disk, so the adapter is not compared with it.',
  );
  assert.equal(finding.fixes, undefined);
});

test('the only checkpoint of the workspace that fits is offered as the base', async () => {
  const { path, text, root, findings } = await scene({
    base: weights(MODULES),
    fields: { base_model_name_or_path: 'org/other' },
    known: ['base', 'adapter'],
  });
  const finding = only(findings, 'base-not-on-disk');
  assert.match(finding.message, /\.\.\/base in this workspace fits\.$/);
  assert.equal(finding.fixes?.[0]?.title, 'Set the base to "../base"');
  writeText(path, applied(text, finding.fixes?.[0]));
  assert.deepEqual(await lintFile(path, contextFor([root])), []);
});

test('a checkpoint of other shapes is not offered', async () => {
  const { findings } = await scene({
    base: weights(MODULES, [48, 32]),
    fields: { base_model_name_or_path: 'org/other' },
    known: ['base'],
  });
  assert.equal(only(findings, 'base-not-on-disk').fixes, undefined);
});

test('a path that does not exist is a warning', async () => {
  const { findings, text } = await scene({ fields: { base_model_name_or_path: '/home/trainer/out/base' } });
  const finding = only(findings, 'base-path-missing');
  assert.equal(finding.severity, 'warning');
  assert.equal(textAt(text, finding.range), '"/home/trainer/out/base"');
  assert.equal(finding.message, 'The path "/home/trainer/out/base" of the base does not exist.');
});

test('a base outside the workspace is not opened, not even through a link', async () => {
  const outside = temporaryFolder();
  writeTensors(paths.join(outside, 'model.safetensors'), weights(MODULES));
  const direct = await scene({ fields: { base_model_name_or_path: outside } });
  const finding = only(direct.findings, 'base-outside-workspace');
  assert.equal(finding.severity, 'warning');
  assert.equal(textAt(direct.text, finding.range), JSON.stringify(outside));
  assert.match(finding.message, /lies outside the opened folders, at .*, and is not opened\.$/);

  const linked = await scene({ fields: { base_model_name_or_path: '../linked' } });
  fs.symlinkSync(outside, paths.join(linked.root, 'linked'));
  assert.deepEqual(codesOf(await lintFile(linked.path, contextFor([linked.root]))), [
    'base-outside-workspace',
  ]);
});

test('an adapter that names no base says so', async () => {
  const { findings, text } = await scene({ fields: { base_model_name_or_path: null } });
  const finding = only(findings, 'base-not-named');
  assert.equal(finding.severity, 'information');
  assert.equal(textAt(text, finding.range), 'null');
  assert.match(finding.message, /does not name its base/);
});

test('a base that cannot be opened is named with the reason', async () => {
  const { path, root, text } = await scene({});
  writeText(paths.join(root, 'base', 'model.safetensors'), 'xy');
  const finding = only(await lintFile(path, contextFor([root])), 'base-unreadable');
  assert.equal(finding.severity, 'warning');
  assert.equal(textAt(text, finding.range), '"../base"');
  assert.match(finding.message, /^The base cannot be opened: .*6 bytes short/);
});
