import fs from 'node:fs';

/** F32 tensors of a safetensors file by name, read in the shortest way there is: the oracle of these tests. */
export function readFloat32Tensors(file: string): ReadonlyMap<string, Float32Array> {
  const bytes = fs.readFileSync(file);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<
    string,
    { dtype?: string; data_offsets?: readonly [number, number] }
  >;
  const tensors = new Map<string, Float32Array>();
  for (const [name, { dtype, data_offsets: span }] of Object.entries(header)) {
    if (dtype !== 'F32' || !span) continue;
    const data = bytes.subarray(8 + headerLength + span[0], 8 + headerLength + span[1]);
    tensors.set(name, new Float32Array(Uint8Array.from(data).buffer));
  }
  return tensors;
}

/** `√Σ‖θ − θ₀‖² / √Σ‖θ₀‖²` over the named tensors of two files. */
export function relativeNorm(base: string, tuned: string, names: readonly string[]): number {
  const [before, after] = [readFloat32Tensors(base), readFloat32Tensors(tuned)];
  let change = 0;
  let size = 0;
  for (const name of names) {
    const [old, now] = [before.get(name), after.get(name)];
    if (!old || !now) throw new Error(`${name} is not in both files`);
    old.forEach((value, index) => {
      change += ((now[index] ?? 0) - value) ** 2;
      size += value ** 2;
    });
  }
  return Math.sqrt(change) / Math.sqrt(size);
}
