import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Checkpoint } from '../../src/format/checkpoint';
import { FORMAT_CODES } from '../../src/format/problems';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { BITS, safetensorsFile, temporaryFolder, type HeaderEntry } from './files';

const folder = temporaryFolder();
const path = paths.join(folder, 'model.safetensors');
const CODES = new Set<string>(FORMAT_CODES.map(({ code }) => code));

/** Shapes whose bits end on a byte, whatever the element type: a multiple of four elements, or none. */
const shape = fc
  .array(fc.nat(4), { maxLength: 4 })
  .map((sizes) => [...sizes, 4])
  .chain((sizes) => fc.shuffledSubarray(sizes, { minLength: sizes.length }));
const name = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('__proto__', 'constructor', 'a.0.weight', '', 'toString'),
);
const described = fc.record({
  tensors: fc.uniqueArray(fc.tuple(name, fc.constantFrom(...Object.keys(BITS)), shape), {
    selector: ([own]) => own,
    maxLength: 8,
  }),
  metadata: fc.option(
    fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), { noNullPrototype: true }),
  ),
  order: fc.noShrink(fc.array(fc.nat(), { minLength: 9, maxLength: 9 })),
  padding: fc.nat(9),
});
type Described = typeof described extends fc.Arbitrary<infer T> ? T : never;

/** The file, and its header as one who wrote it knows it. */
function build({ tensors, metadata, order, padding }: Described): {
  file: Buffer;
  entries: Map<string, HeaderEntry>;
} {
  let end = 0;
  const entries = new Map<string, HeaderEntry>();
  for (const [own, dtype, sizes] of tensors) {
    if (own === '__metadata__') continue;
    const bytes = (sizes.reduce((product, size) => product * size, 1) * (BITS[dtype] ?? 0)) / 8;
    entries.set(own, { dtype, shape: sizes, data_offsets: [end, (end += bytes)] });
  }
  const fields = [...entries].map(([own, entry]) => `${JSON.stringify(own)}:${JSON.stringify(entry)}`);
  if (metadata) fields.push(`"__metadata__":${JSON.stringify(metadata)}`);
  const shuffled = fields
    .map((field, index) => ({ field, key: order[index] ?? 0 }))
    .sort((a, b) => a.key - b.key);
  const json = `{${shuffled.map(({ field }) => field).join(',')}}${' '.repeat(padding)}`;
  const data = Buffer.from(Array.from({ length: end }, (_, index) => index & 0xff));
  return { file: safetensorsFile(json, data), entries };
}

test('whatever is written into a valid header comes out of it, and the bytes of every tensor with it', async () => {
  await fc.assert(
    fc.asyncProperty(described, async (given) => {
      const { file, entries } = build(given);
      fs.writeFileSync(path, file);
      const opened = await openCheckpoint(path);
      assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
      const { tensors, metadata } = opened.value;
      assert.deepEqual(Object.entries(metadata), Object.entries(given.metadata ?? {}));
      assert.equal(tensors.length, entries.size);
      for (const { name: own, span } of tensors) {
        const entry = entries.get(own);
        assert.ok(entry);
        assert.deepEqual([span.dtype, span.shape], [entry.dtype, entry.shape]);
        const read = await readSpan(span);
        assert.ok(read.ok);
        const [start, end] = entry.data_offsets;
        assert.deepEqual(
          [...read.value],
          Array.from({ length: end - start }, (_, index) => (start + index) & 0xff),
        );
      }
    }),
    { numRuns: 300 },
  );
});

/**
 * The header of a file by `JSON.parse` and a map of every data byte, or why it is not valid. Slow, and knows
 * nothing of what is under test. Takes numbers like `1.0` and lone surrogates, which `JSON.parse` lets pass.
 */
