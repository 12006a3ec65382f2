import { Buffer } from 'node:buffer';
import type { Format } from './checkpoint';
import { readStart } from './read';
import { openIndex } from './safetensors-sharded';
import { openTorchFile } from './torch-file';

/** What the name of an index of torch files ends with. */
export const TORCH_INDEX_ENDING = '.bin.index.json';
const RECOGNISED_WITHIN = 4096;
/** A shard's name in a `weight_map`. */
const TORCH_SHARD = /"\s*:\s*"[^"]+\.(?:bin|pt|pth)"/;

/** The index of a model in several files of torch: `pytorch_model.bin.index.json`. Shards may be of any container of torch. */
export const torchSharded: Format = {
  description: {
    id: 'pytorch-index',
    title: 'PyTorch (sharded)',
    endings: [TORCH_INDEX_ENDING],
    supports: ['every shard of the index as one model', 'shards inside the folder of the index'],
  },
  recognises: async (path) => {
    const start = await readStart(path, RECOGNISED_WITHIN);
    if (!start.ok) return false;
    const text = Buffer.from(start.value).toString('latin1');
    if (!/^\s*\{/.test(text)) return false;
    return path.endsWith(TORCH_INDEX_ENDING) || (text.includes('"weight_map"') && TORCH_SHARD.test(text));
  },
  open: (path) =>
    openIndex(path, {
      container: 'PyTorch (sharded)',
      // What is shared between tensors is counted once by some writers and twice by others.
      ignores: 'index-total-size',
      read: async (shard) => {
        const opened = await openTorchFile(shard);
        if (!opened.ok) return opened;
        const { files, tensors, metadata, findings, fingerprint } = opened.value;
        const [file = { path: shard, bytes: 0, modifiedMs: 0 }] = files;
        return { ok: true, value: { file, tensors, metadata, findings, mark: fingerprint } };
      },
    }),
};
