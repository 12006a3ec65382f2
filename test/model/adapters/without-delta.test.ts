import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Written } from '../write-safetensors';
import { codesOf, matrix, studyOf, written } from './build';

const vectors = (rows: number, columns: number): Written => written(matrix(rows, columns, 1));

/** Title, and what the reason must say. */
const KINDS: readonly (readonly [
  string,
  RegExp,
  Readonly<Record<string, Written>>,
  Readonly<Record<string, unknown>>?,
])[] = [
  ['prompt tuning', /before the input/, { prompt_embeddings: vectors(4, 6) }, { peft_type: 'PROMPT_TUNING' }],
  ['prefix tuning', /keys and values/, { prompt_embeddings: vectors(4, 24) }, { peft_type: 'PREFIX_TUNING' }],
  ['P-tuning', /before the input/, { prompt_embeddings: vectors(4, 6) }, { peft_type: 'P_TUNING' }],
  ['soft prompt', /before the input/, { 'soft_prompt.weight': vectors(4, 6) }],
  [
    'bottleneck adapter',
    /between the layers/,
    {
      'bert.encoder.layer.0.output.adapters.sst.adapter_down.0.weight': vectors(2, 6),
      'bert.encoder.layer.0.output.adapters.sst.adapter_down.0.bias': { shape: [2] },
      'bert.encoder.layer.0.output.adapters.sst.adapter_up.weight': vectors(6, 2),
      'bert.encoder.layer.0.output.adapters.sst.adapter_up.bias': { shape: [6] },
    },
  ],
  ['textual inversion', /new words/, { emb_params: vectors(2, 6) }],
  ['textual inversion', /new words/, { '<cat-toy>': vectors(1, 6) }],
  ['soft prompt', /before the input/, { 'x.prefix_tunings.0.wte.weight': vectors(4, 6) }],
  [
    'X-LoRA',
    /other LoRAs/,
    { 'last.weight': vectors(3, 6), 'inner.0.weight': vectors(6, 6) },
    { peft_type: 'XLORA' },
  ],
  ['control vector', /layers put out/, { 'direction.1': { shape: [6] }, 'direction.2': { shape: [6] } }],
];

for (const [title, reason, adapter, config] of KINDS) {
  test(`${title} (${Object.keys(adapter)[0] ?? ''}) is recognised, and has no task vector for a reason`, async () => {
    const study = await studyOf({
      base: { 'l.weight': vectors(6, 6) },
      adapter,
      ...(config ? { config } : {}),
    });
    const [task] = study.tasks;
    assert.deepEqual(
      [task?.kind, task?.deltas.size, task?.unplaced.length],
      ['factored', 0, Object.keys(adapter).length],
    );
    assert.deepEqual(codesOf(study), ['adapter-without-delta']);
    assert.match(study.findings[0]?.message ?? '', new RegExp(`of the kind ${title}: `));
    assert.match(study.findings[0]?.message ?? '', reason);
  });
}

test('a checkpoint with ordinary names is not taken for an adapter', async () => {
  const study = await studyOf({
    base: { 'l.weight': vectors(6, 6), 'l.alpha': { shape: [1] } },
    adapter: { 'l.weight': vectors(6, 6), 'l.alpha': { shape: [1] } },
  });
  assert.equal(study.tasks[0]?.kind, 'dense');
});

test('a kind that nobody here knows is refused by its name', async () => {
  const study = await studyOf({
    base: { 'l.weight': vectors(6, 6) },
    adapter: { 'base_model.mystery_theta': { shape: [16] } },
    config: { peft_type: 'MYSTERY', r: 4 },
  });
  assert.deepEqual(codesOf(study), ['adapter-kind-unsupported']);
  assert.match(study.findings[0]?.message ?? '', /MYSTERY/);
});
