const TORCH = /\.(?:pt|pth|pt2|ckpt)$/i;
/** Plenty of other programs end names in `.bin`: only what libraries write. */
const TORCH_BIN =
  /^(?:pytorch_model|diffusion_pytorch_model|adapter_model|pytorch_adapter|pytorch_model_head|pytorch_lora_weights|model)\b[\w.-]*\.bin$/i;
/** Archives of arrays are mostly data: only what MLX and others call weights. */
const ARRAYS = /^(?:weights|model|adapters?|adapter_model|params|checkpoint)(?:[._-][\w.-]*)?\.npz$/i;
/** Of llama.cpp, Keras and Flax. */
const OTHER_FRAMEWORKS = /\.(?:gguf|h5|hdf5|keras|msgpack)$/i;
/** Of whisper.cpp. */
const GGML_BIN = /^ggml-[\w.-]+\.bin$/i;
/** Of ONNX Runtime. */
const ONNX_ADAPTER = /\.(?:onnx_adapter|orl)$/i;
/** Of TensorFlow. Others (faiss, for example) have indexes, too: only what `tf.train.Checkpoint` and Keras call theirs. */
const TENSORFLOW_INDEX = /(?:^(?:variables|model|weights|checkpoint)\b|ckpt)[\w.-]*\.index$/i;
/** Files of torch.distributed.checkpoint; `.metadata` beside them says what is in them. */
const DISTRIBUTED = /\.distcp$/i;
/** What trainers write beside the weights. */
const STATES = /^(?:optimizer|scheduler|scaler|rng_state|random_states|training_args|trainer_state)\b/i;

/** Whether a file of this name (no folders) is listed as a checkpoint: safetensors, or another container of weights. */
export function isCheckpointName(name: string): boolean {
  return name.endsWith('.safetensors') || isOtherContainerName(name);
}

/** Whether a file of this name is likely to be a checkpoint that is no safetensors file; its content decides. */
export function isOtherContainerName(name: string): boolean {
  return (
    isTorchName(name) ||
    ARRAYS.test(name) ||
    ONNX_ADAPTER.test(name) ||
    GGML_BIN.test(name) ||
    TENSORFLOW_INDEX.test(name) ||
    OTHER_FRAMEWORKS.test(name)
  );
}

/**
 * Whether a file of this name is binary and checked as weights: a checkpoint, or arrays, a graph or a pickle that may be
 * anything. Graphs lie beside the checkpoints that they were exported from, and are not listed with them.
 */
export function isWeightsName(name: string): boolean {
  return isCheckpointName(name) || /\.(?:pkl|pickle|npy|npz|onnx)$/i.test(name);
}

/** Whether a file of this name is likely to hold weights saved by torch; its content decides. */
function isTorchName(name: string): boolean {
  return (TORCH.test(name) || TORCH_BIN.test(name)) && !STATES.test(name);
}

/** Whether a folder of these files is a checkpoint of torch.distributed as a whole: they are opened by any of them. */
export function isDistributedFolder(names: readonly string[]): boolean {
  return names.includes('.metadata') && names.some((name) => DISTRIBUTED.test(name));
}

/** Whether a path of a checkpoint names a file of it and not its folder: weights, an index or a configuration. */
export function isCheckpointFilePath(path: string): boolean {
  return /\.(?:safetensors|json|pt|pth|pt2|ckpt|bin|npy|npz|onnx|onnx_adapter|orl|gguf|h5|hdf5|keras|msgpack|index|distcp)$/i.test(
    path,
  );
}

/** The safetensors files that hold the same where one of them lies beside: `pytorch_model.bin` → `model.safetensors`. */
export function safetensorsTwins(name: string): readonly string[] {
  const stem = name.replace(/\.\w+$/, '');
  return [`${stem}.safetensors`, `${stem.replace(/^pytorch_/, '')}.safetensors`];
}
