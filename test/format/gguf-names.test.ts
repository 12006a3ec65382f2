import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import test, { suite } from 'node:test';
import type { Checkpoint } from '../../src/format/checkpoint';
import { deltaProfile } from '../../src/lens/delta-profile';
import { openAdapter } from '../../src/model/open-adapter';
import { run, study } from '../lens/run';
import { safetensorsFile, temporaryFolder, type HeaderEntry } from './files';
import { floats, ggufFile, numbers, openWhole, valuesOf, type TensorOfFile, type Value } from './gguf-files';

const folder = temporaryFolder();

async function open(name: string, bytes: Buffer): Promise<Checkpoint> {
  const path = paths.join(folder, name);
  fs.writeFileSync(path, bytes);
  return openWhole(path);
}

async function values(checkpoint: Checkpoint, name: string): Promise<number[]> {
  return [...(await valuesOf(checkpoint, name))];
}

const [WIDTH, HEADS, KEY_HEADS, HEAD] = [6, 3, 1, 4];
const LLAMA: readonly (readonly [string, Value])[] = [
  ['general.architecture', ['string', 'llama']],
  ['llama.attention.head_count', ['u32', HEADS]],
  ['llama.attention.head_count_kv', ['u32', KEY_HEADS]],
];

interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: readonly number[];
}

/** Numbers without order, the same for the same seed. */
function matrix(rows: number, columns: number, seed: number): Matrix {
  const numbersOf = Array.from({ length: rows * columns }, (_, i) => Math.fround(Math.sin(seed * 1000 + i)));
  return { rows, columns, values: numbersOf };
}

/**
 * What the converter does to the rows of queries and keys, as its own reshape and swap of axes say it: a head's rows seen as
 * [2, half] are put down as [half, 2].
 */
function asConverted({ rows, columns, values: all }: Matrix, heads: number): Matrix {
  const half = rows / heads / 2;
  const turned: number[] = [];
  for (let head = 0; head < heads; head++) {
    for (let j = 0; j < half; j++) {
      for (let t = 0; t < 2; t++) {
        const row = head * 2 * half + t * half + j;
        turned.push(...all.slice(row * columns, (row + 1) * columns));
      }
    }
  }
  return { rows, columns, values: turned };
}

const MODEL: Readonly<Record<string, Matrix>> = {
  'model.embed_tokens.weight': matrix(10, WIDTH, 1),
  'model.layers.0.self_attn.q_proj.weight': matrix(HEADS * HEAD, WIDTH, 2),
  'model.layers.0.self_attn.k_proj.weight': matrix(KEY_HEADS * HEAD, WIDTH, 3),
  'model.layers.0.self_attn.v_proj.weight': matrix(KEY_HEADS * HEAD, WIDTH, 4),
  'model.layers.0.self_attn.o_proj.weight': matrix(WIDTH, HEADS * HEAD, 5),
  'model.layers.0.mlp.gate_proj.weight': matrix(8, WIDTH, 6),
  'model.layers.0.mlp.up_proj.weight': matrix(8, WIDTH, 7),
  'model.layers.0.mlp.down_proj.weight': matrix(WIDTH, 8, 8),
  'lm_head.weight': matrix(10, WIDTH, 9),
};

const NAMES: Readonly<Record<string, string>> = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.layers.0.self_attn.q_proj.weight': 'blk.0.attn_q.weight',
  'model.layers.0.self_attn.k_proj.weight': 'blk.0.attn_k.weight',
  'model.layers.0.self_attn.v_proj.weight': 'blk.0.attn_v.weight',
  'model.layers.0.self_attn.o_proj.weight': 'blk.0.attn_output.weight',
  'model.layers.0.mlp.gate_proj.weight': 'blk.0.ffn_gate.weight',
  'model.layers.0.mlp.up_proj.weight': 'blk.0.ffn_up.weight',
  'model.layers.0.mlp.down_proj.weight': 'blk.0.ffn_down.weight',
  'lm_head.weight': 'output.weight',
};

function asSafetensors(): Buffer {
  let end = 0;
  const entries = Object.entries(MODEL).map(([name, { rows, columns }]): [string, HeaderEntry] => [
    name,
    { dtype: 'F32', shape: [rows, columns], data_offsets: [end, (end += 4 * rows * columns)] },
  ]);
  return safetensorsFile(
    Object.fromEntries(entries),
    Buffer.concat(Object.values(MODEL).map((each) => floats(each.values))),
  );
}

