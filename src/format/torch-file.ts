import type { Result } from '../protocol/result';
import type { Checkpoint } from './checkpoint';
import { torchLegacy } from './torch-legacy';
import { torchTar } from './torch-tar';
import { torchZip } from './torch-zip';

/** Opens a file of torch of whichever container, which only its content tells. Fails as that container's reader does. */
export async function openTorchFile(path: string): Promise<Result<Checkpoint>> {
  for (const format of [torchLegacy, torchTar]) {
    if (await format.recognises(path)) return format.open(path);
  }
  return torchZip.open(path);
}
