import { adapterConfig, architecture, indexDocument, study } from './documents';
import { flax } from './flax';
import { ggml } from './ggml';
import { gguf } from './gguf';
import { hdf5, keras } from './hdf5';
import { hub } from './hub';
import { json } from './json';
import { manifest } from './manifest';
import { npy, npyData, npyHeader, npz } from './npy';
import { onnx, onnxWeights } from './onnx';
import { onnxAdapter } from './onnx-adapter';
import { packed } from './packed';
import { pickle } from './pickle';
import { safetensors } from './safetensors';
import { safetensorsHeader } from './safetensors-header';
import { safetensorsIndex } from './safetensors-index';
import { stableBaselines } from './stable-baselines';
import type { FuzzTarget } from './target';
import { tensorflow } from './tensorflow';
import { torchDistributed } from './torch-distributed';
import { torchExported } from './torch-exported';
import { torchLegacy, torchTar } from './torch-legacy';
import { torchPickle, torchZip, zipOfPickles } from './torch-pickle';
import { zip } from './zip';

/** Every target of `npm run fuzz`. */
export const TARGETS: readonly FuzzTarget[] = [
  json,
  safetensorsHeader,
  safetensors,
  safetensorsIndex,
  pickle,
  torchPickle,
  torchZip,
  torchExported,
  torchLegacy,
  torchTar,
  zip,
  zipOfPickles,
  stableBaselines,
  npyHeader,
  npy,
  npz,
  npyData,
  onnx,
  onnxWeights,
  gguf,
  hdf5,
  keras,
  flax,
  tensorflow,
  ggml,
  onnxAdapter,
  torchDistributed,
  packed,
  manifest,
  study,
  adapterConfig,
  indexDocument,
  architecture,
  hub,
];
