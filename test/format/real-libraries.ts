// Files that real libraries wrote, with what is in them (test/fixtures/containers), against what is read here.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { Checkpoint } from '../../src/format/checkpoint';
import { readSpan } from '../../src/format/read';
import { openCheckpoint } from '../../src/format/registry';
import { decode } from '../../src/tensor/decode';
import { temporaryFolder } from './files';

const FIXTURES = paths.resolve(__dirname, '../fixtures/containers');

/** A tensor as its library has it; bytes little-endian in C order, as they are or as their SHA-256. */
interface ExpectedTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly hex?: string;
  readonly sha256?: string;
  /** What the elements stand for, where their bits are not those of NumPy. */
  readonly values?: readonly number[];
}

interface ExpectedFile {
  readonly says: string;
  readonly tensors?: Readonly<Record<string, ExpectedTensor>>;
  /** Codes of what opening it says, sorted. */
  readonly findings?: readonly string[];
  /** The code with which it is refused. */
  readonly refused?: string;
}

/** Packed fixtures lie unpacked in a folder that is gone after the tests. */
function pathOf(name: string, folder: () => string): string {
  const path = paths.join(FIXTURES, 'files', name);
  if (fs.existsSync(path)) return path;
  const unpacked = paths.join(folder(), paths.basename(name));
  fs.writeFileSync(unpacked, gunzipSync(fs.readFileSync(`${path}.gz`)));
  return unpacked;
}

async function tensorsOf(
  { tensors }: Checkpoint,
  expected: Readonly<Record<string, ExpectedTensor>>,
): Promise<Record<string, ExpectedTensor>> {
  const found: Record<string, ExpectedTensor> = {};
  for (const { name, span } of tensors) {
    const bytes = await readSpan(span);
    assert.ok(bytes.ok, bytes.ok ? '' : bytes.problem.message);
    assert.equal(found[name], undefined, `${name} is there twice`);
    const held =
      bytes.value.length <= 32
        ? { hex: Buffer.from(bytes.value).toString('hex') }
        : { sha256: createHash('sha256').update(bytes.value).digest('hex') };
    const values = expected[name]?.values && { values: [...decode(span.dtype, bytes.value, span.count)] };
    found[name] = { dtype: span.dtype, shape: [...span.shape], ...held, ...values };
  }
  return found;
}

/** A test for every file of a container: all names, types, shapes and bytes, and the codes of findings or of the refusal. */
export function testContainer(container: string): void {
  let temporary: string | undefined;
  const folder = (): string => (temporary ??= temporaryFolder());
  // Made before any test runs, so that it goes after the last.
  folder();
  const text = fs.readFileSync(paths.join(FIXTURES, `${container}.json`), 'utf8');
  const files = JSON.parse(text) as Record<string, ExpectedFile>;
  for (const [name, expected] of Object.entries(files)) {
    const outcome = expected.refused === undefined ? 'reads as it was written' : 'is refused with the reason';
    test(`${name} (${expected.says}) ${outcome}`, async () => {
      const opened = await openCheckpoint(pathOf(name, folder));
      if (expected.refused !== undefined) {
        assert.ok(!opened.ok);
        assert.equal(opened.problem.code, expected.refused, opened.problem.message);
        return;
      }
      assert.ok(opened.ok, opened.ok ? '' : opened.problem.message);
      assert.deepEqual(await tensorsOf(opened.value, expected.tensors ?? {}), expected.tensors);
      const codes = opened.value.findings.map(({ code }) => code).sort();
      assert.deepEqual(codes, expected.findings ?? []);
    });
  }
}
