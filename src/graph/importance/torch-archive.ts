import type { Pickled, PickledTensor } from '../../format/pickle';
import { readSpan } from '../../format/read';
import { TensorPlacer } from '../../format/torch-storage';
import { readTorchZip } from '../../format/torch-zip';
import { success, type Result } from '../../protocol/result';
import { decode } from '../../tensor/decode';
import { refuse } from '../problems';

/** A file of `torch.save`, since PyTorch 1.6 a zip with a pickle and a file for every storage. */
export interface TorchArchive {
  readonly content: Pickled;
  /** Values of a tensor in C order. Fails with `importance-format`, or as reading does. */
  load(tensor: PickledTensor): Promise<Result<Float64Array>>;
}

/** Opens an archive: reads the pickle, and no tensor. Fails as {@link readTorchZip} does. */
export async function openTorchArchive(path: string): Promise<Result<TorchArchive>> {
  const torch = await readTorchZip(path);
  if (!torch.ok) return torch;
  const { pickle, storages, bigEndian } = torch.value;
  return success({
    content: pickle.value,
    load: async (tensor) => {
      const placed = new TensorPlacer(path, storages, bigEndian).place('a moment', tensor);
      if (!placed.ok) return placed;
      if (placed.value === null) {
        return refuse(
          'importance-format',
          path,
          `${path} has a tensor in a ${tensor.type}, which is not read.`,
        );
      }
      const { span } = placed.value;
      const bytes = await readSpan(span);
      return bytes.ok ? success(decode(span.dtype, bytes.value, span.count)) : bytes;
    },
  });
}
