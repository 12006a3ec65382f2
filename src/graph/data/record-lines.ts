import { withFile } from '../../format/read';
import { success, type Result } from '../../protocol/result';
import { indexLines, readLines } from './line-index';
import { refuse } from './problems';
import type { DataRecord, RecordFile } from './record';

/** How a file is split into records. */
export interface LineForm {
  readonly format: string;
  /** Line breaks between double quotes belong to the record. */
  readonly quotes: boolean;
  /** The first line is no record: it names the fields. */
  readonly header: boolean;
}

/** Reads a record. `header` is the first line where the form has one, `place` how messages call the record. */
export type ParseRecord = (line: string, path: string, place: string, header: string) => Result<DataRecord>;

/** Opens a file of one record a line: finds the lines, and reads the first record. */
export async function openRecords(
  path: string,
  form: LineForm,
  parse: ParseRecord,
): Promise<Result<RecordFile>> {
  const file = await withFile(path, ({ bytes, modifiedMs }) =>
    Promise.resolve(success({ path, bytes, modifiedMs })),
  );
  if (!file.ok) return file;
  const index = await indexLines(file.value, form.quotes);
  if (!index.ok) return index;
  const skipped = form.header ? 1 : 0;
  const count = index.value.count - skipped;
  const head = form.header ? await readLines(index.value, [0]) : success(['']);
  if (!head.ok) return head;
  const header = withoutMark(head.value[0] ?? '');
  if (count === 0) return refuse('data-empty', path, `${path} has a header and no record.`);
  const read = async (indices: readonly number[]): Promise<Result<readonly DataRecord[]>> => {
    const lines = await readLines(
      index.value,
      indices.map((i) => i + skipped),
    );
    if (!lines.ok) return lines;
    const records: DataRecord[] = [];
    for (const [i, line] of lines.value.entries()) {
      const record = parse(withoutMark(line), path, `record ${String(indices[i] ?? 0)}`, header);
      if (!record.ok) return record;
      records.push(record.value);
    }
    return success(records);
  };
  const first = await read([0]);
  if (!first.ok) return first;
  return success({ file: file.value, format: form.format, count, first: first.value[0] ?? new Map(), read });
}

/** Without the byte order mark that some editors put before the first line. */
function withoutMark(line: string): string {
  return line.startsWith('\ufeff') ? line.slice(1) : line;
}
