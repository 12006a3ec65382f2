import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { Finding } from '../protocol/finding';
import { failure, success, type Result } from '../protocol/result';
import { bytesFor } from '../tensor/decode';
import { BLOCK_FORMATS } from '../tensor/stored/blocks/registry';
import type { Checkpoint, Format, TensorEntry } from './checkpoint';
import { ggmlType, unknownTypeText, type GgmlType } from './gguf-types';
import { FileSource } from './onnx/byte-source';
import { countOf, formatFinding, quoted, refuse } from './problems';
import { readStart, withFile, type OpenFile } from './read';

/** `ggml` and `ggla` as numbers of 32 bits, as their bytes stand in the file. */
const WHISPER = 'lmgg';
const LORA = 'algg';
/** What whisper.cpp reads after the magic, in this order. */
const WHISPER_SIZES = [
  'n_vocab',
  'n_audio_ctx',
  'n_audio_state',
  'n_audio_head',
  'n_audio_layer',
  'n_text_ctx',
  'n_text_state',
  'n_text_head',
  'n_text_layer',
  'n_mels',
  'ftype',
];
const LORA_SIZES = ['version', 'lora_r', 'lora_alpha'];
/** llama.cpp aligned the values of adapters to so many bytes. */
const LORA_ALIGNMENT = 32;
const MOST_TENSORS = 100_000;
const MOST_WORDS = 1_000_000;
const LONGEST_NAME = 4096;

/** Walks over a file from front to back; the first thing that is wrong is `problem`. */
class Cursor {
  at = 4;
  problem: string | null = null;

  constructor(readonly source: FileSource) {}

  integer(): number {
    const { at } = this;
    if (!this.skip(4, 'a number')) return 0;
    const byte = (i: number): number => this.source.byte(at + i);
    return byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24);
  }

  text(length: number): string {
    const { at } = this;
    if (length < 0 || length > LONGEST_NAME) this.fail(`a name of ${String(length)} bytes`);
    return this.skip(length, 'a name') ? new TextDecoder().decode(this.source.bytes(at, length)) : '';
  }

  skip(bytes: number, what: string): boolean {
    if (bytes < 0 || bytes > this.source.length - this.at) this.fail(what);
    if (this.problem !== null) return false;
    this.at += bytes;
    return true;
  }

  fail(what: string): void {
    this.problem ??= `has ${what} at byte ${String(this.at)} that cannot be, of ${String(this.source.length)} bytes`;
  }
}

/**
 * The directory of a model of whisper.cpp, or of a LoRA adapter of llama.cpp before GGUF: sizes, for whisper the mel filters and the
 * vocabulary, then one tensor after the other. Reads no values. Fails with `ggml-malformed`, `file-truncated`, or as
 * reading does.
 */
function open(path: string): Promise<Result<Checkpoint>> {
  return withFile(path, async (file) => {
    const descriptor = fs.openSync(path, 'r');
    try {
      return await Promise.resolve(readModel(file, new FileSource(path, file.bytes, descriptor)));
    } finally {
      fs.closeSync(descriptor);
    }
  });
}

function readModel({ path, bytes, modifiedMs }: OpenFile, source: FileSource): Result<Checkpoint> {
  const isLora = Buffer.from(source.bytes(0, 4)).toString('latin1') === LORA;
  const cursor = new Cursor(source);
  const metadata = Object.fromEntries(
    (isLora ? LORA_SIZES : WHISPER_SIZES).map((key) => [key, String(cursor.integer())]),
  );
  if (!isLora) passFilters(cursor);
  if (cursor.problem !== null) return wrong(path, cursor.problem);
  const tensors = new Map<string, TensorEntry>();
  const findings: Finding[] = [];
  while (cursor.at < source.length) {
    if (tensors.size >= MOST_TENSORS) return wrong(path, `has more than ${String(MOST_TENSORS)} tensors`);
    const entry = readTensor(cursor, path, isLora ? LORA_ALIGNMENT : 1);
    if (source.problem !== null) return failure(source.problem);
    if (cursor.problem !== null || entry === null) return wrong(path, cursor.problem ?? 'breaks off');
    if ('unknown' in entry) {
      findings.push(typeFinding(path, entry, source.length - cursor.at));
      break;
    }
    if (tensors.has(entry.name)) return wrong(path, `has the tensor ${quoted(entry.name)} twice`);
    const missing = cursor.at - source.length;
    if (missing > 0) {
      const message = `${path} is at least ${countOf(missing, 'byte')} short: it ends inside of ${quoted(entry.name)}; ${countOf(tensors.size, 'tensor')} before it are whole.`;
      return refuse('file-truncated', path, message, entry.name);
    }
    tensors.set(entry.name, entry);
  }
  if (tensors.size === 0) findings.push(formatFinding('no-tensors', path, `${path} holds no tensor.`));
  const hash = createHash('sha256').update(
    `${String(bytes)} ${String(modifiedMs)} ${JSON.stringify(metadata)}\n`,
  );
  for (const { name, span } of tensors.values()) hash.update(`${name} ${String(span.shape)}\n`);
  return success({
    path,
    container: isLora ? 'ggml (LoRA)' : 'ggml (Whisper)',
    files: [{ path, bytes, modifiedMs }],
    tensors: [...tensors.values()],
    metadata,
    fingerprint: hash.digest('hex').slice(0, 32),
    findings,
  });
}

