import type { Result } from '../../protocol/result';
import { bytesFor } from '../../tensor/decode';
import type { TensorSpan } from '../../tensor/span';
import type { Stored } from '../../tensor/stored/stored';
import type { TensorEntry } from '../checkpoint';
import { countOfShape } from '../output-file';
import type { QuantizationConfig } from './quantization-config';

/** What a layout may look at. */
export interface PackedContext {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly config: QuantizationConfig;
  /** Values of tensors that describe others: shapes, descriptions as JSON. Never of weights. */
  readonly read: (span: TensorSpan) => Promise<Result<Uint8Array>>;
}

/** One weight that several tensors are. */
export interface PackedWeight {
  /** What it is called in the model that was quantised. */
  readonly name: string;
  /** The tensors that it is stored as; the first holds its codes. */
  readonly parts: readonly TensorEntry[];
  readonly span: TensorSpan;
}

/** A weight; or why the tensors cannot be read as one, and are shown as they are; `null`: not of this layout. */
export type Found = PackedWeight | { readonly name: string; readonly reason: string } | null;

/** One way in which libraries store quantised weights as several tensors. One file each, registered in `registry.ts`. */
export interface PackedLayout {
  readonly title: string;
  /** A tensor whose name ends like this begins a weight of this layout. */
  readonly endings: readonly string[];
  /** Describes the weight of the tensor `stem + ending`, from names and shapes. */
  describe(stem: string, ending: string, context: PackedContext): Found | Promise<Found>;
}

/** Parts of one weight, by name; those that are not there are left out. */
export function partsOf({ tensors }: PackedContext, names: readonly string[]): TensorEntry[] {
  return names.flatMap((name) => tensors.get(name) ?? []);
}

/** `Stored` without what all forms say of their place. */
export type Form = Stored extends infer S
  ? S extends Stored
    ? Omit<S, 'label' | 'offset' | 'bytes'>
    : never
  : never;

/** The span of a float32 tensor of `shape` that `form` makes of its parts; on disk it takes the bytes of all of them. */
export function formedSpan(
  shape: readonly number[],
  label: string,
  parts: readonly TensorEntry[],
  form: Form,
): TensorSpan {
  return spanOf('F32', shape, label, parts, form);
}

/** A part of it (codes that were unpacked, zero points, transposed scales) with elements of one byte or of the source. */
export function spanOf(
  dtype: TensorSpan['dtype'],
  shape: readonly number[],
  label: string,
  parts: readonly TensorEntry[],
  form: Form,
): TensorSpan {
  const [first] = parts;
  const count = countOfShape(shape);
  const bytes = parts.reduce((sum, { span }) => sum + span.bytes, 0);
  const stored = { ...form, label, offset: first?.span.offset ?? 0, bytes } as Stored;
  const path = first?.span.path ?? '';
  return {
    path,
    offset: 0,
    bytes: bytesFor(dtype, count),
    dtype,
    shape,
    count,
    stored,
  };
}

/** A matrix of a whole span with its axes exchanged; element sizes of one byte and more. */
export function transposed(span: TensorSpan, label: string): TensorSpan {
  const [rows = 1, columns = 1] = span.shape;
  const size = span.count === 0 ? 1 : span.bytes / span.count;
  return {
    ...span,
    offset: 0,
    shape: [columns, rows],
    stored: {
      kind: 'strided', size, shape: [columns, rows], strides: [1, columns], start: 0,
      source: span, label, offset: span.offset, bytes: span.bytes,
    },
  }; // prettier-ignore
}

/** The same bytes taken as another type and shape, for codes and exponents that stand as U8. */
export function retyped(span: TensorSpan, dtype: TensorSpan['dtype'], shape: readonly number[]): TensorSpan {
  return { ...span, dtype, shape, count: countOfShape(shape) };
}

/** `[4096, 11008]`, for reasons. */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}
