import { openCheckpoint } from '../../format/registry';
import { failure, success } from '../../protocol/result';
import { bitsOf } from '../../tensor/decode';
import { OpenFiles } from '../../tensor/open-files';
import type { TensorSpan } from '../../tensor/span';
import { elementTypeOf } from '../../format/onnx/element-types';
import { dataSetOfArrays, type PlacedArray } from './arrays-in-file';
import { fileRange, withSameFile, type ByteRange, type FileState } from './byte-range';
import type { DataFormat, UnreadableArray } from './data-set';

/** Tensors of a safetensors file, each an array whose first axis counts samples. */
export const safetensorsArrays: DataFormat = {
  id: 'safetensors',
  title: 'tensors by name',
  endings: ['.safetensors'],
  async open(path) {
    const checkpoint = await openCheckpoint(path);
    if (!checkpoint.ok) return checkpoint;
    const { tensors, files, fingerprint } = checkpoint.value;
    const arrays: PlacedArray[] = [];
    const unreadable: UnreadableArray[] = [];
    for (const { name, span } of tensors) {
      const type = elementTypeOf(span.dtype);
      const file = files.find((each) => each.path === span.path);
      // Rows of elements that share bytes do not begin at bytes.
      const isPacked = bitsOf(span.dtype) < 8;
      if (type === undefined || type === 'complex64' || isPacked || file === undefined) {
        unreadable.push({ name, reason: `its elements are of the type ${span.dtype}` });
      } else {
        arrays.push({ layout: { name, type, shape: span.shape }, range: rangeOf(file, span) });
      }
    }
    return success(dataSetOfArrays({ path, format: 'safetensors', fingerprint }, arrays, unreadable));
  },
};

/** The bytes of a tensor, however they are stored. */
function rangeOf(file: FileState, span: TensorSpan): ByteRange {
  if (span.stored === undefined && span.memory === undefined) {
    return fileRange(file, span.offset, span.bytes);
  }
  return {
    path: span.path,
    length: span.bytes,
    withBytes: (use) =>
      withSameFile(file, async () => {
        const files = new OpenFiles();
        try {
          return await use((offset, length) => {
            const bytes = new Uint8Array(length);
            const problem = files.read(span, offset, bytes);
            return Promise.resolve(problem === null ? success(bytes) : failure(problem));
          });
        } finally {
          files.close();
        }
      }),
  };
}
