import type { Finding } from '../protocol/finding';
import { success, type Problem, type Result } from '../protocol/result';
import { dtypeByName, isSafetensorsDtype, type DtypeName } from '../tensor/dtype';
import type { JsonFault } from './json-cursor';
import { EntryReader, type ShortEntry } from './safetensors-entry';
import { countOf, formatFinding, formatProblem, quoted, refuse } from './problems';

/** Before the header: its length, 8 bytes, little-endian. */
export const LENGTH_BYTES = 8;

/** PyTorch and NumPy stop at 64 dimensions; a longer shape is a mistake or an attack. */
const MAXIMUM_RANK = 64;

/** One tensor as the header describes it. Offsets count from the end of the header. */
export interface HeaderTensor {
  readonly name: string;
  readonly dtype: DtypeName;
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly count: number;
  readonly start: number;
  readonly end: number;
}

/** A header that describes its data without gap, overlap or contradiction. */
export interface SafetensorsHeader {
  /** By offset. */
  readonly tensors: readonly HeaderTensor[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes of tensor data that the file must have after the header. */
  readonly dataBytes: number;
  readonly findings: readonly Finding[];
}

/**
 * Reads and checks the JSON of a safetensors header (without its 8 length bytes). Checks what the reference
 * implementation checks (safetensors/src/tensor.rs, `Metadata::validate`): known element types, shape × type
 * = span in checked arithmetic, and data that is contiguous from 0 in whatever order it is listed; and beyond
 * it duplicate keys everywhere. Problems name the tensor and the byte offset in the file `path`.
 */
export function readHeader(json: Uint8Array, path: string): Result<SafetensorsHeader> {
  if (json[0] !== 0x7b) {
    const found = json[0] === undefined ? 'is empty' : `begins with byte 0x${json[0].toString(16)}`;
    return refuse(
      'header-start',
      path,
      `${path}: a header begins with "{", but this one ${found} (byte 8).`,
      'byte 8',
    );
  }
  const draft = new HeaderDraft(json, path);
  const problem = draft.read();
  if (problem) return { ok: false, problem };
  const { tensors, findings } = draft;
  tensors.sort((a, b) => a.start - b.start || a.end - b.end);
  const uncovered = findGapOrOverlap(tensors, path);
  if (uncovered) return { ok: false, problem: uncovered };
  if (tensors.length === 0) findings.push(formatFinding('no-tensors', path, `${path} holds no tensor.`));
  return success({
    tensors,
    // Makes own properties whatever the key: `__proto__` is a key like any other here.
    metadata: Object.fromEntries(draft.metadata),
    dataBytes: tensors.at(-1)?.end ?? 0,
    findings,
  });
}

/**
 * Every byte must belong to exactly one tensor, as in the reference implementation: nothing can hide, nothing
 * is read twice.
 */
function findGapOrOverlap(tensors: readonly HeaderTensor[], path: string): Problem | null {
  let end = 0;
  for (const [index, { name, start, end: next }] of tensors.entries()) {
    if (start !== end) {
      const last = tensors[index - 1];
      const before = last ? `tensor ${quoted(last.name)}` : 'the header';
      if (start > end) {
        const gap = `${countOf(start - end, 'byte')} between ${before} and tensor ${quoted(name)}`;
        const message = `${path}: ${gap} belong to no tensor (data offset ${String(end)}).`;
        return formatProblem('tensor-gap', path, message, name);
      }
      const overlap = `tensor ${quoted(name)} begins at data offset ${String(start)}, inside ${before}`;
      const message = `${path}: ${overlap}, which ends at ${String(end)}.`;
      return formatProblem('tensor-overlap', path, message, name);
    }
    end = next;
  }
  return null;
}

/** Where in the header the reader is: decides the code and the wording of a fault. */
interface Place {
  readonly kind: 'header' | 'metadata' | 'tensor';
  /** What a problem gives as `at`, where it is not the byte offset. */
  readonly name: string;
}

const IN_HEADER: Place = { kind: 'header', name: '' };

class HeaderDraft {
  readonly tensors: HeaderTensor[] = [];
  readonly metadata = new Map<string, string>();
  readonly findings: Finding[] = [];
  private readonly reader: EntryReader;
  private place = IN_HEADER;
  private unknownFields = 0;

  constructor(
    private readonly json: Uint8Array,
    private readonly path: string,
  ) {
    this.reader = new EntryReader(json, LENGTH_BYTES);
  }

  /** Reads the whole header; the first problem, or `null`. */
  read(): Problem | null {
    const { reader } = this;
    reader.object((key, offset) => {
      if (key === '__metadata__') this.readMetadata();
      else this.readTensor(key, offset);
      if (reader.fault === null) this.place = IN_HEADER;
    });
    reader.end();
    if (reader.fault) return this.problemOf(reader.fault);
    return null;
  }

  private readMetadata(): void {
    const { reader, path } = this;
    this.place = { kind: 'metadata', name: '__metadata__' };
    if (reader.peek() === 'null') {
      reader.skip();
      this.findings.push(
        formatFinding('metadata-null', path, `${path}: __metadata__ is null.`, '__metadata__'),
      );
      return;
    }
    reader.object((key) => {
      this.metadata.set(key, reader.string());
    }, this.metadata);
    if (reader.fault === null && this.metadata.size === 0) {
      this.findings.push(
        formatFinding('metadata-empty', path, `${path}: __metadata__ is empty.`, '__metadata__'),
      );
    }
  }

