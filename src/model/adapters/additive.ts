import type { TensorEntry } from '../../format/checkpoint';
import { endings } from './endings';
import type { AdapterFamily, AdapterTarget, ModuleTensors } from './family';
import { formedTarget } from './target';

/**
 * Changes that are stored as they are, `θ = θ₀ + Δ`: `diff` and `diff_b` of LyCORIS, kohya's extractions and ComfyUI, `w_norm` and
 * `b_norm` of LyCORIS for norms (https://github.com/KohakuBlueleaf/LyCORIS).
 */
export const additive: AdapterFamily = {
  id: 'additive',
  title: 'full difference',
  source: 'https://github.com/KohakuBlueleaf/LyCORIS',
  endings: endings('LyCORIS', { diff: 'diff', diff_b: 'diff_b', w_norm: 'w_norm', b_norm: 'b_norm' }),
  describe(tensors) {
    const { parts } = tensors;
    const targets = [
      ...added(tensors, parts.get('diff'), 'weight', 'full difference'),
      ...added(tensors, parts.get('diff_b'), 'bias', 'full difference'),
      ...added(tensors, parts.get('w_norm'), 'weight', 'norm'),
      ...added(tensors, parts.get('b_norm'), 'bias', 'norm'),
    ];
    return targets.length > 0 ? targets : null;
  },
};

/** Only the stored tensor itself, whatever else the module has. */
export function added(
  tensors: ModuleTensors,
  entry: TensorEntry | undefined,
  parameter: 'weight' | 'bias',
  title: string,
): readonly AdapterTarget[] {
  if (!entry) return [];
  return [
    formedTarget(title, tensors, new Map([['Δ', entry]]), parameter, (values, base) => {
      const change = values.get('Δ')?.values ?? base;
      return base.map((value, at) => value + (change[at] as number));
    }),
  ];
}