function slowlyRead(file: Buffer): Map<string, HeaderEntry> | string {
  if (file.length < 9) return 'short';
  const length = file.readBigUInt64LE(0);
  if (length > 100_000_000n || length > BigInt(file.length - 8)) return 'length';
  const dataStart = 8 + Number(length);
  if (file[8] !== 0x7b) return 'start';
  let header: Record<string, HeaderEntry>;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      file.subarray(8, dataStart),
    );
    header = JSON.parse(text) as Record<string, HeaderEntry>;
    if (countKeys(header) !== countColons(text)) return 'duplicate key';
  } catch {
    return 'json';
  }
  const covered = new Uint8Array(file.length - dataStart);
  const entries = new Map<string, HeaderEntry>();
  for (const [own, entry] of Object.entries(header)) {
    if (own === '__metadata__') {
      const metadata: unknown = entry;
      if (metadata === null) continue;
      if (typeof metadata !== 'object' || Array.isArray(metadata)) return 'metadata';
      if (!Object.values(metadata).every((value) => typeof value === 'string')) return 'metadata';
      continue;
    }
    const wrong = slowlyCheck(entry, covered);
    if (wrong) return wrong;
    entries.set(own, entry);
  }
  const first = covered.indexOf(0);
  // After the last tensor there may be more bytes; before it, none without an owner.
  if (first >= 0 && covered.subarray(first).includes(1)) return 'gap';
  const ends = [...entries.values()].map((entry) => entry.data_offsets);
  const last = Math.max(0, ...ends.map(([, end]) => end));
  if (ends.some(([start, end]) => start === end && !ends.some((other) => other[1] === start || start === 0)))
    return 'gap';
  if (
    ends.some(([start, end]) => start === end && ends.some((other) => other[0] < start && start < other[1]))
  )
    return 'overlap';
  return last > covered.length ? 'truncated' : entries;
}

/** Colons outside strings: one per key as written. */
function countColons(json: string): number {
  return json.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1;
}

/** Keys as `JSON.parse` left them: fewer, where one was written twice. */
function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, inner) => sum + countKeys(inner), own);
}

function slowlyCheck(entry: unknown, covered: Uint8Array): string | null {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return 'entry';
  const { dtype, shape: sizes, data_offsets: offsets } = entry as Record<string, unknown>;
  const bits = typeof dtype === 'string' && Object.hasOwn(BITS, dtype) ? BITS[dtype] : undefined;
  if (bits === undefined || !Array.isArray(sizes) || !Array.isArray(offsets) || offsets.length !== 2)
    return 'entry';
  const numbers: unknown[] = (sizes as unknown[]).concat(offsets);
  if (!numbers.every((size) => Number.isSafeInteger(size) && Number(size) >= 0)) return 'number';
  const [start, end] = offsets as [number, number];
  const count = (sizes as number[]).reduce((product, size) => product * BigInt(size), 1n);
  if (end < start || count * BigInt(bits) !== 8n * BigInt(end - start)) return 'size';
  if (end > covered.length) return 'truncated';
  for (let index = start; index < end; index++) {
    if (covered[index]) return 'overlap';
    covered[index] = 1;
  }
  return null;
}

function agreesWith(checkpoint: Checkpoint, entries: ReadonlyMap<string, HeaderEntry>, file: Buffer): void {
  const dataStart = 8 + Number(file.readBigUInt64LE(0));
  assert.equal(checkpoint.tensors.length, entries.size);
  for (const { name: own, span } of checkpoint.tensors) {
    const entry = entries.get(own);
    assert.ok(entry, own);
    const [start, end] = entry.data_offsets;
    assert.deepEqual(
      [span.dtype, span.shape, span.offset, span.bytes, span.count],
      [
        entry.dtype,
        entry.shape,
        dataStart + start,
        end - start,
        entry.shape.reduce((product, size) => product * size, 1),
      ],
    );
    assert.ok(span.offset + span.bytes <= file.length);
  }
}

/** Opens the bytes; both verdicts must agree but for what `JSON.parse` cannot see. */
async function judge(file: Buffer): Promise<void> {
  fs.writeFileSync(path, file);
  const opened = await openCheckpoint(path);
  const slow = slowlyRead(file);
  if (opened.ok) {
    if (typeof slow === 'string') assert.fail(`opened, but: ${slow}`);
    agreesWith(opened.value, slow, file);
    return;
  }
  const { problem } = opened;
  assert.ok(CODES.has(problem.code), problem.code);
  assert.equal(problem.path, path);
  assert.ok(problem.message.includes(path) && problem.action !== '');
  if (typeof slow === 'string') return;
  const unseen = ['json-syntax', 'json-number', 'tensor-overflow'];
  assert.ok(unseen.includes(problem.code), `refused a valid file: ${problem.message}`);
  if (problem.code === 'json-syntax') assert.match(problem.message, /escape/);
  if (problem.code === 'json-number')
    assert.match(problem.message, /is not written as a whole number|-0 is negative/);
}

