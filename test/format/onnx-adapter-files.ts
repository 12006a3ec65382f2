// Adapters of ONNX Runtime, byte by byte, without anything of src.
import { Buffer } from 'node:buffer';

/** A parameter as it is written. */
export interface Parameter {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: number;
  readonly data: Buffer;
}

/** A flatbuffer put together from front to back: tables before what they point to. */
export function adapterFile(parameters: readonly Parameter[]): Buffer {
  const root = Buffer.alloc(8 + 12 + 20);
  root.writeUInt32LE(20, 0);
  root.write('TORT', 4, 'latin1');
  // The directory of the root: its size, that of the table, and the places of four fields.
  [12, 20, 4, 8, 12, 16].forEach((x, i) => root.writeUInt16LE(x, 8 + 2 * i));
  root.writeInt32LE(12, 20);
  root.writeInt32LE(1, 24);
  root.writeInt32LE(2, 28);
  root.writeInt32LE(3, 32);
  root.writeUInt32LE(4, 36);
  const list = Buffer.alloc(4 + 4 * parameters.length);
  list.writeUInt32LE(parameters.length, 0);
  const parts: Buffer[] = [root, list];
  let end = root.length + list.length;
  parameters.forEach(({ name, dims, type, data }, i) => {
    const text = Buffer.from(name);
    const table = Buffer.alloc(12 + 20 + 4 + text.length + 4 + 8 * dims.length + 4);
    [12, 20, 4, 8, 12, 16].forEach((x, j) => table.writeUInt16LE(x, 2 * j));
    const [nameAt, dimsAt] = [32, 36 + text.length];
    const dataAt = dimsAt + 4 + 8 * dims.length;
    table.writeInt32LE(12, 12);
    table.writeUInt32LE(nameAt - 16, 16);
    table.writeUInt32LE(dimsAt - 20, 20);
    table.writeInt32LE(type, 24);
    table.writeUInt32LE(dataAt - 28, 28);
    table.writeUInt32LE(text.length, nameAt);
    text.copy(table, nameAt + 4);
    table.writeUInt32LE(dims.length, dimsAt);
    dims.forEach((size, axis) => table.writeBigInt64LE(BigInt(size), dimsAt + 4 + 8 * axis));
    table.writeUInt32LE(data.length, dataAt);
    const at = root.length + 4 + 4 * i;
    list.writeUInt32LE(end + 12 - at, 4 + 4 * i);
    parts.push(table, data);
    end += table.length + data.length;
  });
  return Buffer.concat(parts);
}

/** Float32 as bytes. */
export const floats = (...values: readonly number[]) => Buffer.from(Float32Array.from(values).buffer);
/** A matrix of F32 and a vector of F16. */
export const VALID: readonly Parameter[] = [
  { name: 'q.lora_A.weight', dims: [2, 2], type: 1, data: floats(1, 2, 3, 4) },
  { name: 'q.lora_B.weight', dims: [3], type: 10, data: Buffer.from([0, 0x3c, 0, 0x40, 0, 0xc0]) },
];
