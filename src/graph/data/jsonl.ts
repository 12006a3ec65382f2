import { JsonReader } from '../../format/json-reader';
import { success, type Result } from '../../protocol/result';
import type { DataFormat } from './data-set';
import { refuse } from './problems';
import type { DataRecord, Field } from './record';
import { openRecords } from './record-lines';
import { dataSetOfRecords } from './record-set';

/** One JSON object a line, its values numbers, arrays of numbers in any depth, or texts. */
export const jsonl: DataFormat = {
  id: 'jsonl',
  title: 'arrays or texts as JSON, one sample a line',
  endings: ['.jsonl', '.ndjson'],
  async open(path, options, near) {
    const records = await openRecords(path, { format: 'jsonl', quotes: false, header: false }, parseObject);
    return records.ok ? dataSetOfRecords(records.value, options, near) : records;
  },
};

const DEEPEST = 8;

/** Reads one line. Values that are null or objects are left out. Fails with `data-malformed`, naming the place in the line. */
export function parseObject(line: string, path: string, place: string): Result<DataRecord> {
  const bytes = Buffer.from(line);
  const reader = new JsonReader(bytes);
  const fields = new Map<string, Field>();
  let ragged: string | null = null;
  reader.object((name) => {
    const start = reader.offset;
    const kind = reader.peek();
    if (kind === 'string') fields.set(name, { kind: 'text', text: reader.string() });
    else if (kind === 'object' || kind === 'null') reader.skip();
    else {
      const found: Numbers = { shape: [], values: [], ragged: false };
      readNumbers(reader, 0, found);
      if (found.ragged) ragged ??= name;
      const whole = !/[.eE]/.test(bytes.toString('latin1', start, reader.offset).replace(/true|false/g, ''));
      fields.set(name, {
        kind: 'numbers',
        shape: found.shape.map((size) => size ?? 0),
        values: found.values,
        whole,
      });
    }
  }, fields);
  reader.end();
  const { fault } = reader;
  if (fault !== null) {
    return refuse(
      'data-malformed',
      path,
      `${path}, ${place}, byte ${String(fault.offset)}: ${fault.message}.`,
      place,
    );
  }
  if (ragged === null) return success(fields);
  return refuse(
    'data-malformed',
    path,
    `${path}, ${place}: the lists in "${String(ragged)}" have different lengths.`,
    place,
  );
}

interface Numbers {
  /** Sizes by depth, as the first list of each depth has them. */
  readonly shape: (number | null)[];
  readonly values: number[];
  ragged: boolean;
}

function readNumbers(reader: JsonReader, depth: number, found: Numbers): void {
  const kind = reader.peek();
  if (kind === 'array') {
    const own = depth < found.shape.length ? found.shape[depth] : undefined;
    if (own === undefined) {
      if (found.values.length > 0 || depth >= DEEPEST) found.ragged = true;
      found.shape.push(null);
    }
    let count = 0;
    reader.array(() => {
      count++;
      readNumbers(reader, depth + 1, found);
    });
    if (found.shape[depth] === null) found.shape[depth] = count;
    else if (found.shape[depth] !== count) found.ragged = true;
    return;
  }
  if (depth < found.shape.length) found.ragged = true;
  if (kind === 'true' || kind === 'false') {
    reader.skip();
    found.values.push(kind === 'true' ? 1 : 0);
  } else found.values.push(reader.number());
}
