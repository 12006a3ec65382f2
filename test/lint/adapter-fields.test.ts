import assert from 'node:assert/strict';
import * as paths from 'node:path';
import { test } from 'node:test';
import { lint } from '../../src/lint/registry';
import type { Severity } from '../../src/protocol/finding';
import {
  applied,
  codesOf,
  contextFor,
  only,
  temporaryFolder,
  textAt,
  writeTensors,
  writeText,
} from './build';

const folder = temporaryFolder();
// The text on disk does not matter: what the editor holds is checked.
const path = writeText(paths.join(folder, 'adapter_config.json'), '{}');
writeTensors(paths.join(folder, 'adapter_model.safetensors'), {
  'base_model.model.layers.0.q_proj.lora_A.weight': { shape: [8, 32] },
  'base_model.model.layers.0.q_proj.lora_B.weight': { shape: [24, 8] },
});
// Whatever else is wrong, the base of these adapters is not at hand.
const aboutBase = new Set(['base-not-on-disk', 'base-not-named']);

async function findingsIn(text: string) {
  const findings = await lint(path, text, contextFor([folder]));
  return findings.filter(({ code }) => !aboutBase.has(code));
}

/** A right configuration with some lines replaced or added. */
function config(changes: Readonly<Record<string, string>>): string {
  const lines: Record<string, string> = {
    peft_type: '"LORA"',
    base_model_name_or_path: '"org/base"',
    r: '8',
    lora_alpha: '16',
    target_modules: '["q_proj"]',
    ...changes,
  };
  const written = Object.entries(lines).filter(([, value]) => value !== '');
  return `{\n${written.map(([key, value]) => `  "${key}": ${value}`).join(',\n')}\n}\n`;
}

test('a right configuration has no findings', async () => {
  assert.deepEqual(await findingsIn(config({})), []);
});

interface Case {
  readonly says: string;
  readonly text: string;
  readonly code: string;
  readonly severity: Severity;
  readonly covers: string;
  readonly message: RegExp;
  readonly fixed?: string;
}

