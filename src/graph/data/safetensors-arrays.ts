import { openCheckpoint } from '../../format/registry';
import { success } from '../../protocol/result';
import type { DtypeName } from '../../tensor/dtype';
import type { ElementType } from '../onnx/element-types';
import { dataSetOfArrays, type PlacedArray } from './arrays-in-file';
import { fileRange } from './byte-range';
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
      const type = TYPES[span.dtype];
      const file = files.find((each) => each.path === span.path);
      if (type === undefined || file === undefined) {
        unreadable.push({ name, reason: `its elements are of the type ${span.dtype}` });
      } else {
        arrays.push({
          layout: { name, type, shape: span.shape },
          range: fileRange(file, span.offset, span.bytes),
        });
      }
    }
    return success(dataSetOfArrays({ path, format: 'safetensors', fingerprint }, arrays, unreadable));
  },
};

/** Element types of graphs by those of checkpoints, as far as both have them. */
const TYPES: Readonly<Partial<Record<DtypeName, ElementType>>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  F8_E4M3: 'float8e4m3fn',
  F8_E5M2: 'float8e5m2',
  F8_E4M3FNUZ: 'float8e4m3fnuz',
  F8_E5M2FNUZ: 'float8e5m2fnuz',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U64: 'uint64',
  U32: 'uint32',
  U16: 'uint16',
  U8: 'uint8',
  BOOL: 'bool',
};
