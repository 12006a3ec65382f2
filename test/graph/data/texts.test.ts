import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { readBatch } from '../../../src/graph/data/batches';
import { matchData } from '../../../src/graph/data/match';
import { openData } from '../../../src/graph/data/registry';
import type { ValueInfo } from '../../../src/format/onnx/types';
import type { DataOptions } from '../../../src/protocol/data';
import { codeOf, got } from '../got';
import { temporaryFiles } from './files';

const write = temporaryFiles();

/** A WordPiece tokenizer as BERT's: longest match first, `##` within words, [CLS] and [SEP] around. */
const VOCABULARY = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  'the',
  'cat',
  'sat',
  '##s',
  'on',
  'mat',
  '.',
  'un',
  '##believ',
  '##able',
];
const special = (content: string) => ({
  id: VOCABULARY.indexOf(content),
  content,
  special: true,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
});
const piece = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } });
const WORDPIECE = {
  version: '1.0',
  added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]'].map(special),
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [piece('[CLS]', 0), { Sequence: { id: 'A', type_id: 0 } }, piece('[SEP]', 0)],
    pair: [
      piece('[CLS]', 0),
      { Sequence: { id: 'A', type_id: 0 } },
      piece('[SEP]', 0),
      { Sequence: { id: 'B', type_id: 1 } },
      piece('[SEP]', 1),
    ],
    special_tokens: {
      '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
    },
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(VOCABULARY.map((token, i) => [token, i])),
  },
};

/** Byte-level BPE as GPT-2's: merges in the order of the list, a blank before a word being Ġ, no special tokens. */
const BPE = {
  version: '1.0',
  added_tokens: [
    {
      id: 9,
      content: '<|endoftext|>',
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    },
  ],
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
  decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: '',
    end_of_word_suffix: '',
    fuse_unk: false,
    vocab: { l: 0, o: 1, w: 2, e: 3, r: 4, Ġ: 5, lo: 6, low: 7, er: 8, '<|endoftext|>': 9, Ġlow: 10 },
    merges: ['l o', 'lo w', 'e r', 'Ġ low'],
  },
};

function folder(name: string, tokenizer: unknown, config: unknown = {}): string {
  write(`${name}/tokenizer_config.json`, JSON.stringify(config));
  return dirname(write(`${name}/tokenizer.json`, JSON.stringify(tokenizer)));
}
const BERT = folder('bert', WORDPIECE, { model_max_length: 8, pad_token: '[PAD]' });
const GPT = folder('gpt', BPE, { model_max_length: 1e30, pad_token: { content: '<|endoftext|>' } });

const tokens = (name: string): ValueInfo => ({ name, type: 'int64', shape: ['batch', 'sequence'] });
const INPUTS = ['input_ids', 'attention_mask', 'token_type_ids'].map(tokens);

async function batchOf(
  path: string,
  near: string,
  indices: readonly number[],
  options: DataOptions = {},
  inputs = INPUTS,
) {
  const match = got(matchData(got(await openData(path, options, [near])), inputs, options));
  const { inputs: fed, reference } = got(await readBatch(match, indices));
  const rows = (
    value: { readonly shape: readonly number[]; readonly data: ArrayLike<number | bigint> } | undefined,
  ) => {
    const length = value?.shape[1] ?? 1;
    return Array.from({ length: value?.shape[0] ?? 0 }, (_, i) =>
      Array.from({ length }, (_, j) => Number(value?.data[i * length + j])),
    );
  };
  return {
    ids: rows(fed.get('input_ids')),
    mask: rows(fed.get('attention_mask')),
    segments: rows(fed.get('token_type_ids')),
    labels: rows(reference),
    match,
  };
}

test('texts become the tokens of the tokenizer beside the model, with masks and labels', async () => {
  const path = write(
    'glue.jsonl',
    '{"text": "The cat sats.", "label": 1}\n{"text": "unbelievable ünbelievable dog", "label": 0}',
  );
  const { ids, mask, segments, labels, match } = await batchOf(path, BERT, [1, 0]);
  // Lower case, accents off, longest piece first: un ##believ ##able twice, an unknown word; 8 tokens are the most.
  assert.deepEqual(ids, [
    [2, 11, 12, 13, 11, 12, 13, 3],
    [2, 4, 5, 6, 7, 10, 3, 0],
  ]);
  assert.deepEqual(mask, [
    [1, 1, 1, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 1, 1, 1, 0],
  ]);
  assert.deepEqual(segments, [
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
  ]);
  assert.deepEqual([labels, match.labels?.shift, match.samples], [[[0], [1]], false, 2]);
});

