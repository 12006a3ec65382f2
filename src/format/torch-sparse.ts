import { bitsOf } from '../tensor/decode';
import { placeInFile, type TensorSpan } from '../tensor/span';
import type { ScatteredStore } from '../tensor/stored/stored';
import type { PickledSparse } from './pickled';
import { spanOver } from './stored-spans';

/** A sparse tensor is read dense where it then has at most so many bytes. */
const MOST_DENSE = 2 ** 26;

/**
 * A sparse tensor as a dense one: torch's layouts COO (indices [axes, n], values [n, …]), CSR and CSC (starts, indices,
 * values; torch.sparse). `parts` are their spans. The reason, as a clause, where it cannot be read.
 */
export function sparseSpan(
  { layout, shape, parts }: PickledSparse,
  spans: readonly TensorSpan[],
): TensorSpan | string {
  const isCoo = layout === 'coo';
  if (!isCoo && layout !== 'csr' && layout !== 'csc') return `has the layout ${layout}, which is not read`;
  const [first, second, third] = spans;
  const values = isCoo ? second : third;
  if (first === undefined || second === undefined || values === undefined || spans.length !== parts.length)
    return 'lacks a part';
  const axes = isCoo ? (first.shape[0] ?? 0) : 2;
  const [count = 0, ...block] = values.shape;
  const lengths = shape.slice(0, axes);
  const fits =
    axes <= shape.length &&
    block.join() === shape.slice(axes).join() &&
    (isCoo ? first.shape.length === 2 && first.shape[1] === count : second.count === count);
  if (!fits) return 'has values and indices that do not fit each other';
  const blocks = lengths.reduce((product, length) => product * length, 1);
  const blockBytes = (block.reduce((product, length) => product * length, 1) * bitsOf(values.dtype)) / 8;
  if (!(blocks * blockBytes <= MOST_DENSE))
    return `has ${String(count)} values, and would take ${String(blocks * blockBytes)} bytes when dense`;
  const places: ScatteredStore['places'] = isCoo
    ? { kind: 'coordinates', indices: first }
    : { kind: 'compressed', by: layout === 'csr' ? 'rows' : 'columns', starts: first, indices: second };
  const { offset, bytes } = placeInFile(values);
  const label = `${values.dtype} (sparse)`;
  return spanOver(
    { kind: 'scattered', label, offset, bytes, blockBytes, blocks, lengths, count, values, places },
    values.path,
    values.dtype,
    shape,
  );
}