const CASES: readonly Case[] = [
  {
    says: 'a rank in quotes is of the wrong type and becomes a number',
    text: config({ r: '"8"' }),
    code: 'adapter-field-type',
    severity: 'error',
    covers: '"8"',
    message: /^r is a string; it must be a whole number\.$/,
    fixed: config({ r: '8' }),
  },
  {
    says: 'a rank written as 8.0 is no whole number for Python',
    text: config({ r: '8.0' }),
    code: 'adapter-field-type',
    severity: 'error',
    covers: '8.0',
    message: /^r is a fractional number; it must be a whole number\.$/,
    fixed: config({ r: '8' }),
  },
  {
    says: 'null is no rank',
    text: config({ r: 'null' }),
    code: 'adapter-field-type',
    severity: 'error',
    covers: 'null',
    message: /^r is null;/,
  },
  {
    says: 'an alpha in quotes becomes a number, a fraction too',
    text: config({ lora_alpha: '"16.5"' }),
    code: 'adapter-field-type',
    severity: 'error',
    covers: '"16.5"',
    message: /^lora_alpha is a string; it must be a number\.$/,
    fixed: config({ lora_alpha: '16.5' }),
  },
  {
    says: 'a truth value written as in Python becomes one of JSON',
    text: config({ use_rslora: '"True"' }),
    code: 'adapter-field-type',
    severity: 'error',
    covers: '"True"',
    message: /^use_rslora is a string; it must be true or false\.$/,
    fixed: config({ use_rslora: 'true' }),
  },
  {
    says: 'a list of modules must hold strings',
    text: config({ target_modules: '["q_proj", 3]' }),
    code: 'adapter-field-type',
    severity: 'error',
    covers: '["q_proj", 3]',
    message: /^target_modules is a list with other things than strings; it must be a string or a list/,
  },
  {
    says: 'one name in place of a list of names becomes a list',
    text: config({ modules_to_save: '"score"' }),
    code: 'adapter-field-type',
    severity: 'error',
    covers: '"score"',
    message: /^modules_to_save is a string; it must be a list of strings\.$/,
    fixed: config({ modules_to_save: '["score"]' }),
  },
  {
    says: 'the ranks of rank_pattern must be numbers',
    text: config({ rank_pattern: '{"q_proj": "8"}' }),
    code: 'adapter-field-type',
    severity: 'error',
    covers: '"8"',
    message: /^rank_pattern\.q_proj is a string; it must be a whole number\.$/,
    fixed: config({ rank_pattern: '{"q_proj": 8}' }),
  },
  {
    says: 'layers are numbered by whole numbers',
    text: config({ layers_to_transform: '[0.5]' }),
    code: 'adapter-field-type',
    severity: 'error',
    covers: '[0.5]',
    message: /^layers_to_transform is a list with other things than whole numbers/,
  },
  {
    says: 'rank_pattern must be an object',
    text: config({ rank_pattern: '[8]' }),
    code: 'adapter-field-type',
    severity: 'error',
    covers: '[8]',
    message: /^rank_pattern is a list; it must be an object from module names to numbers\.$/,
  },
  {
    says: 'a rank is 1 or more',
    text: config({ r: '0' }),
    code: 'adapter-field-value',
    severity: 'error',
    covers: '0',
    message: /^r is 0; it must be 1 or more\.$/,
  },
  {
    says: 'a dropout is a share',
    text: config({ lora_dropout: '1.5' }),
    code: 'adapter-field-value',
    severity: 'error',
    covers: '1.5',
    message: /^lora_dropout is 1\.5; it must be between 0 and 1\.$/,
  },
  {
    says: 'bias is one of three words, in small letters',
    text: config({ bias: '"None"' }),
    code: 'adapter-field-value',
    severity: 'error',
    covers: '"None"',
    message: /^bias is "None"; it must be one of "none", "all", "lora_only"\.$/,
    fixed: config({ bias: '"none"' }),
  },
  {
    says: 'a misspelt key is renamed to the one that is meant',
    text: config({ lora_alpha: '', lora_alhpa: '16' }),
    code: 'adapter-field-misspelt',
    severity: 'warning',
    covers: '"lora_alhpa"',
    message: /^PEFT does not know "lora_alhpa"; "lora_alpha" is meant, most likely\.$/,
    fixed: config({ lora_alpha: '', lora_alhpa: '16' }).replace('alhpa', 'alpha'),
  },
  {
    says: 'the name that other tools use for a field is renamed',
    text: config({ r: '', rank: '8' }),
    code: 'adapter-field-misspelt',
    severity: 'warning',
    covers: '"rank"',
    message: /^PEFT does not know "rank"; "r" is meant, most likely\.$/,
    fixed: config({ r: '', rank: '8' }).replace('rank', 'r'),
  },
  {
    says: 'an alpha of 0 switches the adapter off',
    text: config({ lora_alpha: '0' }),
    code: 'lora-alpha-zero',
    severity: 'warning',
    covers: '0',
    message: /^lora_alpha is 0, so the scale of the adapter is 0: it does nothing\.$/,
  },
  {
    says: 'a missing peft_type is added where the fields are those of LoRA',
    text: config({ peft_type: '' }),
    code: 'peft-type-missing',
    severity: 'error',
    covers: '{',
    message: /^peft_type is missing\.$/,
    fixed: config({ peft_type: '' }).replace('["q_proj"]\n', '["q_proj"],\n  "peft_type": "LORA"\n'),
  },
  {
    says: 'a peft_type in small letters is one that PEFT does not find',
    text: config({ peft_type: '"lora"' }),
    code: 'peft-type-misspelt',
    severity: 'error',
    covers: '"lora"',
    message: /^PEFT has no kind of adapter called "lora"; "LORA" is meant, most likely\.$/,
    fixed: config({}),
  },
  {
    says: 'a kind whose fields are not checked is said to be so',
    text: config({ peft_type: '"IA3"', r: '"x"' }),
    code: 'peft-type-not-analysed',
    severity: 'information',
    covers: '"IA3"',
    message: /^Configurations of adapters of kind "IA3" are not checked further yet/,
  },
  {
    says: 'a configuration of MLX is not taken for one of PEFT',
    text: '{"fine_tune_type": "lora", "lora_parameters": {"rank": 8}}',
    code: 'adapter-config-foreign',
    severity: 'information',
    covers: '{',
    message: /^This is a configuration of MLX, not of PEFT/,
  },
  {
    says: 'a target that is no valid expression is shown where it breaks',
    text: config({ target_modules: '".*(q_proj"' }),
    code: 'module-pattern-invalid',
    severity: 'error',
    covers: '".*(q_proj"',
    message: /not a valid regular expression: missing "\)", unterminated subpattern at position 2\.$/,
  },
  {
    says: 'the patterns of alpha_pattern are expressions too',
    text: config({ alpha_pattern: '{"*.q_proj": 4}' }),
    code: 'module-pattern-invalid',
    severity: 'error',
    covers: '"*.q_proj"',
    message: /"\*\.q_proj" is not a valid regular expression: nothing to repeat at position 0\.$/,
  },
  {
    says: 'target_modules that are missing are listed from the tensors',
    text: config({ target_modules: '' }),
    code: 'target-modules-missing',
    severity: 'warning',
    covers: '{',
    message: /^target_modules is missing; PEFT then guesses/,
    fixed: config({ target_modules: '' }).replace('16\n', '16,\n  "target_modules": [\n    "q_proj"\n  ]\n'),
  },
  {
    says: 'an empty list of modules is as good as none',
    text: config({ target_modules: '[]' }),
    code: 'target-modules-missing',
    severity: 'warning',
    covers: '[]',
    message: /^target_modules names no module\.$/,
    fixed: config({}),
  },
  {
    says: 'broken JSON is shown where it breaks',
    text: '{\n  "r": 8,\n  "lora_alpha" 16\n}\n',
    code: 'json-syntax',
    severity: 'error',
    covers: '16',
    message: /^JSON: a colon is expected\.$/,
  },
  {
    says: 'a key that stands there twice is shown the second time',
    text: config({}).replace('"lora_alpha": 16', '"lora_alpha": 16,\n  "r": 8'),
    code: 'json-duplicate-key',
    severity: 'error',
    covers: '"r"',
    message: /^The key "r" stands here a second time/,
  },
  {
    says: 'a list is no configuration',
    text: '[1, 2]',
    code: 'json-type',
    severity: 'error',
    covers: '[1, 2]',
    message: /^The file holds an array where an object is needed\.$/,
  },
  {
    says: 'nesting without end is refused before anything follows it',
    text: `{"r": ${'['.repeat(100_000)}`,
    code: 'json-depth',
    severity: 'error',
    covers: '[',
    message: /^Values are nested more than 64 deep here\.$/,
  },
  {
    says: 'a huge file is not looked into',
    text: `{"r": "${'x'.repeat(2_000_001)}"}`,
    code: 'json-too-large',
    severity: 'error',
    covers: '{',
    message: /2,000,010 characters/,
  },
];