/** Mel filters and vocabulary stand between the sizes and the tensors. */
function passFilters(cursor: Cursor): void {
  const [mels, bins] = [cursor.integer(), cursor.integer()];
  if (mels < 0 || bins < 0) cursor.fail('a table of filters');
  cursor.skip(4 * mels * bins, 'a table of filters');
  const words = cursor.integer();
  if (words < 0 || words > MOST_WORDS) cursor.fail(`a vocabulary of ${String(words)} words`);
  for (let i = 0; i < words && cursor.problem === null; i++) cursor.skip(cursor.integer(), 'a word');
}

/** A tensor whose size cannot be told; nor, then, where the next begins. */
interface Unknown {
  readonly name: string;
  readonly unknown: number;
}

/** The next tensor; the cursor then stands after its values, which may be beyond the end. `null` where it cannot be. */
function readTensor(cursor: Cursor, path: string, alignment: number): TensorEntry | Unknown | null {
  const [dimensions, length, number] = [cursor.integer(), cursor.integer(), cursor.integer()];
  if (dimensions < 0 || dimensions > 4) cursor.fail(`a tensor of ${String(dimensions)} dimensions`);
  const sizes: number[] = [];
  for (let i = 0; i < dimensions && cursor.problem === null; i++) sizes.push(cursor.integer());
  const name = cursor.text(length);
  const count = sizes.reduce((product, size) => product * size, 1);
  if (sizes.some((size) => size < 0) || count > Number.MAX_SAFE_INTEGER / 16) cursor.fail('a shape');
  if (cursor.problem !== null) return null;
  const type = ggmlType(number);
  if (type === undefined) return { name, unknown: number };
  const row = type.kind === 'blocks' ? BLOCK_FORMATS[type.format].elements : 1;
  if ((sizes[0] ?? 1) % row !== 0) cursor.fail(`a row of ${String(sizes[0])} elements`);
  if (cursor.problem !== null) return null;
  const offset = Math.ceil(cursor.at / alignment) * alignment;
  const bytes = bytesOf(type, count);
  cursor.at = offset + bytes;
  return entryOf(name, type, sizes.toReversed(), count, { path, offset, bytes });
}

function bytesOf(type: GgmlType, count: number): number {
  if (type.kind === 'plain') return bytesFor(type.dtype, count);
  const { elements, bytes } = BLOCK_FORMATS[type.format];
  return (count / elements) * bytes;
}

function entryOf(
  name: string,
  type: GgmlType,
  shape: readonly number[],
  count: number,
  place: { readonly path: string; readonly offset: number; readonly bytes: number },
): TensorEntry {
  if (type.kind === 'plain') return { name, span: { ...place, dtype: type.dtype, shape, count } };
  const { path, offset, bytes } = place;
  const stored = {
    kind: 'blocks',
    format: type.format,
    bigEndian: false,
    label: type.format,
    offset,
    bytes,
    source: { ...place, dtype: 'U8', shape: [bytes], count: bytes },
  } as const;
  return { name, span: { path, offset: 0, bytes: 4 * count, dtype: 'F32', shape, count, stored } };
}

function typeFinding(path: string, { name, unknown }: Unknown, left: number): Finding {
  const message = `${path}: the tensor ${quoted(name)} is of the type ${unknownTypeText(unknown)}, so that it and what follows (${countOf(left, 'byte')}) are left out.`;
  return formatFinding('ggml-type', path, message, name);
}

function wrong(path: string, what: string): Result<never> {
  return refuse('ggml-malformed', path, `${path} ${what}.`);
}

/** Models of whisper.cpp, and LoRA adapters from before GGUF. */
export const ggml: Format = {
  description: {
    id: 'ggml',
    title: 'ggml',
    endings: [],
    supports: [
      'models of whisper.cpp (ggml-*.bin), quantised ones, too',
      'LoRA adapters from before GGUF (ggla)',
    ],
  },
  async recognises(path) {
    const start = await readStart(path, 4);
    return start.ok && [WHISPER, LORA].includes(Buffer.from(start.value).toString('latin1'));
  },
  open,
};
