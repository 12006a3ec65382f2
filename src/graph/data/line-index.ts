import { success, type Result } from '../../protocol/result';
import { withSameFile, type FileState, type ReadBytes } from './byte-range';
import { refuse } from './problems';
import { checkIndices } from './rows';

/** Where the records of a text file lie: one a line, blank lines left out. */
export interface LineIndex {
  readonly file: FileState;
  /** Start and end in the file of every record, in turn; line breaks are outside. */
  readonly spans: Float64Array;
  readonly count: number;
}

const CHUNK = 2 ** 20;
const MOST_RECORDS = 5_000_000;
const LONGEST_RECORD = 2 ** 24;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;

/**
 * Finds the records of a file by reading it once, a megabyte at a time. With `quotes`, line breaks between double
 * quotes are part of a record, as CSV has them. Fails with `data-too-large` beyond 5,000,000 records or for a record of
 * more than 16 MiB, with `data-empty`, or as reading does.
 */
export function indexLines(file: FileState, quotes: boolean): Promise<Result<LineIndex>> {
  return withSameFile(file, async (read) => {
    const scan = new LineScan(quotes);
    for (let at = 0; at < file.bytes; at += CHUNK) {
      const bytes = await read(at, Math.min(CHUNK, file.bytes - at));
      if (!bytes.ok) return bytes;
      scan.take(bytes.value);
      if (scan.count > MOST_RECORDS || scan.open > LONGEST_RECORD) {
        const what = scan.open > LONGEST_RECORD ? 'a line of more than 16 MiB' : 'more than 5,000,000 lines';
        return refuse('data-too-large', file.path, `${file.path} has ${what}.`);
      }
    }
    const spans = scan.finish();
    if (spans.length === 0)
      return refuse('data-empty', file.path, `${file.path} has no line with anything in it.`);
    return success({ file, spans, count: spans.length / 2 });
  });
}

/** Records by index, as text. Fails with `data-sample-range`, `data-malformed` for what is no UTF-8, or as reading does. */
export async function readLines(
  index: LineIndex,
  indices: readonly number[],
): Promise<Result<readonly string[]>> {
  const { file, count } = index;
  const checked = checkIndices(file.path, indices, count);
  if (!checked.ok) return checked;
  return withSameFile(file, (read) => decodeLines(index, indices, read));
}

async function decodeLines(
  { file: { path }, spans }: LineIndex,
  indices: readonly number[],
  read: ReadBytes,
): Promise<Result<readonly string[]>> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const lines: string[] = [];
  for (const index of indices) {
    const start = spans[2 * index] ?? 0;
    const bytes = await read(start, (spans[2 * index + 1] ?? start) - start);
    if (!bytes.ok) return bytes;
    try {
      lines.push(decoder.decode(bytes.value));
    } catch {
      return refuse(
        'data-malformed',
        path,
        `${path}: the record ${String(index)} is not valid UTF-8.`,
        `byte ${String(start)}`,
      );
    }
  }
  return success(lines);
}

class LineScan {
  private spans = new Float64Array(1024);
  private used = 0;
  private position = 0;
  private start = 0;
  /** One behind the last byte of the record at hand that is no white space; `start` where there is none. */
  private end = 0;
  private quoted = false;

  constructor(private readonly quotes: boolean) {}

  get count(): number {
    return this.used / 2;
  }

  /** Bytes of the record at hand so far. */
  get open(): number {
    return this.position - this.start;
  }

  take(bytes: Uint8Array): void {
    for (const byte of bytes) {
      const at = this.position++;
      if (byte === QUOTE && this.quotes) this.quoted = !this.quoted;
      if (byte === LINE_FEED && !this.quoted) this.close();
      else if (byte !== RETURN && byte !== 0x20 && byte !== 0x09) this.end = at + 1;
    }
  }

  finish(): Float64Array {
    this.close();
    return this.spans.slice(0, this.used);
  }

  private close(): void {
    if (this.end > this.start) {
      if (this.used + 2 > this.spans.length) {
        const wider = new Float64Array(2 * this.spans.length);
        wider.set(this.spans);
        this.spans = wider;
      }
      this.spans[this.used++] = this.start;
      this.spans[this.used++] = this.end;
    }
    this.start = this.position;
    this.end = this.position;
    this.quoted = false;
  }
}