for (const { says, text, code, severity, covers, message, fixed } of CASES) {
  test(says, async () => {
    const finding = only(await findingsIn(text), code);
    assert.equal(finding.severity, severity);
    assert.equal(finding.path, path);
    assert.equal(textAt(text, finding.range), covers);
    assert.match(finding.message, message);
    assert.ok(finding.help.length > 0);
    if (fixed === undefined) {
      assert.equal(finding.fixes, undefined);
      return;
    }
    const repaired = applied(text, finding.fixes?.[0]);
    assert.equal(repaired, fixed);
    assert.ok(!codesOf(await findingsIn(repaired)).includes(code));
  });
}

test('the second of two spellings of one key is pointed out but not renamed', async () => {
  const finding = only(await findingsIn(config({ lora_alhpa: '16' })), 'adapter-field-misspelt');
  assert.match(finding.message, /"lora_alpha" is meant, most likely, which is also there\.$/);
  assert.equal(finding.fixes, undefined);
});

test('keys of other tools and of later versions of PEFT are left alone', async () => {
  const text = config({
    rank: '8',
    alpha: '16',
    my_training_run: '7',
    kappa_config: 'null',
    use_kora: 'true',
  });
  assert.deepEqual(await findingsIn(text), []);
});

test('null stands for the default wherever PEFT allows it', async () => {
  const text = config({ rank_pattern: 'null', use_dora: 'null', modules_to_save: 'null', bias: 'null' });
  assert.deepEqual(await findingsIn(text), []);
});

test('a key named __proto__ is a key like any other', async () => {
  assert.deepEqual(await findingsIn(config({ __proto__x: '1', constructor: '{}' })), []);
  assert.deepEqual(await findingsIn(config({}).replace('"r"', '"__proto__": {"r": "x"},\n  "r"')), []);
});

test('an expression that would keep a backtracking engine busy for ever is answered at once', async () => {
  const text = config({ target_modules: '"(q|(a*)*)*b"', rank_pattern: '{"((a*)*)*b": 8}' });
  assert.ok(codesOf(await findingsIn(text)).includes('module-pattern-unused'));
});
