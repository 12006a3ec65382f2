import { countOf } from '../../format/problems';
import { success, type Result } from '../../protocol/result';
import type { DataFormat } from './data-set';
import { refuse } from './problems';
import type { DataRecord, Field } from './record';
import { openRecords } from './record-lines';
import { dataSetOfRecords } from './record-set';

/** Columns under a header: texts, and numbers one a sample. */
export const csv: DataFormat = {
  id: 'csv',
  title: 'columns of texts and numbers, with a header',
  endings: ['.csv', '.tsv'],
  async open(path, options, near) {
    const separator = path.toLowerCase().endsWith('.tsv') ? '\t' : ',';
    const form = { format: 'csv', quotes: true, header: true };
    const records = await openRecords(path, form, (line, file, place, header) =>
      parseRow(line, file, place, header, separator),
    );
    return records.ok ? dataSetOfRecords(records.value, options, near) : records;
  },
};

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

function parseRow(
  line: string,
  path: string,
  place: string,
  header: string,
  separator: string,
): Result<DataRecord> {
  const names = splitRow(header, separator);
  const cells = splitRow(line, separator);
  if (cells.length !== names.length) {
    const message = `${path}, ${place} has ${countOf(cells.length, 'cell')}, and the header ${String(names.length)}.`;
    return refuse('data-malformed', path, message, place);
  }
  return success(new Map(names.map((name, i): [string, Field] => [name.trim(), fieldOf(cells[i] ?? '')])));
}

function fieldOf(cell: string): Field {
  const text = cell.trim();
  if (!NUMBER.test(text)) return { kind: 'text', text: cell };
  return { kind: 'numbers', shape: [], values: [Number(text)], whole: /^[+-]?\d+$/.test(text) };
}

/** The cells of a row (RFC 4180): within double quotes separators and line breaks are text, and two quotes are one. */
export function splitRow(row: string, separator: string): readonly string[] {
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < row.length; i++) {
    const character = row.charAt(i);
    if (quoted && character === '"' && row.charAt(i + 1) === '"') {
      cell += '"';
      i++;
    } else if (character === '"' && (quoted || cell === '')) quoted = !quoted;
    else if (character === separator && !quoted) {
      cells.push(cell);
      cell = '';
    } else cell += character;
  }
  cells.push(cell);
  return cells;
}
