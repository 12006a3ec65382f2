// Checkpoints that have names and shapes only, for what looks at nothing else.
import type { Checkpoint } from '../../src/format/checkpoint';

/** A checkpoint of float32 tensors; nothing can be read from it. */
export function fakeCheckpoint(shapes: Readonly<Record<string, readonly number[]>>): Checkpoint {
  let offset = 0;
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const span = {
      path: '/m/model.safetensors',
      offset,
      bytes: 4 * count,
      dtype: 'F32',
      shape,
      count,
    } as const;
    offset += span.bytes;
    return { name, span };
  });
  return {
    path: '/m/model.safetensors',
    container: 'safetensors',
    files: [{ path: '/m/model.safetensors', bytes: offset, modifiedMs: 0 }],
    tensors,
    metadata: {},
    fingerprint: '',
    findings: [],
  };
}
