import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import type { Finding } from '../../src/protocol/finding';
import { floats, torchZipFile } from '../format/torch-files';
import {
  contextFor,
  lintFile,
  only,
  temporaryFolder,
  textAt,
  writeTensors,
  writeText,
  type TestTensor,
} from './build';

const Q = 'base_model.model.layers.0.q_proj';
const N = 16;
const R = 8;

/** An r × n matrix with `first` in row 0 and nothing else. */
function oneRow(rows: number, columns: number, first: number): TestTensor {
  return {
    shape: [rows, columns],
    values: Array.from({ length: rows * columns }, (_, at) => (at < columns ? first : 0)),
  };
}

/** An m × r matrix with `first` in column 0 and nothing else. */
function oneColumn(rows: number, columns: number, first: number): TestTensor {
  return {
    shape: [rows, columns],
    values: Array.from({ length: rows * columns }, (_, at) => (at % columns === 0 ? first : 0)),
  };
}

/** Full rank: the identity, as far as it goes. */
function identity(rows: number, columns: number, size = 1): TestTensor {
  return {
    shape: [rows, columns],
    values: Array.from({ length: rows * columns }, (_, at) =>
      Math.floor(at / columns) === at % columns ? size : 0,
    ),
  };
}

const FULL = { [`${Q}.lora_A.weight`]: identity(R, N), [`${Q}.lora_B.weight`]: identity(N, R) };

interface Case {
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly adapter: Readonly<Record<string, TestTensor>>;
  readonly base?: Readonly<Record<string, TestTensor>>;
}

function write({ fields, adapter, base }: Case, root = temporaryFolder(), name = 'adapter') {
  const folder = paths.join(root, name);
  const text = JSON.stringify(
    {
      peft_type: 'LORA',
      base_model_name_or_path: base ? '../base' : 'org/base',
      r: R,
      lora_alpha: R,
      target_modules: ['q_proj'],
      modules_to_save: null,
      ...fields,
    },
    null,
    2,
  );
  const path = writeText(paths.join(folder, 'adapter_config.json'), text);
  writeTensors(paths.join(folder, 'adapter_model.safetensors'), adapter);
  if (base) writeTensors(paths.join(root, 'base/model.safetensors'), base);
  return { root, folder, text, path };
}

async function findingsOf(
  given: Case,
): Promise<{ findings: readonly Finding[]; text: string; path: string }> {
  const { root, text, path } = write(given);
  const findings = await lintFile(path, contextFor([root]));
  return { findings, text, path };
}

test('an adapter that uses a part of its rank is told which rank would do', async () => {
  const { findings, text } = await findingsOf({
    adapter: { [`${Q}.lora_A.weight`]: oneRow(R, N, 1), [`${Q}.lora_B.weight`]: oneColumn(N, R, 1) },
  });
  const finding = only(findings, 'adapter-over-ranked');
  assert.equal(finding.severity, 'information');
  assert.equal(textAt(text, finding.range), '8');
  assert.match(finding.message, /^1 module of rank 8 or more uses at most half of it: rank 1 keeps 100\.0 %/);
  const full = await findingsOf({ adapter: FULL });
  assert.ok(!full.findings.some(({ code }) => code === 'adapter-over-ranked'));
});

test('rsLoRA with an alpha that was chosen for plain LoRA is pointed out', async () => {
  const fields = { use_rslora: true, lora_alpha: 64 };
  const { findings, text } = await findingsOf({ fields, adapter: FULL });
  const finding = only(findings, 'rslora-over-scaled');
  assert.equal(finding.severity, 'warning');
  assert.equal(textAt(text, finding.range), '64');
  // 64 / √8 and 64 / 8.
  assert.match(finding.message, /scale the change by 22\.6 \(α\/√r\).* by 8\.00 \(α\/r\)/);
  const plain = await findingsOf({ fields: { use_rslora: true }, adapter: FULL });
  assert.ok(!plain.findings.some(({ code }) => code === 'rslora-over-scaled'));
});

test('a change with a norm beyond float16 is a warning', async () => {
  const { findings } = await findingsOf({
    adapter: { [`${Q}.lora_A.weight`]: identity(R, N, 300), [`${Q}.lora_B.weight`]: identity(N, R, 300) },
  });
  const finding = only(findings, 'adapter-beyond-float16');
  assert.equal(finding.severity, 'warning');
  assert.match(finding.message, /The change of 1 module has a norm beyond .*layers\.0\.q_proj/);
});