  private readTensor(name: string, offset: number): void {
    const { reader } = this;
    const short = reader.shortEntry();
    if (short) {
      this.addWhole(name, offset, short);
      // Where what it says is wrong.
      if (reader.fault !== null) this.place = { kind: 'tensor', name };
      return;
    }
    this.place = { kind: 'tensor', name };
    let dtype: string | null = null;
    let shape: number[] | null = null;
    let offsets: number[] | null = null;
    reader.object((field) => {
      if (field === 'dtype') dtype = reader.string();
      else if (field === 'shape') shape = this.readIntegers(MAXIMUM_RANK, 'tensor-rank');
      else if (field === 'data_offsets') offsets = this.readIntegers(2, 'tensor-entry');
      else this.passOver(name, field);
    });
    if (reader.fault === null) this.addTensor(name, offset, dtype, shape, offsets);
  }

  private readIntegers(most: number, code: 'tensor-rank' | 'tensor-entry'): number[] {
    const { reader } = this;
    const values: number[] = [];
    reader.array(() => {
      const { offset } = reader;
      values.push(reader.integer());
      if (values.length > most) reader.fail(code, offset, `more than ${String(most)} numbers in one list`);
    });
    return values;
  }

  private passOver(name: string, field: string): void {
    this.reader.skip();
    if (this.unknownFields++ > 0) return;
    const message = `${this.path}: tensor ${quoted(name)} has an unknown field ${quoted(field)}.`;
    this.findings.push(formatFinding('tensor-unknown-field', this.path, message, name));
  }

  private addTensor(
    name: string,
    offset: number,
    dtypeName: string | null,
    shape: readonly number[] | null,
    offsets: readonly number[] | null,
  ): void {
    const { reader } = this;
    const missing = dtypeName === null ? 'dtype' : shape === null ? 'shape' : 'data_offsets';
    const [start, end] = offsets ?? [];
    if (dtypeName === null || shape === null || start === undefined || end === undefined) {
      const state = offsets === null || missing !== 'data_offsets' ? 'is missing' : 'needs two numbers';
      reader.fail('tensor-entry', offset, `"${missing}" ${state}`);
      return;
    }
    this.addWhole(name, offset, { dtype: dtypeName, shape, start, end });
  }

  private addWhole(name: string, offset: number, { dtype: dtypeName, shape, start, end }: ShortEntry): void {
    const { reader } = this;
    const dtype = dtypeByName(dtypeName);
    if (!dtype || !isSafetensorsDtype(dtype.name)) {
      reader.fail('tensor-dtype', offset, `the element type ${quoted(dtypeName)} is unknown`);
      return;
    }
    if (end < start) {
      reader.fail('tensor-offsets', offset, `its data ends at ${String(end)} and begins at ${String(start)}`);
      return;
    }
    const count = productOf(shape);
    const bits = count * dtype.bits;
    if (bits > Number.MAX_SAFE_INTEGER || end > Number.MAX_SAFE_INTEGER - LENGTH_BYTES - this.json.length) {
      const size = `${dtype.name} [${shape.join(', ')}] at ${String(start)}..${String(end)}`;
      reader.fail('tensor-overflow', offset, `${size} is larger than any file`);
    } else if (bits % 8 !== 0) {
      const size = `${countOf(count, 'element')} of ${String(dtype.bits)} bits`;
      reader.fail('tensor-packing', offset, `${size} do not end on a byte`);
    } else if (bits / 8 !== end - start) {
      const size = `${dtype.name} [${shape.join(', ')}] takes ${countOf(bits / 8, 'byte')}`;
      reader.fail('tensor-size', offset, `${size}, but data_offsets spans ${countOf(end - start, 'byte')}`);
    } else this.tensors.push({ name, dtype: dtype.name, shape, count, start, end });
  }

  private problemOf({ code, offset, message }: JsonFault): Problem {
    const { place, path } = this;
    const where = {
      header: 'the header: ',
      metadata: '__metadata__: ',
      tensor: `tensor ${quoted(place.name)}: `,
    };
    const at = place.kind === 'header' ? `byte ${String(offset)}` : place.name;
    const text = `${path}: ${where[place.kind]}${message} (byte ${String(offset)}).`;
    return formatProblem(codeAt(place, code), path, text, at);
  }
}

/** A fault of the JSON, by what it means at its place in a header. */
function codeAt(place: Place, code: JsonFault['code']): JsonFault['code'] {
  if (code === 'json-duplicate-key' && place.kind === 'header') return 'duplicate-tensor';
  if (code !== 'json-type') return code;
  return place.kind === 'tensor' ? 'tensor-entry' : place.kind === 'metadata' ? 'metadata-not-text' : code;
}

/**
 * Product of a shape; above 2^53 − 1 as soon as any product on the way is, as in the reference's checked
 * multiplication.
 */
function productOf(shape: readonly number[]): number {
  let product = 1;
  for (const size of shape) {
    product *= size;
    if (product > Number.MAX_SAFE_INTEGER) return Number.POSITIVE_INFINITY;
  }
  return product;
}
