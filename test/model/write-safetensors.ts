// Writes small safetensors checkpoints and adapters into temporary folders, without anything of src.
import { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after } from 'node:test';

/** One float32 tensor; `values` are repeated, or 0 where not given. `dtype` I64 writes whole numbers. */
export interface Written {
  readonly shape: readonly number[];
  readonly values?: readonly number[];
  readonly dtype?: 'F32' | 'I64';
}

/** A folder that is gone after the tests; its real path. */
export function temporaryFolder(): string {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-model-')));
  after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a safetensors file, making folders on the way, and returns its path. */
export function writeSafetensors(
  file: string,
  tensors: Readonly<Record<string, Written>>,
  metadata?: Readonly<Record<string, string>>,
): string {
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  const parts: Buffer[] = [];
  let offset = 0;
  for (const [name, { shape, values = [0], dtype = 'F32' }] of Object.entries(tensors)) {
    const count = shape.reduce((product, size) => product * size, 1);
    const bytes = Buffer.alloc(count * (dtype === 'F32' ? 4 : 8));
    for (let index = 0; index < count; index++) {
      const value = values[index % values.length] as number;
      if (dtype === 'F32') bytes.writeFloatLE(value, index * 4);
      else bytes.writeBigInt64LE(BigInt(value), index * 8);
    }
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
    parts.push(bytes);
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, Buffer.concat([length, json, ...parts]));
  return file;
}

/** Writes an adapter: its configuration (`peft_type` LORA unless given) and its tensors. Returns the folder. */
export function writeAdapter(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  tensors: Readonly<Record<string, Written>>,
): string {
  writeSafetensors(path.join(folder, 'adapter_model.safetensors'), tensors);
  fs.writeFileSync(
    path.join(folder, 'adapter_config.json'),
    JSON.stringify({ peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj'], ...config }),
  );
  return folder;
}
