import * as fs from 'node:fs/promises';
import * as paths from 'node:path';
import { isHubAddress } from '../protocol/hub-address';
import { problemFromError, success, type Result } from '../protocol/result';
import type { Checkpoint, Format } from './checkpoint';
import { flax } from './flax';
import { huggingFaceFolder, peftAdapter } from './folder';
import { FOREIGN_WITHIN, foreignFile } from './foreign';
import { withAllowance } from './hub/allowance';
import { openHub } from './hub/open-hub';
import { withOrigin } from './hub/origin';
import { npy } from './npy';
import { npz } from './npz';
import { hdf5 } from './hdf5';
import { kerasArchive } from './keras';
import { withPackedWeights } from './packed/registry';
import { ggml } from './ggml';
import { gguf } from './gguf';
import { onnx } from './onnx';
import { onnxAdapter } from './onnx-adapter';
import { pickleFile } from './pickle-file';
import { refuse } from './problems';
import { readStart } from './read';
import { safetensors } from './safetensors';
import { safetensorsSharded } from './safetensors-sharded';
import { stableBaselines } from './stable-baselines';
import { tensorflow } from './tensorflow';
import { torchLegacy } from './torch-legacy';
import { torchDistributed } from './torch-distributed';
import { torchExported } from './torch-exported';
import { torchSharded } from './torch-sharded';
import { torchTar } from './torch-tar';
import { torchZip } from './torch-zip';
import { listingZipOnce } from './whole-zip';
import { zipOfPickles } from './zip-of-pickles';

/** Every container format, in the order in which they are asked whether a path is theirs. */
export const FORMATS: readonly Format[] = [
  safetensors,
  torchDistributed,
  torchSharded,
  safetensorsSharded,
  torchZip,
  torchExported,
  torchLegacy,
  npy,
  npz,
  onnx,
  onnxAdapter,
  torchTar,
  hdf5,
  kerasArchive,
  flax,
  tensorflow,
  stableBaselines,
  zipOfPickles,
  pickleFile,
  gguf,
  ggml,
  peftAdapter,
  huggingFaceFolder,
];

/**
 * Opens a checkpoint's directory: a file, an index, a folder, an `adapter_config.json`, or an address of the Hugging Face Hub
 * (`hf://owner/name`). A file is recognised by its content, and opening a file opens exactly that file. Reads headers and
 * descriptions, never weights. Weights that are stored as several tensors (GPTQ, AWQ, bitsandbytes, block-scaled FP8, ...) come out as one.
 * Fails with a code of `problems.ts` or the operating system's answer; never throws. `openCopy` opens the copy of a model of
 * the Hub, perhaps out of a cache.
 */
export async function openCheckpoint(
  path: string,
  openCopy: (path: string) => Promise<Result<Checkpoint>> = openLocal,
): Promise<Result<Checkpoint>> {
  if (!isHubAddress(path)) return openLocal(path);
  try {
    return await openHub(path, openCopy);
  } catch (error) {
    return { ok: false, problem: problemFromError(error, path) };
  }
}

/** Headers of copies of the Hub come without asking, as they are all that is fetched here. */
function openLocal(path: string): Promise<Result<Checkpoint>> {
  return withAllowance(null, () => openAbsolute(paths.resolve(path)));
}

async function openAbsolute(absolute: string): Promise<Result<Checkpoint>> {
  try {
    const found = await fs.stat(absolute);
    if (!found.isFile() && !found.isDirectory()) {
      return refuse('not-a-file', absolute, `${absolute} is neither a file nor a folder.`);
    }
    return await listingZipOnce(absolute, () => openByContent(absolute));
  } catch (error) {
    return { ok: false, problem: problemFromError(error, absolute) };
  }
}

async function openByContent(path: string): Promise<Result<Checkpoint>> {
  for (const format of FORMATS) {
    if (!(await format.recognises(path))) continue;
    const opened = await format.open(path);
    return opened.ok ? success(await withOrigin(await withPackedWeights(opened.value))) : opened;
  }
  return openUnrecognised(path);
}

/**
 * Says what is wrong with a file of no known format, as precisely as its first bytes or else its name allow.
 */
async function openUnrecognised(path: string): Promise<Result<Checkpoint>> {
  const start = await readStart(path, FOREIGN_WITHIN);
  if (!start.ok) return start;
  if (start.value.length === 0) return refuse('file-empty', path, `${path} is empty.`);
  const foreign = foreignFile(path, start.value);
  if (foreign) return { ok: false, problem: foreign };
  // By name a safetensors file, or an index: reading it as one finds what keeps it from being one.
  const named = [safetensors, safetensorsSharded, peftAdapter, npy].find((format) =>
    format.description.endings.some((ending) => path.endsWith(ending)),
  );
  if (named) return named.open(path);
  return refuse(
    'not-a-checkpoint',
    path,
    `${path}: nothing in its first bytes says that it is a checkpoint (byte 0).`,
    'byte 0',
  );
}
