// A checkpoint's view for tests, from name, dtype, shape of its tensors.
import type { CheckpointView } from '../../../src/protocol/checkpoint';
import { placeOf } from '../../../src/model/naming';

export type TensorRow = readonly [name: string, dtype: string, shape: readonly number[]];

/** Float32 sizes; offsets one after the other; files in turn. */
export function viewOf(rows: readonly TensorRow[], changed: Partial<CheckpointView> = {}): CheckpointView {
  const count = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
  const parameters = rows.map(([, , shape]) => count(shape));
  const files = changed.files ?? [{ path: '/models/base/model.safetensors', bytes: 1000 }];
  let offset = 100;
  return {
    path: '/models/base/model.safetensors',
    name: 'base',
    kind: 'checkpoint',
    container: 'safetensors',
    fingerprint: 'abc',
    files,
    parameters: parameters.reduce((a, b) => a + b, 0),
    bytes: 4 * parameters.reduce((a, b) => a + b, 0),
    tensorCount: rows.length,
    dtypes: [],
    modules: [],
    metadata: {},
    architecture: null,
    tensors: {
      name: rows.map(([name]) => name),
      dtype: rows.map(([, dtype]) => dtype),
      shape: rows.map(([, , shape]) => shape),
      parameters,
      bytes: parameters.map((each) => 4 * each),
      file: rows.map((_, index) => index % files.length),
      offset: parameters.map((each) => {
        offset += 4 * each;
        return offset - 4 * each;
      }),
      layer: rows.map(([name]) => placeOf(name).layer),
      module: rows.map(([name]) => placeOf(name).module),
    },
    findings: [],
    ...changed,
  };
}

/** A small transformer. */
export function transformerRows(layers: number): TensorRow[] {
  return [
    ['model.embed_tokens.weight', 'F32', [100, 8]],
    ...Array.from({ length: layers }, (_, layer): TensorRow[] => [
      [`model.layers.${String(layer)}.mlp.down_proj.weight`, 'F32', [8, 32]],
      [`model.layers.${String(layer)}.self_attn.q_proj.bias`, 'F32', [8]],
      [`model.layers.${String(layer)}.self_attn.q_proj.weight`, 'F32', [8, 8]],
    ]).flat(),
    ['model.norm.weight', 'F32', [8]],
    ['lm_head.weight', 'F32', [100, 8]],
  ];
}
