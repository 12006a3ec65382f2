import type { TensorEntry } from '../format/checkpoint';
import { copiedTensor, heldTensor, type OutputTensor } from '../format/output-file';
import type { ReadSpan } from '../model/load-delta';
import { success, type Result } from '../protocol/result';
import type { LayoutModule } from './layout-rules';

interface RenamedFactors {
  readonly tensors: readonly OutputTensor[];
  readonly renamed: readonly {
    readonly before: string;
    readonly after: string;
    readonly shape: readonly number[];
  }[];
}

/**
 * Both factors of a module under new names, `[A, B]`: copied, or turned where one layout stores them turned and the other does
 * not. Fails as reading does.
 */
export async function renamedFactors(
  { target }: LayoutModule,
  names: readonly [string, string],
  turned: boolean,
  read: ReadSpan,
): Promise<Result<RenamedFactors>> {
  const { recipe } = target;
  if (recipe.kind !== 'product') return success({ tensors: [], renamed: [] });
  // Of a turned product `a` is the factor of the outputs: see `lora.ts` on MLX.
  const [a, b] = recipe.turned ? [recipe.b, recipe.a] : [recipe.a, recipe.b];
  const tensors: OutputTensor[] = [];
  for (const [entry, name] of [[a, names[0]], [b, names[1]]] as const) {
    const tensor = recipe.turned === turned ? success(copiedTensor(entry, name)) : await turnedTensor(entry, name, read);
    if (!tensor.ok) return tensor;
    tensors.push(tensor.value);
  } // prettier-ignore
  const renamed = tensors.map(({ name, shape }, index) => ({
    before: (index === 0 ? a : b).name,
    after: name,
    shape,
  }));
  return success({ tensors, renamed });
}

async function turnedTensor(
  { span }: TensorEntry,
  name: string,
  read: ReadSpan,
): Promise<Result<OutputTensor>> {
  const bytes = await read(span);
  if (!bytes.ok) return bytes;
  const [rows = 1, columns = 1] = span.shape;
  const size = span.bytes / Math.max(1, span.count);
  const turned = new Uint8Array(bytes.value.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      const from = (i * columns + j) * size;
      turned.set(bytes.value.subarray(from, from + size), (j * rows + i) * size);
    }
  return success(heldTensor(name, span.dtype, [columns, rows], turned));
}
