// The language models of the samples with their first layer only: what a lens makes of them has the same form in a fraction
// of the time.
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { SAMPLES } from './run';

const LATER_LAYER = /\blayers\.[1-9]\d*\./;

interface Described {
  readonly data_offsets: readonly [number, number];
}

let made: string | undefined;

/** A folder like `samples/charlm` (checkpoints, adapters, runs; no graph and no data), made once. */
export function shortLanguageModels(): string {
  if (made === undefined) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'deltalens-short-'));
    // Not after a test: the files of a folder of tests run in one process.
    process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
    made = shortened(path.join(SAMPLES, 'charlm'), folder);
  }
  return made;
}

function shortened(from: string, to: string): string {
  fs.mkdirSync(to, { recursive: true });
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) {
      if (entry.name !== 'onnx' && entry.name !== 'data') shortened(source, target);
    } else if (entry.name.endsWith('.safetensors')) fs.writeFileSync(target, firstLayerOf(source));
    else if (entry.name.endsWith('.json')) fs.copyFileSync(source, target);
  }
  return to;
}

function firstLayerOf(file: string): Buffer {
  const bytes = fs.readFileSync(file);
  const start = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<string, Described>;
  const kept: Record<string, Described> = {};
  const data: Buffer[] = [];
  let end = 0;
  for (const [name, tensor] of Object.entries(header)) {
    if (name === '__metadata__' || LATER_LAYER.test(name)) continue;
    const [first, last] = tensor.data_offsets;
    data.push(bytes.subarray(start + first, start + last));
    kept[name] = { ...tensor, data_offsets: [end, end + last - first] };
    end += last - first;
  }
  const text = Buffer.from(JSON.stringify(kept));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...data]);
}
