// Files after what was published of readers of GGUF: CVE-2024-21802, CVE-2025-53630, CVE-2026-27940, CVE-2026-7482 and the classes they
// belong to. Numbers that overflow, lengths of more than there is, dimensions whose product wraps.
import assert from 'node:assert/strict';
import type { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { suite, test } from 'node:test';
import { openCheckpoint } from '../../src/format/registry';
import { temporaryFolder } from '../format/files';
import { ggufFile, numbers, type GgufOptions, type TensorOfFile, type Value } from '../format/gguf-files';

const folder = temporaryFolder();
const WRAPPED = 2n ** 64n - 1n;
const NEGATIVE = 2n ** 63n;
/** Fits every number, but no disk. */
const HUGE = 2n ** 40n;
/** Elements and bytes that a file of some hundred bytes may have made room for at once; one read of it is among them. */
const MOST_AT_ONCE = 2 ** 16;
const CONSTRUCTORS = [
  'Array',
  'ArrayBuffer',
  'SharedArrayBuffer',
  'Uint8Array',
  'Int32Array',
  'Float32Array',
  'Float64Array',
] as const;

type Metadata = readonly (readonly [string, Value])[];
const METADATA: Metadata = [
  ['general.architecture', ['string', 'llama']],
  ['a.list', ['array', 'u64', [['u64', 1n]]]],
  ['a.texts', ['array', 'string', [['string', 'x']]]],
];
const TENSOR = numbers('blk.0.attn_q.weight', [4, 4]);

function gguf(tensor: Partial<TensorOfFile> = {}, options: GgufOptions = {}, more: Metadata = []): Buffer {
  return ggufFile([...METADATA, ...more], [{ ...TENSOR, ...tensor }], options);
}

/** A valid file with a number written `after` bytes behind the end of a text. */
function written(text: string, after: number, value: bigint | number): Buffer {
  const file = gguf();
  const at = file.indexOf(text) + text.length + after;
  if (typeof value === 'bigint') file.writeBigUInt64LE(value, at);
  else file.writeUInt32LE(value, at);
  return file;
}

/** The largest number of elements or bytes that were made room for at once while `work` was done. */
async function largestAllocation(work: () => Promise<void>): Promise<number> {
  const kept = CONSTRUCTORS.map((name) => [name, globalThis[name]] as const);
  let largest = 0;
  for (const [name, original] of kept) {
    const counting = new Proxy(original, {
      construct(target, given: unknown[], wanted) {
        const [first] = given;
        if (typeof first === 'number') largest = Math.max(largest, first);
        return Reflect.construct(target, given, wanted) as object;
      },
    });
    Object.assign(globalThis, { [name]: counting });
  }
  try {
    await work();
  } finally {
    Object.assign(globalThis, Object.fromEntries(kept));
  }
  return largest;
}

interface Case {
  readonly what: string;
  readonly file: Buffer;
  readonly code: string;
  readonly at: RegExp;
}

const KEYS_AT = 'byte 16';
const TENSORS_AT = 'byte 8';
const ARCHITECTURE = 'general.architecture';

function counts(): Case[] {
  return [WRAPPED, NEGATIVE, 2n ** 61n, HUGE].flatMap((count) => [
    {
      what: `${String(count)} keys`,
      file: gguf({}, { keyCount: count }),
      code: 'gguf-malformed',
      at: RegExp(`^${KEYS_AT}$`),
    },
    {
      what: `${String(count)} tensors`,
      file: gguf({}, { tensorCount: count }),
      code: 'gguf-malformed',
      at: RegExp(`^${TENSORS_AT}$`),
    },
  ]);
}

function lengths(): Case[] {
  return [WRAPPED, WRAPPED - 1n, 2n ** 61n, HUGE].flatMap((length) => {
    const code = length === HUGE ? 'file-truncated' : 'gguf-malformed';
    const at = /^byte \d+$/;
    const bytes = String(length);
    return [
      { what: `a key of ${bytes} bytes`, file: written('', 24, length), code, at },
      { what: `a text of ${bytes} bytes`, file: written(ARCHITECTURE, 4, length), code, at },
      { what: `a list of ${bytes} numbers`, file: written('a.list', 8, length), code, at },
      { what: `a list of ${bytes} texts`, file: written('a.texts', 8, length), code, at },
      { what: `a text of ${bytes} bytes in a list`, file: written('a.texts', 16, length), code, at },
      { what: `a tensor's name of ${bytes} bytes`, file: written(TENSOR.name, -27, length), code, at },
    ];
  });
}

function dimensions(): Case[] {
  const shapes: readonly (readonly [readonly bigint[], string])[] = [
    [[2n ** 32n, 2n ** 32n], 'gguf-tensor-shape'],
    [[2n ** 16n, 2n ** 16n, 2n ** 16n, 2n ** 16n], 'gguf-tensor-shape'],
    [[2n ** 31n, 2n ** 31n, 4n], 'gguf-tensor-shape'],
    // The elements fit 64 bits, four bytes each of them do not.
    [[2n ** 31n, 2n ** 31n], 'gguf-tensor-shape'],
    [[2n ** 52n, 8n], 'gguf-tensor-shape'],
    [[WRAPPED, 2n], 'gguf-malformed'],
    [[NEGATIVE, 2n], 'gguf-malformed'],
    // Larger than the file by far, and by one row.
    [[HUGE], 'file-truncated'],
    [[4n, 5n], 'file-truncated'],
  ];
  const cases = shapes.map(([sizes, code]) => ({
    what: `a tensor of ${sizes.join('×')}`,
    file: gguf({ dimensions: sizes }),
    code,
    at: code === 'gguf-malformed' ? /^byte \d+$/ : /^blk\.0\.attn_q\.weight$/,
  }));
  const many = [5, 2 ** 31, 2 ** 32 - 1].map((axes) => ({
    what: `a tensor of ${String(axes)} dimensions`,
    file: written(TENSOR.name, 0, axes),
    code: 'gguf-tensor-shape',
    at: /^byte \d+$/,
  }));
  return [...cases, ...many];
}

function offsets(): Case[] {
  return [
    { offset: HUGE, code: 'file-truncated' },
    { offset: 32n, code: 'file-truncated' },
    { offset: 2n ** 53n - 1n, code: 'gguf-tensor-shape' },
    { offset: 2n ** 64n - 32n, code: 'gguf-malformed' },
    { offset: NEGATIVE, code: 'gguf-malformed' },
  ].map(({ offset, code }) => ({
    what: `an offset of ${String(offset)}`,
    file: gguf({ offset }),
    code,
    at: code === 'gguf-malformed' ? /^byte \d+$/ : /^blk\.0\.attn_q\.weight$/,
  }));
}

function alignments(): Case[] {
  const values: readonly (readonly [Value, string])[] = [
    [['u32', 0], 'gguf-malformed'],
    [['u32', 3], 'gguf-malformed'],
    [['u32', 33], 'gguf-malformed'],
    [['i32', -32], 'gguf-malformed'],
    [['u64', WRAPPED], 'gguf-malformed'],
    [['f32', 0.5], 'gguf-malformed'],
    [['string', '32'], 'gguf-malformed'],
    [['array', 'u32', [['u32', 32]]], 'gguf-malformed'],
    // A power of two, beyond the file.
    [['u32', 2 ** 31], 'file-truncated'],
  ];
  return values.map(([value, code]) => ({
    what: `an alignment of ${value[0]} ${String(value[1])}`,
    file: gguf({}, {}, [['general.alignment', value]]),
    code,
    at: code === 'gguf-malformed' ? /^byte \d+$/ : /^blk\.0\.attn_q\.weight$/,
  }));
}

function types(): Case[] {
  const at = /^byte \d+$/;
  return [13, 2 ** 31, 2 ** 32 - 1].flatMap((type) => [
    {
      what: `a value of type ${String(type)}`,
      file: written(ARCHITECTURE, 0, type),
      code: 'gguf-malformed',
      at,
    },
    {
      what: `a list of type ${String(type)}`,
      file: written('a.list', 4, type),
      code: 'gguf-malformed',
      at,
    },
  ]);
}

async function open(file: Buffer): Promise<Awaited<ReturnType<typeof openCheckpoint>>> {
  const path = paths.join(folder, 'model.gguf');
  fs.writeFileSync(path, file);
  return openCheckpoint(path);
}

suite('Published attacks on readers of GGUF', () => {
  test('the file that they are made from opens, and has its numbers', async () => {
    const opened = await open(gguf());
    assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
    assert.equal(opened.value.tensors[0]?.span.count, 16);
  });

  const groups = { counts, lengths, dimensions, offsets, alignments, types };
  for (const [group, cases] of Object.entries(groups)) {
    test(`${group}: refused with code and place, and without making room for what is claimed`, async () => {
      for (const { what, file, code, at } of cases()) {
        const largest = await largestAllocation(async () => {
          const opened = await open(file);
          assert.ok(!opened.ok, `${what} is opened`);
          assert.equal(opened.problem.code, code, `${what}: ${opened.problem.message}`);
          assert.match(opened.problem.at ?? '', at, `${what}: ${opened.problem.message}`);
          assert.ok(opened.problem.action.length > 0);
        });
        assert.ok(largest > 0 && largest <= MOST_AT_ONCE, `${what}: room for ${String(largest)}`);
      }
    });
  }

  test('a tensor of an unknown type is left out by name, whatever it claims to be', async () => {
    for (const type of [4, 5, 999, 2 ** 31, 2 ** 32 - 1]) {
      const largest = await largestAllocation(async () => {
        const opened = await open(gguf({ type, dimensions: [2n ** 32n, 2n ** 32n] }));
        assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
        assert.equal(opened.value.tensors.length, 0);
        const found = opened.value.findings.map(({ code, at }) => [code, at]);
        assert.deepEqual(found, [
          ['gguf-tensor-type', TENSOR.name],
          ['no-tensors', undefined],
        ]);
      });
      assert.ok(largest > 0 && largest <= MOST_AT_ONCE, `type ${String(type)}: room for ${String(largest)}`);
    }
  });
});
