import { adapterFile, VALID } from '../format/onnx-adapter-files';
import { openFiles } from './expectations';
import type { FuzzTarget } from './target';

/** Adapters of ONNX Runtime: tables of a flatbuffer that point to each other. */
export const onnxAdapter: FuzzTarget = {
  name: 'onnx-adapter',
  modules: /format\/(?:onnx-adapter|flatbuffer)\.ts$/,
  seeds: () => [adapterFile(VALID), adapterFile(VALID.slice(1))],
  run: (bytes) => openFiles('a.onnx_adapter', { 'a.onnx_adapter': bytes }),
};
