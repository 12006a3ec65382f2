import * as path from 'node:path';

/** Where a result is proposed to go. */
export interface Proposal {
  readonly path: string;
  /** A single file, or a folder. */
  readonly kind: 'file' | 'folder';
}

/** Files that are called the same in every folder: the folder's name tells them apart. */
const GENERIC =
  /^(?:model|pytorch_model|adapter_model|adapters|diffusion_pytorch_model|pytorch_lora_weights|adapter_config)(?:-\d{5}-of-\d{5})?\./;
const ENDING =
  /\.(?:(?:safetensors|bin)(?:\.index\.json)?|pt|pth|ckpt|npy|npz|onnx|onnx_adapter|orl|gguf|h5|hdf5|keras|msgpack|index|distcp|json)$/;

/** Whether a path names a single file of weights. */
export function isWeightFile(source: string): boolean {
  return /\.(?:safetensors|pt|pth|ckpt|bin|npy|npz|onnx|onnx_adapter|orl|gguf|h5|hdf5|keras|msgpack|index|distcp)$/.test(
    source,
  );
}

/** Beside the source (or beside its folder, where the folder has the name), called after it. */
export function proposalFor(source: string, suffix: string, kind: Proposal['kind']): Proposal {
  const named = GENERIC.test(path.basename(source)) ? path.dirname(source) : source;
  const stem = path.basename(named).replace(ENDING, '');
  const name = `${stem}${suffix}${kind === 'file' ? '.safetensors' : ''}`;
  return { path: path.join(path.dirname(named), name), kind };
}