const change = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), bit: fc.nat(7) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('insert' as const),
      at: fc.nat(),
      bytes: fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 9 }),
        fc.constantFrom(
          ...['-', '.5', '0', ',', '"', '{', '}', '\\u', 'e9', '[', 'null'].map(
            (text) => new Uint8Array(Buffer.from(text)),
          ),
        ),
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('remove' as const),
      at: fc.nat(),
      count: fc.integer({ min: 1, max: 9 }),
    }),
  },
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function applied(file: Buffer, changes: readonly Change[]): Buffer {
  let bytes = file;
  for (const each of changes) {
    const at = each.at % (bytes.length + 1);
    const before = bytes.subarray(0, at);
    if (each.kind === 'cut') bytes = before;
    else if (each.kind === 'insert') bytes = Buffer.concat([before, each.bytes, bytes.subarray(at)]);
    else if (each.kind === 'remove') bytes = Buffer.concat([before, bytes.subarray(at + each.count)]);
    else {
      bytes = Buffer.from(bytes);
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << each.bit);
    }
  }
  return bytes;
}

test('a valid file with flipped bits, missing or added bytes is either consistent or refused with code and place', async () => {
  await fc.assert(
    fc.asyncProperty(described, fc.array(change, { minLength: 1, maxLength: 3 }), async (given, changes) => {
      await judge(applied(build(given).file, changes));
    }),
    { numRuns: 1500 },
  );
});

const number = fc.oneof(
  fc.nat(40).map(String),
  fc.constantFrom(
    '-1',
    '0.5',
    '1e2',
    '9007199254740991',
    '9007199254740993',
    '18446744073709551615',
    'null',
    '"4"',
    '-0',
    '1.0',
  ),
);

test('a valid header with any of its numbers, types or names replaced is either consistent or refused', async () => {
  const replacement = fc.record({ which: fc.nat(), by: number });
  const word = fc.record({
    which: fc.nat(),
    by: fc.constantFrom(...Object.keys(BITS), 'F31', '', 'dtype', 'shape', '__metadata__', '__proto__'),
  });
  await fc.assert(
    fc.asyncProperty(
      described,
      fc.array(replacement, { maxLength: 3 }),
      fc.option(word),
      async (given, numbers, words) => {
        const { file } = build(given);
        const length = Number(file.readBigUInt64LE(0));
        let json = file.toString('utf8', 8, 8 + length);
        for (const { which, by } of numbers) json = replaceNth(json, /(?<=[[,])\d+(?=[\],])/g, which, by);
        if (words) json = replaceNth(json, /(?<=")[A-Za-z0-9_]+(?=")/g, words.which, words.by);
        await judge(safetensorsFile(json, file.subarray(8 + length)));
      },
    ),
    { numRuns: 1500 },
  );
});

function replaceNth(text: string, pattern: RegExp, which: number, by: string): string {
  const matches = [...text.matchAll(pattern)];
  const match = matches[which % Math.max(1, matches.length)];
  return match ? text.slice(0, match.index) + by + text.slice(match.index + match[0].length) : text;
}

test('exchanged offsets of two tensors are consistent only where both have the same size', async () => {
  await fc.assert(
    fc.asyncProperty(described, fc.nat(), fc.nat(), async (given, one, other) => {
      const { file, entries } = build(given);
      const names = [...entries.keys()];
      const a = entries.get(names[one % Math.max(1, names.length)] ?? '');
      const b = entries.get(names[other % Math.max(1, names.length)] ?? '');
      if (!a || !b) return;
      [a.data_offsets, b.data_offsets] = [b.data_offsets, a.data_offsets];
      const json = `{${[...entries].map(([own, entry]) => `${JSON.stringify(own)}:${JSON.stringify(entry)}`).join(',')}}`;
      const data = file.subarray(8 + Number(file.readBigUInt64LE(0)));
      await judge(safetensorsFile(json, data));
      const sizes = [a, b].map((entry) => entry.data_offsets[1] - entry.data_offsets[0]);
      assert.equal((await openCheckpoint(path)).ok, sizes[0] === sizes[1]);
    }),
    { numRuns: 500 },
  );
});

test('any bytes at all are refused or read, never more than that', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, framed) => {
      await judge(framed ? safetensorsFile(Buffer.concat([Buffer.from('{'), bytes])) : Buffer.from(bytes));
    }),
    { numRuns: 1000 },
  );
});
