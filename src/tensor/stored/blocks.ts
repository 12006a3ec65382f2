import type { Problem } from '../../protocol/result';
import type { BlockFormat } from './blocks/block-format';
import { BlockKernels } from '../wasm/block-kernels';
import { BLOCK_FORMATS, type BlockName } from './blocks/registry';
import type { BlocksStore, ReadSpanBytes, StoredForm } from './stored';
import { swapBytes } from './swapped';

/** Blocks are read and dequantised so many bytes at a time, which stay in the processor's cache. */
const AT_ONCE = 2 ** 16;

const FLOAT = 4;

/** Elements packed into blocks with scales of their own (ggml's quantised types), as float32. */
export const readBlocks: StoredForm<BlocksStore> = (stored, offset, target, read) => {
  const format: BlockFormat = BLOCK_FORMATS[stored.format];
  const width = format.elements * FLOAT;
  const first = Math.floor(offset / width);
  const end = Math.ceil((offset + target.length) / width);
  const most = Math.max(1, Math.floor(AT_ONCE / format.bytes));
  const bytes = new Uint8Array(Math.min(most, end - first) * format.bytes);
  for (let block = first; block < end; block += most) {
    const count = Math.min(most, end - block);
    const problem = readWhole(stored, format, block, bytes.subarray(0, count * format.bytes), read);
    if (problem !== null) return problem;
    place(stored.format, bytes, count, block * width - offset, target);
  }
  return null;
};

function readWhole(
  { source, bigEndian }: BlocksStore,
  format: BlockFormat,
  block: number,
  bytes: Uint8Array,
  read: ReadSpanBytes,
): Problem | null {
  const problem = read(source, block * format.bytes, bytes);
  if (problem !== null || !bigEndian) return problem;
  for (let at = 0; at < bytes.length; at += format.bytes) {
    for (const [first, size, count] of format.wide) {
      swapBytes(bytes.subarray(at + first, at + first + size * count), size);
    }
  }
  return null;
}

/** Writes the values of `count` blocks to byte `to` of `target`, as far as they lie in it. */
function place(name: BlockName, bytes: Uint8Array, count: number, to: number, target: Uint8Array): void {
  const length = count * BLOCK_FORMATS[name].elements * FLOAT;
  if (to >= 0 && to + length <= target.length) {
    dequantise(name, bytes, count, target.subarray(to, to + length));
    return;
  }
  const values = new Uint8Array(length);
  dequantise(name, bytes, count, values);
  const [from, until] = [Math.max(0, -to), Math.min(length, target.length - to)];
  target.set(values.subarray(from, until), to + from);
}

/** Fills `target` with the values of `count` little-endian blocks, as float32. */
function dequantise(name: BlockName, blocks: Uint8Array, count: number, target: Uint8Array): void {
  const format: BlockFormat = BLOCK_FORMATS[name];
  const kernels = BlockKernels.ofThread();
  if (kernels !== null) {
    kernels.dequantise(name, blocks, count, format.bytes, format.elements, target);
    return;
  }
  const aligned = target.byteOffset % FLOAT === 0;
  const { buffer, byteOffset } = aligned ? target : new Uint8Array(target.length);
  format.dequantise(blocks, count, new Float32Array(buffer, byteOffset, count * format.elements));
  if (!aligned) target.set(new Uint8Array(buffer, byteOffset, target.length));
}
