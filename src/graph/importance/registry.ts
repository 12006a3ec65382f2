import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isOptimizerState } from '../../format/optimizer-state';
import { PickledTensor } from '../../format/pickle';
import { problemFromError, success, type Result } from '../../protocol/result';
import type { DataArray, DataSet } from '../data/data-set';
import { formatOf, openData } from '../data/registry';
import { refuse } from '../problems';
import { numbersOf } from '../tensor-value';
import { adamMoments } from './adam-moments';
import type { Importance, ImportanceTensor } from './importance';
import { openTorchArchive } from './torch-archive';

/** What the transformers library calls the state of its optimiser, in the folder of a checkpoint. */
const OPTIMIZER = 'optimizer.pt';
const TORCH = /\.(pt|pth|bin)$/i;

/**
 * Opens importances of weights: arrays by name in `.safetensors`, `.npz` or a dictionary that torch saved, or the
 * second moments in the state of an optimiser (`optimizer.pt`, or the folder it lies in). Reads no values. Fails with
 * `importance-format`, `importance-names`, or as reading does.
 */
export async function openImportance(path: string): Promise<Result<Importance>> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const file = isFolder ? join(path, OPTIMIZER) : path;
    if (TORCH.test(file)) return await fromTorch(file);
    const format = formatOf(file)?.id;
    if (format === 'npz' || format === 'safetensors') return await fromArrays(file);
    return refuse('importance-format', file, `${file} is neither .safetensors, .npz nor .pt.`);
  } catch (error) {
    return { ok: false, problem: problemFromError(error, path) };
  }
}

async function fromTorch(path: string): Promise<Result<Importance>> {
  const archive = await openTorchArchive(path);
  if (!archive.ok) return archive;
  const { content } = archive.value;
  if (isOptimizerState(content)) return adamMoments(path, archive.value);
  const tensors: ImportanceTensor[] = [];
  for (const [name, value] of content instanceof Map ? content : []) {
    if (typeof name !== 'string' || !(value instanceof PickledTensor)) continue;
    tensors.push({ name, shape: value.shape, load: () => archive.value.load(value) });
  }
  return tensors.length === 0
    ? refuse('importance-format', path, `${path} holds no tensors by name.`)
    : success({ path, kind: 'imported', tensors, steps: null });
}

async function fromArrays(path: string): Promise<Result<Importance>> {
  const data = await openData(path);
  if (!data.ok) return data;
  const floating = data.value.arrays.filter(({ type }) => /float/.test(type));
  const tensors = floating.map((array) => arrayTensor(data.value, array));
  return tensors.length === 0
    ? refuse('importance-format', path, `${path} holds no floating-point arrays.`)
    : success({ path, kind: 'imported', tensors, steps: null });
}

function arrayTensor(data: DataSet, { name, shape }: DataArray): ImportanceTensor {
  return {
    name,
    shape: shape.map((size) => size ?? 0),
    load: async () => {
      const all = Array.from({ length: shape[0] ?? 1 }, (_, row) => row);
      const rows = await data.rows([name], all);
      const value = rows.ok ? rows.value.get(name) : undefined;
      if (!rows.ok) return rows;
      return success(value === undefined ? new Float64Array(0) : numbersOf(value));
    },
  };
}