test('a change that the element type of the base rounds away is a warning', async () => {
  const small = {
    [`${Q}.lora_A.weight`]: identity(R, N, 1e-3),
    [`${Q}.lora_B.weight`]: identity(N, R, 1e-3),
  };
  const { root, path, text } = write({ adapter: small, base: { other: { shape: [1] } } });
  const header = JSON.stringify({
    'layers.0.q_proj.weight': { dtype: 'BF16', shape: [N, N], data_offsets: [0, 2 * N * N] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  // 1.0 in bfloat16 is 0x3f80.
  const values = Buffer.alloc(2 * N * N).fill(Buffer.from([0x80, 0x3f]));
  fs.writeFileSync(
    paths.join(root, 'base/model.safetensors'),
    Buffer.concat([length, Buffer.from(header), values]),
  );
  const finding = only(await lintFile(path, contextFor([root])), 'adapter-rounded-away');
  assert.equal(finding.severity, 'warning');
  assert.equal(textAt(text, finding.range), '"../base"');
  assert.match(finding.message, /^In 1 module of 1 the typical change is smaller than half a step of BF16/);
});

test('copies of embeddings that make most of the file are named, with what to do', async () => {
  const saved = 'base_model.model.embed_tokens.weight';
  const { findings, text } = await findingsOf({
    fields: { modules_to_save: ['embed_tokens'] },
    adapter: { ...FULL, [saved]: { shape: [20_000, N] } },
  });
  const finding = only(findings, 'adapter-saved-large');
  assert.deepEqual([finding.severity, finding.at], ['information', saved]);
  assert.match(textAt(text, finding.range), /embed_tokens/);
  assert.match(finding.message, /^1\.3 MB of 1\.3 MB are whole copies of modules/);
  assert.match(finding.help ?? '', /save_embedding_layers=False/);
});

test('whole modules and DoRA magnitudes are what servers refuse', async () => {
  const saved = { 'base_model.model.score.weight': { shape: [2, N] } };
  const whole = await findingsOf({ fields: { modules_to_save: ['score'] }, adapter: { ...FULL, ...saved } });
  const finding = only(whole.findings, 'adapter-not-served');
  assert.deepEqual([finding.severity, finding.at], ['information', 'score']);
  assert.match(finding.message, /whole modules \(score\).*vLLM/);
  const magnitude = { [`${Q}.lora_magnitude_vector`]: { shape: [N] } };
  const dora = await findingsOf({ fields: { use_dora: true }, adapter: { ...FULL, ...magnitude } });
  assert.match(only(dora.findings, 'adapter-not-served').message, /DoRA magnitudes/);
  const plain = await findingsOf({ adapter: FULL });
  assert.ok(!plain.findings.some(({ code }) => code === 'adapter-not-served'));
});

const BASE = { 'layers.0.q_proj.weight': { shape: [N, N] }, 'embed_tokens.weight': { shape: [100, N] } };

test('an embedding with other rows than the base has is a resized vocabulary', async () => {
  const saved = 'base_model.model.embed_tokens.weight';
  const { findings } = await findingsOf({
    fields: { modules_to_save: ['embed_tokens'] },
    adapter: { ...FULL, [saved]: { shape: [101, N] } },
    base: BASE,
  });
  const finding = only(findings, 'adapter-vocabulary-resized');
  assert.deepEqual([finding.severity, finding.at], ['warning', saved]);
  assert.match(finding.message, /from 100 to 101 tokens/);
});

test('an adapter of embeddings that the base ties to its head is warned about', async () => {
  const embedding = 'base_model.model.embed_tokens';
  const adapter = {
    ...FULL,
    [`${embedding}.lora_embedding_A`]: { shape: [R, 100] },
    [`${embedding}.lora_embedding_B`]: { shape: [N, R] },
  };
  const fields = { target_modules: ['q_proj', 'embed_tokens'] };
  const { findings } = await findingsOf({ fields, adapter, base: BASE });
  const finding = only(findings, 'adapter-tied-embeddings');
  assert.deepEqual([finding.severity, finding.at], ['warning', 'embed_tokens']);
  const untied = await findingsOf({
    fields,
    adapter,
    base: { ...BASE, 'lm_head.weight': { shape: [100, N] } },
  });
  assert.ok(!untied.findings.some(({ code }) => code === 'adapter-tied-embeddings'));
});

test('an absolute path to the base is right on one machine only', async () => {
  const root = temporaryFolder();
  const base = writeTensors(paths.join(root, 'base/model.safetensors'), BASE);
  const fields = { base_model_name_or_path: paths.dirname(base) };
  const { path, text } = write({ fields, adapter: FULL }, root);
  const finding = only(await lintFile(path, contextFor([root])), 'base-path-absolute');
  assert.equal(finding.severity, 'information');
  assert.ok(textAt(text, finding.range).includes(paths.dirname(base)));
});

test('two adapters that change the same are duplicates, whatever their factors are', async () => {
  const root = temporaryFolder();
  const { path } = write({ adapter: FULL }, root, 'one');
  // Half of A and twice B: the same product.
  const other = write(
    { adapter: { [`${Q}.lora_A.weight`]: identity(R, N, 0.5), [`${Q}.lora_B.weight`]: identity(N, R, 2) } },
    root,
    'two',
  );
  const third = write({ adapter: { ...FULL, [`${Q}.lora_B.weight`]: oneColumn(N, R, 1) } }, root, 'three');
  const known = (folder: string) => [paths.join(folder, 'adapter_model.safetensors')];
  const same = await lintFile(path, contextFor([root], { known: known(other.folder) }));
  const finding = only(same, 'adapter-near-duplicate');
  assert.equal(finding.severity, 'information');
  assert.match(finding.message, /as two does: the cosine of their changes is 1\.0000 in 1 module/);
  const different = await lintFile(path, contextFor([root], { known: known(third.folder) }));
  assert.ok(!different.some(({ code }) => code === 'adapter-near-duplicate'));
});

test('a pickle beside the weights that holds others is a warning, one with the same is not', async () => {
  const { folder, path, root } = write({
    adapter: { [`${Q}.lora_A.weight`]: { shape: [1, 2], values: [1, 2] } },
  });
  const tensor = { key: '0', storage: 'FloatStorage', elements: 2, shape: [1, 2], stride: [2, 1] };
  const pickle = (...values: number[]) =>
    fs.writeFileSync(
      paths.join(folder, 'adapter_model.bin'),
      torchZipFile({ dict: [[`${Q}.lora_A.weight`, tensor]] }, { 0: floats(...values) }),
    );
  pickle(1, 3);
  const finding = only(await lintFile(path, contextFor([root])), 'adapter-pickle-differs');
  assert.deepEqual([finding.severity, finding.at], ['warning', 'adapter_model.bin']);
  assert.match(finding.message, /1 tensor differ \(.*q_proj\.lora_A\.weight\)/);
  pickle(1, 2);
  const same = await lintFile(path, contextFor([root]));
  assert.ok(!same.some(({ code }) => code === 'adapter-pickle-differs'));
});

test('a copy of the base that was not trained says which base it is, and can go', async () => {
  const saved = { 'base_model.model.embed_tokens.weight': { shape: [100, N] } };
  const fields = { modules_to_save: ['embed_tokens'] };
  const { findings } = await findingsOf({ fields, adapter: { ...FULL, ...saved }, base: BASE });
  const finding = only(findings, 'adapter-saved-untrained');
  assert.deepEqual([finding.severity, finding.at], ['information', 'embed_tokens']);
  assert.match(finding.message, /^1 copy in the adapter is the base's bit by bit: embed_tokens\./);
  const other = { 'base_model.model.embed_tokens.weight': { shape: [100, N], values: [1, 2, 3] } };
  const trained = await findingsOf({ fields, adapter: { ...FULL, ...other }, base: BASE });
  assert.ok(!trained.findings.some(({ code }) => code === 'adapter-saved-untrained'));
});

test('a configuration beside the adapter that is of another base contradicts the name', async () => {
  const { root, folder, path, text } = write({ adapter: FULL, base: BASE });
  writeText(paths.join(folder, 'config.json'), '{"model_type": "llama", "vocab_size": 32000}');
  writeText(paths.join(root, 'base/config.json'), '{"model_type": "llama", "vocab_size": 100}');
  const finding = only(await lintFile(path, contextFor([root])), 'base-config-differs');
  assert.deepEqual([finding.severity, finding.at], ['warning', 'vocab_size']);
  assert.equal(textAt(text, finding.range), '"../base"');
  assert.match(finding.message, /vocab_size 32000 against 100\.$/);
  writeText(paths.join(folder, 'config.json'), '{"model_type": "llama", "vocab_size": 100}');
  const same = await lintFile(path, contextFor([root]));
  assert.ok(!same.some(({ code }) => code === 'base-config-differs'));
});
