import type { Finding } from '../protocol/finding';
import { bytesFor } from '../tensor/decode';
import type { TensorSpan } from '../tensor/span';
import type { TensorEntry } from './checkpoint';
import { hubName, namingOf, type HubName } from './gguf-names';
import type { GgufValue } from './gguf-values';
import { countOf, formatFinding, quoted } from './problems';

/** The most experts that one stack is taken apart into. */
const MOST_EXPERTS = 4096;

type Metadata = ReadonlyMap<string, GgufValue>;

/**
 * Tensors under the names that they have in the Hugging Face checkpoint, with rows in its order and experts one by one, so that
 * both can be compared. What is not known for sure keeps its name. Says so in a finding, with an example.
 */
export function renameTensors(
  path: string,
  tensors: readonly TensorEntry[],
  metadata: Metadata,
): { readonly tensors: readonly TensorEntry[]; readonly findings: readonly Finding[] } {
  const architecture = metadata.get('general.architecture');
  const naming = typeof architecture === 'string' ? namingOf(architecture) : undefined;
  if (typeof architecture !== 'string' || naming === undefined) return { tensors, findings: [] };
  const own = new Set(tensors.map(({ name }) => name));
  const renamed: TensorEntry[] = [];
  const inPairs: string[] = [];
  let [count, example] = [0, ''];
  for (const tensor of tensors) {
    const known = hubName(tensor.name, naming);
    const become =
      known === null || own.has(known.name) ? null : converted(tensor, known, architecture, metadata);
    if (become === 'heads unknown') inPairs.push(tensor.name);
    if (become === null || become === 'heads unknown') {
      renamed.push(tensor);
      continue;
    }
    renamed.push(...become);
    count++;
    if (example === '') example = `${quoted(tensor.name)} as ${quoted(become[0]?.name ?? '')}`;
  }
  const findings: Finding[] = [];
  if (count > 0) {
    const rest =
      count < tensors.length ? ` ${String(tensors.length - count)} keep the names of the file.` : '';
    const message = `${path}: ${countOf(count, 'tensor')} of the architecture ${architecture} go by Hugging Face names, for example ${example}.${rest}`;
    findings.push(formatFinding('gguf-names', path, message));
  }
  if (inPairs.length > 0) {
    const [first = ''] = inPairs;
    const message = `${path}: ${quoted(first)}${inPairs.length > 1 ? ` and ${String(inPairs.length - 1)} more have` : ' has'} rows in pairs, and the number of heads (${architecture}.attention.head_count) is not in the file.`;
    findings.push(formatFinding('gguf-head-order', path, message, first));
  }
  return { tensors: renamed, findings };
}

/** The tensors that one becomes; `null` where it does not have the shape that its name promises. */
function converted(
  tensor: TensorEntry,
  known: HubName,
  architecture: string,
  metadata: Metadata,
): readonly TensorEntry[] | 'heads unknown' | null {
  if (known.stacked) return experts(tensor, known.name);
  if (known.heads === null) return [{ ...tensor, name: known.name }];
  const headRows = rowsOfHead(tensor, known, architecture, metadata);
  if (headRows === null) return 'heads unknown';
  // The factor A of an adapter has no rows of heads.
  return [{ name: known.name, span: known.factor === 'a' ? tensor.span : unpaired(tensor.span, headRows) }];
}

/** Rows of one head; `null` where the number of heads is not known or does not divide the rows. */
function rowsOfHead(
  { span }: TensorEntry,
  { heads, factor }: HubName,
  architecture: string,
  metadata: Metadata,
): number | null {
  const all = metadata.get(`${architecture}.attention.head_count`);
  const key = metadata.get(`${architecture}.attention.head_count_kv`) ?? all;
  const number = heads === 'query' ? all : key;
  if (typeof number !== 'number' || number < 1) return null;
  if (factor === 'a') return 2;
  const rows = (span.shape[0] ?? 0) / number;
  return Number.isInteger(rows) && rows > 0 && rows % 2 === 0 ? rows : null;
}

/** Rows of every head from pairs back to halves. */
function unpaired(span: TensorSpan, headRows: number): TensorSpan {
  const [rows = 1] = span.shape;
  const rowBytes = bytesFor(span.dtype, span.count / rows);
  const place = span.stored ?? { label: span.dtype, offset: span.offset, bytes: span.bytes };
  const { label, offset, bytes } = place;
  return {
    ...span,
    offset: 0,
    stored: { kind: 'paired', label, offset, bytes, rowBytes, headRows, source: span },
  };
}

/** The matrices of a stack, the first dimension counting experts. */
function experts({ span }: TensorEntry, name: string): readonly TensorEntry[] | null {
  const [number = 0, ...shape] = span.shape;
  if (shape.length !== 2 || number < 1 || number > MOST_EXPERTS || !Number.isInteger(span.bytes / number))
    return null;
  return Array.from({ length: number }, (_, index) => ({
    name: name.replace('#', String(index)),
    span: sliceOf(span, index, number, shape),
  }));
}

/** Part `index` of `number` equal parts, on disk as well. */
function sliceOf(span: TensorSpan, index: number, number: number, shape: readonly number[]): TensorSpan {
  const [bytes, count] = [span.bytes / number, span.count / number];
  const { stored } = span;
  if (stored === undefined) return { ...span, offset: span.offset + index * bytes, bytes, count, shape };
  if (stored.kind !== 'blocks') return { ...span, offset: span.offset + index * bytes, bytes, count, shape };
  const size = stored.source.bytes / number;
  const place = { offset: stored.offset + index * size, bytes: size };
  const source = { ...stored.source, ...place, shape: [size], count: size };
  return { ...span, bytes, count, shape, stored: { ...stored, ...place, source } };
}
