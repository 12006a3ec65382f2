// Checkpoints for tests, written byte by byte: 8 bytes of header length, JSON, data.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface Tensor {
  readonly shape: readonly number[];
  /** Float32 values in C order; zeros where missing. */
  readonly values?: readonly number[];
}

export function temporaryFolder(): string {
  return fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-server-')));
}

function start(tensors: Readonly<Record<string, Tensor>>): { header: Buffer; dataBytes: number } {
  let offset = 0;
  const entries = Object.entries(tensors).map(([name, { shape }]) => {
    const end = offset + 4 * countOf(shape);
    const entry = { dtype: 'F32', shape, data_offsets: [offset, end] };
    offset = end;
    return [name, entry] as const;
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return { header: Buffer.concat([length, json]), dataBytes: offset };
}

/** Writes a safetensors file of float32 tensors. */
export function writeTensors(file: string, tensors: Readonly<Record<string, Tensor>>): string {
  const data = Object.values(tensors).map(({ shape, values }) => {
    const floats = new Float32Array(countOf(shape));
    floats.set(values ?? []);
    return Buffer.from(floats.buffer);
  });
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, Buffer.concat([start(tensors).header, ...data]));
  return file;
}

/** Writes a safetensors file whose data are a hole in the file: all zeros, however many gigabytes, and no disk space. */
export function writeHole(file: string, tensors: Readonly<Record<string, Tensor>>): string {
  const { header, dataBytes } = start(tensors);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, header);
  fs.truncateSync(file, header.length + dataBytes);
  return file;
}

export function writeText(file: string, text: string): string {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
}

function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