test('pairs are cut at the longer text, and special tokens stay', async () => {
  const path = write('pairs.csv', 'premise,hypothesis,label\n"the cat sat on the mat","cat",2\n');
  const { ids, segments } = await batchOf(path, BERT, [0]);
  assert.deepEqual(ids, [[2, 4, 5, 6, 8, 3, 5, 3]]);
  assert.deepEqual(segments, [[0, 0, 0, 0, 0, 0, 1, 1]]);
  const short = await batchOf(path, BERT, [0], { length: 5 });
  assert.deepEqual(short.ids, [[2, 4, 3, 5, 3]]);
});

test('a graph for a fixed length gets it', async () => {
  const path = write('fixed.txt', 'the cat\nthe\n');
  const fixed = INPUTS.map((input) => ({ ...input, shape: ['batch', 6] }));
  const { ids, mask } = await batchOf(path, BERT, [0, 1], {}, fixed);
  assert.deepEqual(ids, [
    [2, 4, 5, 3, 0, 0],
    [2, 4, 3, 0, 0, 0],
  ]);
  assert.deepEqual(mask, [
    [1, 1, 1, 1, 0, 0],
    [1, 1, 1, 0, 0, 0],
  ]);
});

test('lines of text are to be predicted token by token, padding left out', async () => {
  const path = write('plain.txt', 'lower low\n\nlow\n');
  const { ids, labels, mask, match } = await batchOf(path, GPT, [0, 1], {}, INPUTS.slice(0, 2));
  // l o → lo, lo w → low, e r → er, Ġ low → Ġlow.
  assert.deepEqual(ids, [
    [7, 8, 10],
    [7, 9, 9],
  ]);
  assert.deepEqual(mask, [
    [1, 1, 1],
    [1, 0, 0],
  ]);
  assert.deepEqual(
    [labels, match.labels?.shift],
    [
      [
        [8, 10, -100],
        [-100, -100, -100],
      ],
      true,
    ],
  );
});

test('padding goes where the tokenizer wants it', async () => {
  const left = folder('left', BPE, { padding_side: 'left', pad_token: '<|endoftext|>' });
  const { ids, mask, labels } = await batchOf(
    write('plain.txt', 'lower low\nlow\n'),
    left,
    [0, 1],
    {},
    INPUTS.slice(0, 2),
  );
  assert.deepEqual(
    [ids[1], mask[1], labels[1]],
    [
      [9, 9, 7],
      [0, 0, 1],
      [-100, 7, -100],
    ],
  );
});

test('labels that are texts are numbered by the configuration of the model', async () => {
  const near = folder('named', WORDPIECE);
  write('named/config.json', JSON.stringify({ label2id: { good: 3, bad: 1 } }));
  const path = write('names.csv', 'text,label\nthe cat,good\nthe mat,bad\nmat,odd\n');
  assert.deepEqual((await batchOf(path, near, [0, 1])).labels, [[3], [1]]);
  const data = got(await openData(path, {}, [near]));
  assert.equal(codeOf(await data.rows(['label'], [2])), 'data-labels');
  assert.equal(codeOf(await openData(path, {}, [BERT])), 'data-labels');
});

test('other names of fields and another tokenizer can be said', async () => {
  const path = write('odd.jsonl', '{"review": "low", "stars": 0.5}');
  const options = { text: 'review', labels: 'stars', tokenizer: `${GPT}/tokenizer.json` };
  const { ids, match } = await batchOf(path, BERT, [0], options, INPUTS.slice(0, 1));
  assert.deepEqual(
    [ids, match.labels?.array],
    [[[7]], { name: 'stars', type: 'float64', shape: [1], decimal: true }],
  );
});

test('without a usable tokenizer texts are refused', async () => {
  const path = write('alone/plain.txt', 'low\n');
  assert.equal(codeOf(await openData(path)), 'data-tokenizer');
  assert.equal(codeOf(await openData(path, { tokenizer: '/nowhere/tokenizer.json' })), 'data-tokenizer');
  const broken: readonly (readonly [string, string])[] = [
    ['syntax', '{'],
    ['kind', '[]'],
    ['model', '{"model": {"type": "Magic"}}'],
    ['depth', `{"model": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ];
  for (const [name, text] of broken) {
    const tokenizer = write(`broken/${name}.json`, text);
    assert.equal(codeOf(await openData(path, { tokenizer })), 'data-tokenizer', name);
  }
  const empty = got(await openData(write('empty.jsonl', '{"text": ""}'), {}, [GPT]));
  assert.equal(codeOf(await empty.rows(['input_ids'], [0])), 'data-malformed');
});
