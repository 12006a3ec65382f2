import { Buffer } from 'node:buffer';
import { floats, numbers, tensorBytes, TENSORS, whisperFile } from '../format/ggml-files';
import { openFiles } from './expectations';
import type { FuzzTarget } from './target';

/** Models of whisper.cpp and adapters of llama.cpp from before GGUF. */
export const ggml: FuzzTarget = {
  name: 'ggml',
  modules: /format\/ggml\.ts$/,
  seeds: () => {
    const head = Buffer.concat([Buffer.from('algg'), numbers(1, 8, 16)]);
    const factor = { name: 'layers.0.wq.weight.loraA', sizes: [2, 1], type: 0, data: floats(3, 4) };
    return [whisperFile(TENSORS), Buffer.concat([head, tensorBytes(factor, head.length, 32)])];
  },
  run: (bytes) => openFiles('ggml-a.bin', { 'ggml-a.bin': bytes }),
};
