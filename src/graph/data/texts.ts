import { quoted } from '../../format/problems';
import type { DataOptions } from '../../protocol/data';
import { cancelled, success, type Result } from '../../protocol/result';
import { tensorValue, type TensorValue } from '../tensor-value';
import { refuseName } from './arrays-in-file';
import type { DataArray, DataSet, RowOptions } from './data-set';
import { fingerprintOf } from './fingerprint';
import { readLabelNames } from './label-names';
import { commonLength, paddingFor, padRows } from './padding';
import { refuse } from './problems';
import type { DataRecord, RecordFile } from './record';
import { openTokenizer, type EncodedText, type TextTokenizer } from './tokenizer';

const TEXTS = ['text', 'sentence', 'content', 'sentence1', 'premise', 'question'];
const PAIRS = ['text_pair', 'sentence2', 'hypothesis', 'context'];
const LABELS = ['labels', 'label', 'y', 'targets', 'target'];
/** Where neither the graph nor the tokenizer says how long a text may be. */
const LENGTH = 512;

/** The field with the texts that are inputs: the one that the user names, or one of the usual names; `null` without any. */
export function textFieldOf(first: DataRecord, { text }: DataOptions): string | null {
  const names = text === undefined ? TEXTS : [text];
  return names.find((name) => first.get(name)?.kind === 'text') ?? null;
}

/** How the fields of a file become arrays. */
interface TextPlan {
  readonly records: RecordFile;
  readonly tokenizer: TextTokenizer;
  readonly text: string;
  readonly pair: string | null;
  /** Field of labels, one a sample; `null` where the labels are the tokens themselves. */
  readonly label: string | null;
  /** Numbers by label, for labels that are texts. */
  readonly names: ReadonlyMap<string, number> | null;
  readonly longest: number;
}

/**
 * Texts as tokens: `input_ids`, `attention_mask`, `token_type_ids`, filled up to the longest of a batch, and `labels`: the
 * numbers of a field, or where there is none the tokens themselves, to be predicted one by one. Fails with
 * `data-tokenizer` or `data-labels`.
 */
export async function openTexts(
  records: RecordFile,
  options: DataOptions,
  near: readonly string[],
): Promise<Result<DataSet>> {
  const { file, first, count, format } = records;
  const { path } = file;
  const tokenizer = await openTokenizer(options.tokenizer, near, path);
  if (!tokenizer.ok) return tokenizer;
  const text = textFieldOf(first, options) ?? 'text';
  const pair = (options.pair === undefined ? PAIRS : [options.pair]).find(
    (name) => name !== text && first.get(name)?.kind === 'text',
  );
  const label =
    (options.labels === undefined ? LABELS : [options.labels]).find((name) => first.has(name)) ?? null;
  const named = label !== null && first.get(label)?.kind === 'text';
  const names = named ? await readLabelNames(near, path) : success(null);
  if (!names.ok) return names;
  const longest = options.length ?? tokenizer.value.longest ?? LENGTH;
  const plan = {
    records,
    tokenizer: tokenizer.value,
    text,
    pair: pair ?? null,
    label,
    names: names.value,
    longest,
  };
  const tokens = (name: string): DataArray => ({ name, type: 'int64', shape: [count, null], padded: true });
  const arrays: DataArray[] = ['input_ids', 'attention_mask', 'token_type_ids'].map(tokens);
  arrays.push(label === null ? tokens('labels') : labelArray(plan, label));
  return success({
    path,
    format: `${format} (texts)`,
    fingerprint: fingerprintOf(file, tokenizer.value.path),
    arrays,
    unreadable: [],
    ...(label === null ? { labelsAreInputs: true as const } : {}),
    rows: (wanted, indices, rowOptions = {}) => textRows(plan, arrays, wanted, indices, rowOptions),
  });
}

function labelArray({ records: { first, count } }: TextPlan, name: string): DataArray {
  const field = first.get(name);
  if (field?.kind !== 'numbers') return { name, type: 'int64', shape: [count] };
  const { shape, whole } = field;
  return whole
    ? { name, type: 'int64', shape: [count, ...shape] }
    : { name, type: 'float64', shape: [count, ...shape], decimal: true };
}

