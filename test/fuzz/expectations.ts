// What has to hold of every answer, whatever the bytes were.
import assert from 'node:assert/strict';
import type { Checkpoint } from '../../src/format/checkpoint';
import { openCheckpoint } from '../../src/format/registry';
import type { Finding } from '../../src/protocol/finding';
import type { Problem, Result } from '../../src/protocol/result';
import { bitsOf } from '../../src/tensor/decode';
import { OpenFiles } from '../../src/tensor/open-files';
import { placeInFile, type TensorSpan } from '../../src/tensor/span';
import { fileBytes, FOLDER, openDescriptors, setFiles } from './engine/memory-files';
import { meter } from './engine/meter';

/** Control characters and those that turn text around: a terminal or a message box would obey them. */
// eslint-disable-next-line no-control-regex
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
const LONGEST_MESSAGE = 4000;
const READ_TENSORS = 4;
const READ_BYTES = 2 ** 16;

/** A problem says what, where and what to do, and is none of our own errors. */
export function expectProblem(problem: Problem): void {
  // An exception that was caught is a bug all the same: nothing of a file may cause one.
  if (problem.code === 'internal-error') {
    throw meter.caught instanceof Error ? meter.caught : new Error(problem.message);
  }
  assert.match(problem.code, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
  expectText(problem.message);
  assert.ok(problem.action.length > 0, `${problem.code} does not say what to do`);
}

/** Findings as {@link expectProblem}. */
export function expectFindings(findings: readonly Finding[]): void {
  assert.ok(findings.length <= 2000, `${String(findings.length)} findings`);
  for (const { code, message } of findings) {
    assert.match(code, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
    expectText(message);
  }
}

function expectText(message: string): void {
  assert.ok(message.length > 0, 'there is no message');
  assert.ok(message.length < LONGEST_MESSAGE, `a message of ${String(message.length)} characters`);
  assert.ok(!OBEYED.test(message), `a message that commands: ${JSON.stringify(message)}`);
}

/** The value of a result, or `null` after {@link expectProblem}. */
export function expectResult<T>(result: Result<T>): T | null {
  if (result.ok) return result.value;
  expectProblem(result.problem);
  return null;
}

/** A file in an otherwise empty folder, opened as whatever it is; see {@link expectCheckpoint}. */
export async function openFiles(name: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  setFiles(files);
  const checkpoint = expectResult(await openCheckpoint(`${FOLDER}/${name}`));
  if (checkpoint !== null) expectCheckpoint(checkpoint);
  assert.equal(openDescriptors(), 0, 'a file stays open');
}

/** Every tensor lies within its file, is as large as shape and type say, and can be read or says why not. */
export function expectCheckpoint(checkpoint: Checkpoint): void {
  expectFindings(checkpoint.findings);
  const files = new OpenFiles();
  let read = 0;
  for (const { name, span } of checkpoint.tensors) {
    assert.equal(typeof name, 'string');
    expectSpan(span);
    if (read < READ_TENSORS && span.bytes <= READ_BYTES) {
      read++;
      const problem = files.read(span, 0, new Uint8Array(span.bytes));
      if (problem !== null) expectProblem(problem);
    }
  }
  files.close();
}

function expectSpan(span: TensorSpan): void {
  const { shape, count, dtype, bytes } = span;
  const place = placeInFile(span);
  for (const size of shape) assert.ok(isCount(size), `a side of ${String(size)}`);
  assert.equal(
    shape.reduce((product, size) => product * size, 1),
    count,
    'the elements are not those of the shape',
  );
  assert.ok(isCount(count) && isCount(bytes), `${String(count)} elements, ${String(bytes)} bytes`);
  assert.equal(count * bitsOf(dtype), bytes * 8, `${String(count)} of ${dtype} in ${String(bytes)} bytes`);
  assert.ok(isCount(place.offset) && isCount(place.bytes), `bytes at ${String(place.offset)}`);
  if (span.memory !== undefined) {
    assert.ok(span.offset + bytes <= span.memory.byteLength, 'a span beyond its memory');
    return;
  }
  for (const part of sourcesOf(span)) {
    const size = fileBytes(part.path);
    assert.ok(size !== undefined, `a span of ${part.path}`);
    const end = part.offset + part.bytes;
    assert.ok(end <= size, `${String(end)} of ${String(size)} bytes`);
  }
}

/** The spans of files that a tensor comes out of. */
function sourcesOf(span: TensorSpan): TensorSpan[] {
  if (span.memory !== undefined) return [];
  if (span.stored === undefined) return [span];
  return spansIn(Object.values(span.stored)).flatMap(sourcesOf);
}

function spansIn(value: unknown): TensorSpan[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  return 'dtype' in value ? [value as TensorSpan] : Object.values(value).flatMap(spansIn);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
