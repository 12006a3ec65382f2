import type { DataOptions } from '../protocol/data';

/** What the keys of a study mean; for hovers and completion. */
export const STUDY_KEYS: Readonly<Record<string, string>> = {
  name: 'What the study is called.',
  base: 'The checkpoint that the tasks were trained from, θ₀. Relative to the folder of this file.',
  tasks: 'Fine-tuned checkpoints and adapters by name. Each gives a task vector τ = θ − θ₀.',
  run: 'The folder of a training run: each complete checkpoint-<step> in it is a task, in the order of the steps.',
  graph: 'The ONNX export of the base, for lenses that run the network.',
  data: 'Data files by name, for lenses that run the network. One with the name of a task is that task’s; the first stands in for the others.',
  fisher:
    'Files of Fisher information by task, computed elsewhere (.safetensors, .npz, .pt), or the optimizer.pt of its training: for the lenses fisher and fim-score, without a graph.',
};

/** What the keys of a data set mean. */
export const DATA_KEYS: Readonly<Record<'path' | keyof DataOptions, string>> = {
  path: 'The data file or folder. Relative to the folder of this file.',
  inputs: 'Which array feeds which input of the graph, where the names differ.',
  labels: 'The array with the labels.',
  mask: 'The array of the shape of the labels that is 0 where they are to be ignored.',
  constant: 'Arrays that are the same for all samples.',
  round: 'Whether values may be rounded to the floating-point type of an input.',
  shift: 'Whether the labels are the inputs themselves: position t is scored against label t + 1.',
  pad: 'The number with which samples of different lengths are filled up.',
  text: 'The field or column with the texts.',
  pair: 'The field or column with the second texts of pairs.',
  tokenizer: 'The tokenizer.json for texts; looked for beside the data and the model unless given.',
  preprocessor:
    'The preprocessor_config.json for images; looked for beside the data and the model unless given.',
  length: 'The most tokens that a sample has.',
};
