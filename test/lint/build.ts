import * as fs from 'node:fs';
import * as os from 'node:os';
import * as paths from 'node:path';
import { openCheckpoint } from '../../src/format/registry';
import type { LintContext } from '../../src/lint/rule';
import { lint } from '../../src/lint/registry';
import type { Finding, QuickFix, TextRange } from '../../src/protocol/finding';
import { cancelled, success } from '../../src/protocol/result';
import type { Moments, PassItem, PassRunner } from '../../src/tensor/pass';

/** A float32 tensor for a test file; without values it is filled with unlike ones. */
export interface TestTensor {
  readonly shape: readonly number[];
  readonly values?: readonly number[];
}

/** Numbers in −1..1 that have nothing to do with each other. */
function noise(index: number): number {
  const value = Math.sin(index * 12.9898 + 1) * 43_758.5453;
  return 2 * (value - Math.floor(value)) - 1;
}

const folders: string[] = [];
process.on('exit', () => folders.forEach((folder) => fs.rmSync(folder, { recursive: true, force: true })));

/** A new folder below the system's temporary one, in which a test writes its files; gone when the tests are over. */
export function temporaryFolder(): string {
  const folder = fs.realpathSync(fs.mkdtempSync(paths.join(os.tmpdir(), 'deltalens-lint-')));
  folders.push(folder);
  return folder;
}

/** Writes a safetensors file of float32 tensors, making its folder. Returns the path. */
export function writeTensors(path: string, tensors: Readonly<Record<string, TestTensor>>): string {
  const header: Record<string, unknown> = {};
  const parts: Buffer[] = [];
  let offset = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    const count = shape.reduce((product, size) => product * size, 1);
    const floats = Float32Array.from(
      { length: count },
      (_, index) => values?.[index % values.length] ?? noise(index),
    );
    const bytes = Buffer.from(floats.buffer);
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
    parts.push(bytes);
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  fs.mkdirSync(paths.dirname(path), { recursive: true });
  fs.writeFileSync(path, Buffer.concat([length, json, ...parts]));
  return path;
}

/** Writes a text file, making its folder. Returns the path. */
export function writeText(path: string, text: string): string {
  fs.mkdirSync(paths.dirname(path), { recursive: true });
  fs.writeFileSync(path, text);
  return path;
}

/** Moments of float32 and bfloat16 tensors, one value after the other; enough of them for what rules ask. */
export const slowPasses: PassRunner = {
  run(items, { signal }) {
    if (signal.aborted) return Promise.resolve(cancelled());
    return Promise.resolve(success(items.map(slowMoments)));
  },
};

function slowMoments(item: PassItem): Moments {
  if (item.kind !== 'moments') throw new Error('rules ask for moments only');
  const { path, offset, bytes, dtype, count } = item.span;
  const data = fs.readFileSync(path).subarray(offset, offset + bytes);
  const valueAt = (index: number) => {
    if (dtype === 'F32') return data.readFloatLE(index * 4);
    if (dtype !== 'BF16') throw new Error(`no ${dtype} in these tests`);
    const wide = Buffer.alloc(4);
    wide.writeUInt16LE(data.readUInt16LE(index * 2), 2);
    return wide.readFloatLE(0);
  };
  let zeros = 0;
  let nan = 0;
  let inf = 0;
  let squares = 0;
  const nonFinite: { index: number; value: 'NaN' | '+Inf' | '-Inf' }[] = [];
  for (let index = 0; index < count; index++) {
    const value = valueAt(index);
    if (value === 0) zeros++;
    if (Number.isFinite(value)) {
      squares += value * value;
      continue;
    }
    if (Number.isNaN(value)) nan++;
    else inf++;
    const name = Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
    if (nonFinite.length < 8) nonFinite.push({ index, value: name });
  }
  const unused = { mean: 0, m2: 0, min: 0, max: 0, l1: 0 };
  return {
    kind: 'moments',
    count,
    finite: count - nan - inf,
    zeros,
    nan,
    inf,
    nonFinite,
    squares,
    ...unused,
  };
}

/** A context whose workspace is `roots`; anything can be replaced. */
export function contextFor(roots: readonly string[], changes: Partial<LintContext> = {}): LintContext {
  return {
    roots,
    known: [],
    open: openCheckpoint,
    passes: slowPasses,
    scanLimit: 1e9,
    signal: new AbortController().signal,
    ...changes,
  };
}

/** Findings of a file with the text it has on disk. */
export function lintFile(path: string, context: LintContext): Promise<readonly Finding[]> {
  const isText = /\.(?:json|ya?ml)$/.test(path);
  return lint(path, isText ? fs.readFileSync(path, 'utf8') : null, context);
}

/** The text that a range covers; lines end with LF in these tests. */
export function textAt(text: string, range: TextRange | undefined): string {
  if (!range) throw new Error('the finding has no range');
  return text.slice(offsetAt(text, range.start), offsetAt(text, range.end));
}

/** The text after a quick fix. */
export function applied(text: string, fix: QuickFix | undefined): string {
  if (!fix) throw new Error('the finding has no quick fix');
  const edits = fix.edits.map(({ range, newText }) => ({
    start: offsetAt(text, range.start),
    end: offsetAt(text, range.end),
    newText,
  }));
  edits.sort((a, b) => b.start - a.start);
  return edits.reduce(
    (result, { start, end, newText }) => result.slice(0, start) + newText + result.slice(end),
    text,
  );
}

function offsetAt(text: string, { line, character }: TextRange['start']): number {
  const before = text.split('\n').slice(0, line);
  return before.reduce((sum, row) => sum + row.length + 1, 0) + character;
}

/** The only finding with this code. */
export function only(findings: readonly Finding[], code: string): Finding {
  const [first, ...others] = findings.filter((finding) => finding.code === code);
  if (!first || others.length > 0) {
    throw new Error(
      `${others.length + (first ? 1 : 0)} findings ${code} in ${JSON.stringify(findings, null, 1)}`,
    );
  }
  return first;
}

/** The codes of findings, in order. */
export function codesOf(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ code }) => code);
}
