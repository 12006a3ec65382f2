// Documents that people write: studies, configurations of adapters and models, indexes in an editor.
import { Buffer } from 'node:buffer';
import { hover } from '../../src/lint/hover';
import { lint } from '../../src/lint/registry';
import type { LintContext } from '../../src/lint/rule';
import { readAdapterConfig, scaleOf } from '../../src/model/adapter-config';
import { readArchitecture } from '../../src/model/read-architecture';
import { parseStudy } from '../../src/model/study-file';
import { failure } from '../../src/protocol/result';
import { FOLDER, setFiles } from './engine/memory-files';
import { expectFindings, expectResult } from './expectations';
import type { FuzzTarget } from './target';

const CONTEXT: LintContext = {
  roots: [FOLDER],
  open: (path) => Promise.resolve(failure({ code: 'file-missing', message: 'gone', action: 'none', path })),
  known: [],
  passes: {
    run: () => Promise.reject(new Error('no document has values')),
  },
  scanLimit: 0,
  signal: new AbortController().signal,
};
const MOST_HOVERS = 6;

/** Findings of a document, and hovers over the beginnings of its lines. */
async function lintAndHover(name: string, bytes: Uint8Array): Promise<void> {
  setFiles({ [name]: bytes });
  const path = `${FOLDER}/${name}`;
  const text = Buffer.from(bytes).toString('utf8');
  expectFindings(await lint(path, text, CONTEXT));
  for (const [number, line] of text.split('\n').slice(0, MOST_HOVERS).entries()) {
    await hover(path, line, number, Math.min(4, line.length), CONTEXT);
  }
}

/** `*.study.yaml` */
export const study: FuzzTarget = {
  name: 'study',
  modules: /(?:model\/study-\w+|model\/yaml-values|lint\/study\w*|lint\/study-\w+)\.ts$/,
  seeds: () =>
    [
      'name: x\nbase: base\ntasks:\n  a: one\n  b: two.safetensors\nrun: runs\n',
      'base: &b m\ntasks:\n  - {name: a, path: *b}\n  - name: "é"\n    path: ./q\n',
      'graph: m.onnx\ndata:\n  d: x.csv\n  e: {path: y.npz, inputs: {x: a}}\nfisher: {a: f.safetensors}\nbase: b\n',
    ].map((text) => Buffer.from(text)),
  async run(bytes) {
    expectResult(parseStudy(Buffer.from(bytes).toString('utf8'), `${FOLDER}/a.study.yaml`));
    await lintAndHover('a.study.yaml', bytes);
  },
};

const ADAPTER =
  '{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["q_proj","v"],"rank_pattern":{"^a\\\\.[0-9]+":4},"use_rslora":true,"base_model_name_or_path":"b"}';

/** `adapter_config.json` */
export const adapterConfig: FuzzTarget = {
  name: 'adapter-config',
  modules:
    /(?:model\/(?:adapter-config|config-fields|pattern|pattern-program|peft-names)|lint\/(?:adapter-\w+|json-document|peft-fields|target-modules|hover-adapter))\.ts$/,
  seeds: () =>
    [
      ADAPTER,
      '{\n "peft_type": "LOHA",\n "alpha": 4.5,\n "target_modules": ".*\\\\.(q|k)_proj",\n "modules_to_save": null\n}',
    ].map((text) => Buffer.from(text)),
  async run(bytes) {
    const config = readAdapterConfig(Buffer.from(bytes).toString('utf8'), `${FOLDER}/adapter_config.json`);
    const value = expectResult(config);
    if (value !== null) scaleOf(value, 'model.layers.0.self_attn.q_proj');
    await lintAndHover('adapter_config.json', bytes);
  },
};

/** The index of a sharded model as a document, with findings on its lines. */
export const indexDocument: FuzzTarget = {
  name: 'index-document',
  modules: /lint\/(?:safetensors-index|index-document|index-names|hover-index|text-lines)\.ts$/,
  seeds: () =>
    [
      '{\n"metadata": {"total_size": 12},\n"weight_map": {\n"a": "model-00001-of-00002.safetensors",\n"b": "../x"}}',
    ].map((text) => Buffer.from(text)),
  run: (bytes) => lintAndHover('model.safetensors.index.json', bytes),
};

/** `config.json` of a model. */
export const architecture: FuzzTarget = {
  name: 'architecture',
  modules: /model\/(?:read-architecture|architecture|config-fields|attention)\.ts$/,
  seeds: () =>
    [
      '{"architectures":["LlamaForCausalLM"],"model_type":"llama","num_attention_heads":4,"num_key_value_heads":2,"hidden_size":64,"head_dim":16,"num_hidden_layers":2}',
    ].map((text) => Buffer.from(text)),
  async run(bytes) {
    setFiles({ 'config.json': bytes });
    await readArchitecture(FOLDER);
  },
};
