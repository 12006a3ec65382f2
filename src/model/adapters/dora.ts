import type { TensorEntry } from '../../format/checkpoint';
import { success } from '../../protocol/result';
import { asFormed } from '../load-delta';
import { shapeText } from '../shape-text';
import { endings } from './endings';
import type { AdapterFamily, AdapterTarget, FormedRecipe } from './family';
import { loha } from './loha';
import { lokr } from './lokr';
import { lora } from './lora';
import { refusal } from './target';

/** Whose ΔW may have a magnitude beside it. */
const DIRECTIONS: readonly AdapterFamily[] = [lora, loha, lokr];

/**
 * DoRA (Liu et al. 2024, https://arxiv.org/abs/2402.09353, eq. 5): θ = m · (θ₀ + ΔW) / ‖θ₀ + ΔW‖ along one axis. PEFT and
 * mlx-lm have a magnitude for every output (row). LyCORIS says the axis by the shape of `dora_scale`: out × 1 × … for
 * outputs, 1 × in × … for inputs.
 */
export const dora: AdapterFamily = {
  id: 'dora',
  title: 'DoRA',
  source: 'https://arxiv.org/abs/2402.09353',
  endings: [
    ...endings('PEFT', { lora_magnitude_vector: 'magnitude', 'lora_magnitude_vector.weight': 'magnitude' }),
    ...endings('LyCORIS', { dora_scale: 'dora_scale' }),
    ...endings('MLX', { m: 'magnitude' }),
  ],
  describe(tensors, rules) {
    const magnitude = tensors.parts.get('magnitude') ?? tensors.parts.get('dora_scale');
    if (!magnitude) return null;
    for (const family of DIRECTIONS) {
      const described = family.describe(tensors, rules);
      if (!described) continue;
      return described.map((each) =>
        each.kind === 'target' && each.parameter === 'weight' ? withMagnitude(each, magnitude) : each,
      );
    }
    return [refusal('DoRA', tensors, 'has a magnitude but no factors', 'lora-factor-missing')];
  },
};

/** A target whose θ₀ + ΔW is brought to these magnitudes. */
function withMagnitude(target: AdapterTarget, magnitude: TensorEntry): AdapterTarget {
  if (target.recipe.kind === 'sized') return target;
  const inner = asFormed(target.recipe, target.scale);
  const byInput = isByInput(magnitude);
  const recipe: FormedRecipe = {
    kind: 'formed',
    parts: new Map([...inner.parts, [MAGNITUDE, magnitude]]),
    mismatch: (shape) => {
      const wanted = shape[byInput ? 1 : 0];
      if (wanted === magnitude.span.count) return inner.mismatch(shape);
      return `${magnitude.name} is ${shapeText(magnitude.span.shape)}, the base’s weight is ${shapeText(shape)}`;
    },
    form: (values, base, shape) => {
      const sum = inner.form(values, base, shape);
      if (!sum.ok) return sum;
      const own = values.get(MAGNITUDE)?.values ?? new Float64Array(0);
      return success(rescaled(sum.value, own, shape, byInput));
    },
  };
  const title = target.title === 'LoRA' ? 'DoRA' : `${target.title} with DoRA`;
  return { ...target, title, tensors: [...target.tensors, magnitude], recipe };
}

const MAGNITUDE = 'magnitude';

function isByInput({ name, span }: TensorEntry): boolean {
  const [first, second = 1] = span.shape;
  return name.endsWith('dora_scale') && first === 1 && second > 1;
}

/** Every slice along the axis divided by its norm and multiplied by its magnitude. Changes `weight` and returns it. */
function rescaled(
  weight: Float64Array,
  magnitude: Float64Array,
  shape: readonly number[],
  byInput: boolean,
): Float64Array {
  const [rows = 1, inputs = 1] = shape;
  const width = weight.length / rows;
  const depth = width / inputs;
  const sliceOf = byInput
    ? (at: number) => Math.floor((at % width) / depth)
    : (at: number) => Math.floor(at / width);
  const squares = new Float64Array(magnitude.length);
  for (const [at, value] of weight.entries()) {
    const slice = sliceOf(at);
    squares[slice] = (squares[slice] as number) + value * value;
  }
  for (const [at, value] of weight.entries()) {
    const slice = sliceOf(at);
    weight[at] = (value * (magnitude[slice] as number)) / Math.sqrt(squares[slice] as number);
  }
  return weight;
}