async function textRows(
  plan: TextPlan,
  arrays: readonly DataArray[],
  wanted: readonly string[],
  indices: readonly number[],
  { length, signal }: RowOptions,
): Promise<Result<ReadonlyMap<string, TensorValue>>> {
  const { records, tokenizer } = plan;
  const { path } = records.file;
  if (signal?.aborted === true) return cancelled();
  const read = await records.read(indices);
  if (!read.ok) return read;
  const encoded: EncodedText[] = [];
  for (const [i, record] of read.value.entries()) {
    const one = encodeRecord(plan, record, indices[i] ?? 0, length);
    if (!one.ok) return one;
    encoded.push(one.value);
  }
  const common = commonLength(
    encoded.map(({ ids }) => ids),
    length,
  );
  const filled = (name: string, rows: readonly (readonly number[])[]): TensorValue =>
    tensorValue(
      'int64',
      [rows.length, common],
      padRows(rows, paddingFor(name, tokenizer.pad), common, tokenizer.padLeft),
    );
  const values = new Map<string, TensorValue>();
  for (const name of wanted) {
    if (name === 'input_ids' || (name === 'labels' && plan.label === null))
      values.set(
        name,
        filled(
          name,
          encoded.map(({ ids }) => ids),
        ),
      );
    else if (name === 'attention_mask')
      values.set(
        name,
        filled(
          name,
          encoded.map(({ ids }) => ids.map(() => 1)),
        ),
      );
    else if (name === 'token_type_ids') {
      const rows = encoded.map(({ segments }) => segments);
      values.set(
        name,
        tensorValue('int64', [rows.length, common], padRows(rows, 0, common, tokenizer.padLeft)),
      );
    } else if (name === plan.label) {
      const labels = labelRows(plan, name, read.value, indices);
      if (!labels.ok) return labels;
      values.set(name, labels.value);
    } else
      return refuseName(
        path,
        name,
        arrays.map((array) => array.name),
        [],
      );
  }
  return success(values);
}

function encodeRecord(
  { records, tokenizer, text, pair, longest }: TextPlan,
  record: DataRecord,
  index: number,
  length: number | undefined,
): Result<EncodedText> {
  const { path } = records.file;
  const field = record.get(text);
  if (field === undefined) {
    return refuse('data-malformed', path, `${path}, record ${String(index)} has no ${quoted(text)}.`, text);
  }
  const other = pair === null ? undefined : record.get(pair);
  const encoded = tokenizer.encode(
    wordsOf(field),
    other === undefined ? null : wordsOf(other),
    Math.min(longest, length ?? longest),
  );
  if (!encoded.ok || encoded.value.ids.length > 0) return encoded;
  return refuse(
    'data-malformed',
    path,
    `${path}, record ${String(index)}: ${quoted(text)} has no token.`,
    text,
  );
}

/** A text; a number in a column of texts is one, too. */
function wordsOf(field: NonNullable<ReturnType<DataRecord['get']>>): string {
  return field.kind === 'text' ? field.text : field.values.join(' ');
}

function labelRows(
  { records, names }: TextPlan,
  name: string,
  read: readonly DataRecord[],
  indices: readonly number[],
): Result<TensorValue> {
  const { path } = records.file;
  const first = records.first.get(name);
  const shape = first?.kind === 'numbers' ? first.shape : [];
  const whole = first?.kind !== 'numbers' || first.whole;
  const values: number[] = [];
  for (const [i, record] of read.entries()) {
    const field = record.get(name);
    const place = `${path}, record ${String(indices[i] ?? 0)}`;
    const own = field?.kind === 'text' ? [names?.get(field.text) ?? NaN] : (field?.values ?? [NaN]);
    const right = own.length === shape.reduce((product, size) => product * size, 1);
    if (!right || !own.every(whole ? Number.isSafeInteger : Number.isFinite)) {
      const has = field === undefined ? 'no label' : `the label ${quoted(wordsOf(field))}`;
      return refuse(
        'data-labels',
        path,
        `${place} has ${has}, which is none of those of the first record’s kind.`,
        name,
      );
    }
    values.push(...own);
  }
  return success(tensorValue(whole ? 'int64' : 'float64', [read.length, ...shape], values));
}
