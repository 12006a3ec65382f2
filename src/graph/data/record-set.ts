import { quoted } from '../../format/problems';
import type { DataOptions } from '../../protocol/data';
import { cancelled, success, type Result } from '../../protocol/result';
import { tensorValue, type TensorValue } from '../tensor-value';
import { refuseName } from './arrays-in-file';
import type { DataArray, DataSet, RowOptions } from './data-set';
import { fingerprintOf } from './fingerprint';
import { commonLength, paddingFor, padRows } from './padding';
import { refuse } from './problems';
import type { DataRecord, Field, RecordFile } from './record';
import { openTexts, textFieldOf } from './texts';

/** Named like this, an array of ones and zeros comes with padded ones: 1 where a value is no padding. */
const MASK = 'attention_mask';

/** A data set of a file of records: its texts as tokens where it has texts that are inputs, else its numbers. */
export function dataSetOfRecords(
  records: RecordFile,
  options: DataOptions,
  near: readonly string[],
): Promise<Result<DataSet>> {
  return textFieldOf(records.first, options) === null
    ? Promise.resolve(success(numberSet(records, options)))
    : openTexts(records, options, near);
}

function numberSet(records: RecordFile, { pad }: DataOptions): DataSet {
  const { file, format, first } = records;
  const arrays = [...first].flatMap(([name, field]) =>
    arrayOf(name, field, records.count, pad !== undefined),
  );
  const padded = arrays.some((array) => array.padded === true);
  const made = padded && !first.has(MASK);
  const mask: DataArray = { name: MASK, type: 'int64', shape: [records.count, null], padded: true };
  const unreadable = [...first].flatMap(([name, { kind }]) =>
    kind === 'text' ? [{ name, reason: 'its values are texts' }] : [],
  );
  const known = made ? [...arrays, mask] : arrays;
  return {
    path: file.path,
    format,
    fingerprint: fingerprintOf(file),
    arrays: known,
    unreadable,
    rows: async (names, indices, rowOptions = {}) => {
      if (rowOptions.signal?.aborted === true) return cancelled();
      const read = await records.read(indices);
      if (!read.ok) return read;
      const values = new Map<string, TensorValue>();
      for (const name of names) {
        const array = known.find((each) => each.name === name);
        if (array === undefined) {
          return refuseName(
            file.path,
            name,
            known.map((each) => each.name),
            unreadable,
          );
        }
        // The mask is made of the lengths of the first array that is padded.
        const from = array === mask ? arrays.find((each) => each.padded === true) : array;
        const fields = fieldsOf(records, read.value, from?.name ?? name, indices);
        if (!fields.ok) return fields;
        const ones =
          array === mask
            ? fields.value.map((field) => ({ ...field, values: field.values.map(() => 1) }))
            : fields.value;
        const stacked = stack(records, array, ones, indices, pad ?? 0, rowOptions);
        if (!stacked.ok) return stacked;
        values.set(name, stacked.value);
      }
      return success(values);
    },
  };
}

function arrayOf(name: string, field: Field, count: number, padding: boolean): readonly DataArray[] {
  if (field.kind !== 'numbers') return [];
  const { shape, whole } = field;
  const type = whole ? 'int64' : 'float64';
  const decimal = whole ? {} : ({ decimal: true } as const);
  return padding && shape.length === 1
    ? [{ name, type, shape: [count, null], ...decimal, padded: true }]
    : [{ name, type, shape: [count, ...shape], ...decimal }];
}

type Numbers = Field & { readonly kind: 'numbers' };

function fieldsOf(
  { file: { path } }: RecordFile,
  records: readonly DataRecord[],
  name: string,
  indices: readonly number[],
): Result<readonly Numbers[]> {
  const fields: Numbers[] = [];
  for (const [i, record] of records.entries()) {
    const field = record.get(name);
    if (field?.kind !== 'numbers') {
      const message = `${path}, record ${String(indices[i] ?? 0)} has no numbers in ${quoted(name)}.`;
      return refuse('data-malformed', path, message, name);
    }
    fields.push(field);
  }
  return success(fields);
}

function stack(
  { file: { path } }: RecordFile,
  array: DataArray,
  fields: readonly Numbers[],
  indices: readonly number[],
  pad: number,
  { length }: RowOptions,
): Result<TensorValue> {
  const { name, type, padded } = array;
  const inexact =
    type === 'int64' ? fields.findIndex(({ values }) => !values.every(Number.isSafeInteger)) : -1;
  if (inexact >= 0) {
    const message = `${path}, record ${String(indices[inexact] ?? 0)}: ${quoted(name)} has a fraction or more than 2^53, and the first record whole numbers. Write those of a field of fractions as 1.0.`;
    return refuse('data-inexact', path, message, name);
  }
  if (padded === true && fields.every(({ shape }) => shape.length === 1)) {
    const rows = fields.map(({ values }) => values);
    const common = commonLength(rows, length);
    const filled = padRows(rows, paddingFor(name, pad), common, false);
    return success(tensorValue(type, [rows.length, common], filled));
  }
  const shape = fields[0]?.shape ?? [];
  const other = fields.findIndex((field) => field.shape.join() !== shape.join());
  if (other >= 0) {
    const [one, two] = [indices[0] ?? 0, indices[other] ?? 0];
    const message = `${path}: ${quoted(name)} is [${shape.join(', ')}] in record ${String(one)} and [${fields[other]?.shape.join(', ') ?? ''}] in record ${String(two)}.`;
    return refuse('data-ragged', path, message, name);
  }
  return success(
    tensorValue(
      type,
      [fields.length, ...shape],
      fields.flatMap(({ values }) => values),
    ),
  );
}
