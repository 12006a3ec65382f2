import { createHash } from 'node:crypto';

/** Hashes of the float32 values of a tensor, so that equal ones are found whatever they are called. */
export interface Digest {
  /** Of the values in C order, with the shape but for axes of size 1, which exporters add and drop. */
  readonly plain: string;
  /** Of the transposed matrix; `null` for what is no matrix. */
  readonly transposed: string | null;
  /** False where all values are the same. */
  readonly varied: boolean;
}

/** Digests of a tensor and, where it is a matrix, of its transpose (as exporters store the weights of linear layers). */
export function digestOf(values: Float64Array, shape: readonly number[]): Digest {
  const floats = Float32Array.from(values);
  const [rows = 0, columns = 0] = shape;
  return {
    plain: hash(floats, shape),
    transposed: shape.length === 2 ? hash(transpose(floats, rows, columns), [columns, rows]) : null,
    varied: floats.some((value) => value !== floats[0]),
  };
}

/** Entry (i, j) of a rows × columns matrix goes to (j, i). */
export function transpose<A extends Float32Array | Float64Array>(
  values: A,
  rows: number,
  columns: number,
): A {
  const turned = values.slice() as A;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) turned[j * rows + i] = values[i * columns + j] ?? 0;
  }
  return turned;
}

function hash(values: Float32Array, shape: readonly number[]): string {
  const hashed = createHash('sha256').update(withoutOnes(shape));
  return hashed.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)).digest('base64');
}

/** The sizes other than 1: what two shapes of the same entries have in common. */
export function withoutOnes(shape: readonly number[]): string {
  return shape.filter((size) => size !== 1).join(',');
}