function asGguf(): Buffer {
  const tensors = Object.entries(MODEL).map(([name, given]): TensorOfFile => {
    const heads = name.includes('q_proj') ? HEADS : name.includes('k_proj') ? KEY_HEADS : 0;
    const { rows, columns, values: all } = heads > 0 ? asConverted(given, heads) : given;
    return { name: NAMES[name] ?? '', dimensions: [columns, rows], type: 0, data: floats(all) };
  });
  return ggufFile(LLAMA, tensors);
}

suite('Names in GGUF files', () => {
  test('a model and its conversion to F32 are the same, tensor by tensor', async () => {
    fs.writeFileSync(paths.join(folder, 'model.safetensors'), asSafetensors());
    const checkpoint = await open('model.gguf', asGguf());
    assert.deepEqual(
      checkpoint.tensors.map(({ name }) => name),
      Object.keys(MODEL),
    );
    for (const [name, expected] of Object.entries(MODEL)) {
      assert.deepEqual(await values(checkpoint, name), [...expected.values], name);
    }
    const [finding] = checkpoint.findings;
    assert.equal(finding?.code, 'gguf-names');
    assert.match(
      finding.message,
      /9 tensors of the architecture llama .*"token_embd.weight" as "model.embed_tokens.weight"/,
    );
    const ran = await run(deltaProfile, await study(folder, 'model.safetensors', ['model.gguf']));
    const layers = ran.table('layers').map((row) => [row['identical_share'], row['norm']]);
    assert.deepEqual(layers, [
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
    const tensors = ran.table('tensors').map((row) => row['tensor']);
    assert.deepEqual(new Set(tensors), new Set(Object.keys(MODEL)));
  });

  test('stacked experts come one by one, quantised ones at their own place on disk', async () => {
    const metadata: readonly (readonly [string, Value])[] = [
      ['general.architecture', ['string', 'qwen3moe']],
    ];
    const block = (scale: number) => [scale, 0x3c, ...Array.from({ length: 32 }, (_, i) => i)];
    const quantised = {
      name: 'blk.4.ffn_up_exps.weight',
      dimensions: [32, 1, 2],
      type: 8,
      data: Buffer.from([...block(0), ...block(1)]),
    };
    const checkpoint = await open(
      'experts.gguf',
      ggufFile(metadata, [numbers('blk.4.ffn_gate_exps.weight', [2, 3, 4]), quantised]),
    );
    assert.deepEqual(
      checkpoint.tensors.map(({ name, span }) => [name, span.shape]),
      [
        ...[0, 1, 2, 3].map((n) => [`model.layers.4.mlp.experts.${String(n)}.gate_proj.weight`, [3, 2]]),
        ...[0, 1].map((n) => [`model.layers.4.mlp.experts.${String(n)}.up_proj.weight`, [1, 32]]),
      ],
    );
    assert.deepEqual(
      await values(checkpoint, 'model.layers.4.mlp.experts.2.gate_proj.weight'),
      [12, 13, 14, 15, 16, 17],
    );
    const scaled = await values(checkpoint, 'model.layers.4.mlp.experts.1.up_proj.weight');
    assert.equal(scaled[31], Math.fround(31 * (1 + 2 ** -10)));
    const stored = checkpoint.tensors[5]?.span.stored;
    assert.equal((stored?.offset ?? 0) - (checkpoint.tensors[4]?.span.stored?.offset ?? 0), 34);
  });

  test('quantised rows of heads come back in their order, too', async () => {
    const rows = 4;
    // Row r of the file has r + 1 as its scale: those of the checkpoint are 1, 3, 2, 4.
    const codes = [0x3c, 0x40, 0x42, 0x44];
    const data = Buffer.from(codes.flatMap((code) => [0, code, ...new Array<number>(32).fill(1)]));
    const metadata = [LLAMA[0], ['llama.attention.head_count', ['u32', 1]]] as typeof LLAMA;
    const tensor = { name: 'blk.0.attn_q.weight', dimensions: [32, rows], type: 8, data };
    const all = await values(
      await open('rows.gguf', ggufFile(metadata, [tensor])),
      'model.layers.0.self_attn.q_proj.weight',
    );
    assert.deepEqual(
      [0, 1, 2, 3].map((row) => all[row * 32 + 5]),
      [1, 3, 2, 4],
    );
  });

  test('an architecture that is not known keeps its names', async () => {
    const metadata: readonly (readonly [string, Value])[] = [
      ['general.architecture', ['string', 'constructor']],
    ];
    const checkpoint = await open('other.gguf', ggufFile(metadata, [numbers('blk.0.attn_q.weight', [2, 2])]));
    assert.equal(checkpoint.tensors[0]?.name, 'blk.0.attn_q.weight');
    const [finding] = checkpoint.findings;
    assert.equal(finding?.code, 'gguf-architecture');
    assert.match(finding.message, /of the architecture constructor .* is not known; "blk.0.attn_q.weight"/);
  });

  test('a LoRA adapter is one, with its alpha and the names of the base', async () => {
    const adapter = await open(
      'adapter.gguf',
      ggufFile(
        [
          ['general.architecture', ['string', 'llama']],
          ['general.type', ['string', 'adapter']],
          ['adapter.type', ['string', 'lora']],
          ['adapter.lora.alpha', ['f32', 16]],
        ],
        [
          numbers('blk.0.attn_v.weight.lora_a', [6, 2]),
          numbers('blk.0.attn_v.weight.lora_b', [2, 4]),
          numbers('blk.0.attn_q.weight.lora_a', [6, 2]),
          numbers('blk.0.attn_q.weight.lora_b', [2, 12]),
        ],
      ),
    );
    const described = await openAdapter(adapter);
    assert.ok(described.ok && described.value);
    const { kind, layout, targets, scaleOrigin } = described.value;
    assert.deepEqual([kind, layout, scaleOrigin], ['LoRA', 'GGUF', 'metadata']);
    assert.deepEqual(
      targets.map(({ module, rank, alpha, scale }) => [module, rank, alpha, scale]),
      [
        // How many heads there are is not in an adapter: its rows of queries cannot be put in order.
        ['blk.0.attn_q', 2, 16, 8],
        ['model.layers.0.self_attn.v_proj', 2, 16, 8],
      ],
    );
    assert.deepEqual(
      adapter.findings.map(({ code }) => code),
      ['gguf-names', 'gguf-head-order'],
    );
  });

  for (const beside of ['config.json', 'base.gguf'])
    test(`rows of queries of an adapter come in their order where ${beside} beside it says how many heads there are`, async () => {
      const own = fs.mkdtempSync(paths.join(folder, 'adapter-'));
      const factor = matrix(HEADS * HEAD, 2, 5);
      const keys = matrix(KEY_HEADS * HEAD, 2, 6);
      const file = ggufFile(
        [
          LLAMA[0] as (typeof LLAMA)[number],
          ['general.type', ['string', 'adapter']],
          ['adapter.type', ['string', 'lora']],
        ],
        [
          numbers('blk.0.attn_q.weight.lora_a', [6, 2]),
          {
            ...numbers('blk.0.attn_q.weight.lora_b', [2, HEADS * HEAD]),
            data: floats(asConverted(factor, HEADS).values),
          },
          numbers('blk.0.attn_k.weight.lora_a', [6, 2]),
          {
            ...numbers('blk.0.attn_k.weight.lora_b', [2, KEY_HEADS * HEAD]),
            data: floats(asConverted(keys, KEY_HEADS).values),
          },
        ],
      );
      const path = paths.join(own, 'adapter.gguf');
      fs.writeFileSync(path, file);
      const before = await openWhole(path);
      assert.deepEqual(
        before.findings.map(({ code }) => code),
        ['gguf-head-order'],
      );
      const config = JSON.stringify({ num_attention_heads: HEADS, num_key_value_heads: KEY_HEADS });
      fs.writeFileSync(paths.join(own, beside), beside === 'config.json' ? config : asGguf());
      const adapter = await openWhole(path);
      const module = 'model.layers.0.self_attn';
      assert.deepEqual(await values(adapter, `${module}.q_proj.weight.lora_b`), factor.values);
      assert.deepEqual(await values(adapter, `${module}.k_proj.weight.lora_b`), keys.values);
      assert.deepEqual(
        await values(adapter, `${module}.q_proj.weight.lora_a`),
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
      );
      assert.notEqual(adapter.fingerprint, before.fingerprint);
      const described = await openAdapter(adapter);
      assert.ok(described.ok);
      assert.deepEqual(
        described.value?.targets.map((target) => target.module),
        [`${module}.k_proj`, `${module}.q_proj`],
      );
    });

  test('a control vector is one', async () => {
    const metadata: readonly (readonly [string, Value])[] = [
      ['general.architecture', ['string', 'controlvector']],
    ];
    const vector = await open(
      'control.gguf',
      ggufFile(metadata, [numbers('direction.1', [4]), numbers('direction.2', [4])]),
    );
    const described = await openAdapter(vector);
    assert.ok(described.ok && described.value);
    assert.equal(described.value.kind, 'control vector');
  });
});
