import type { TensorEntry } from '../../format/checkpoint';
import { shapeText } from '../shape-text';
import { endings } from './endings';
import type { AdapterFamily, AdapterRules, AdapterTarget, ModuleTensors } from './family';
import { formedTarget } from './target';

/**
 * (IA)³ (Liu et al. 2022, https://arxiv.org/abs/2205.05638, sec. 3.3): the output of a layer, or the input of a feed-forward
 * one, is multiplied by a vector l: θ = diag(l)·θ₀ or θ₀·diag(l). PEFT stores l (1 × in for inputs, out × 1 for outputs, which
 * scales the bias, too), LyCORIS l − 1 and whether it is for inputs, T-Few both as `multi_lora_b` and `multi_lora_a`.
 */
export const ia3: AdapterFamily = {
  id: 'ia3',
  title: 'IA³',
  source: 'https://arxiv.org/abs/2205.05638',
  endings: [
    ...endings('PEFT', { ia3_l: 'l' }),
    ...endings('LyCORIS', { on_input: 'on_input' }),
    { text: 'weight', part: 'l-1', layout: 'LyCORIS', flattened: true },
    ...endings('T-Few', { multi_lora_a: 'input', multi_lora_b: 'output' }),
  ],
  describe(tensors, rules) {
    const { parts } = tensors;
    const peft = parts.get('l');
    if (peft) return peftTargets(tensors, peft);
    const [lycoris, onInput] = [parts.get('l-1'), parts.get('on_input')];
    if (lycoris && onInput) return [lycorisTarget(tensors, lycoris, onInput, rules)];
    const [input, output] = [parts.get('input'), parts.get('output')];
    if (!input && !output) return null;
    return [scaled(tensors, [...side(input, 'inputs'), ...side(output, 'outputs')], 0)];
  },
};

interface Side {
  readonly entry: TensorEntry;
  readonly of: 'inputs' | 'outputs';
}

function side(entry: TensorEntry | undefined, of: Side['of']): readonly Side[] {
  return entry ? [{ entry, of }] : [];
}

function peftTargets(tensors: ModuleTensors, l: TensorEntry): readonly AdapterTarget[] {
  // 1 × in (× 1 × 1) for inputs; out × 1 (× 1 × 1) for outputs. A layer of one output and one input is taken as the latter.
  const onInputs = l.span.shape[0] === 1 && l.span.count > 1;
  const weight = scaled(tensors, [{ entry: l, of: onInputs ? 'inputs' : 'outputs' }], 0);
  if (onInputs) return [weight];
  const bias = formedTarget('IA³', tensors, new Map([['l', l]]), 'bias', (values, base) => {
    const factors = values.get('l')?.values ?? base;
    return base.map((value, at) => value * (factors[at] as number));
  });
  return [weight, { ...bias, optional: true }];
}

function lycorisTarget(
  tensors: ModuleTensors,
  l: TensorEntry,
  onInput: TensorEntry,
  rules: AdapterRules,
): AdapterTarget {
  const of = (rules.scalar(onInput) ?? 0) !== 0 ? 'inputs' : 'outputs';
  return scaled(tensors, [{ entry: l, of }], 1);
}

/** θ = θ₀ with every row and column multiplied by `add` + its factor. */
function scaled(tensors: ModuleTensors, sides: readonly Side[], add: number): AdapterTarget {
  const parts = new Map(sides.map(({ entry, of }) => [of as string, entry]));
  return formedTarget(
    'IA³',
    tensors,
    parts,
    'weight',
    (values, base, shape) => {
      const [rows = 1, inputs = 1] = shape;
      const width = base.length / rows;
      const depth = width / inputs;
      const [byRow, byColumn] = [values.get('outputs')?.values, values.get('inputs')?.values];
      return base.map((value, at) => {
        const row = byRow ? add + (byRow[Math.floor(at / width)] as number) : 1;
        const column = byColumn ? add + (byColumn[Math.floor((at % width) / depth)] as number) : 1;
        return value * row * column;
      });
    },
    (shape) => {
      for (const { entry, of } of sides) {
        if (shape.length >= 2 && entry.span.count === shape[of === 'outputs' ? 0 : 1]) continue;
        return `${entry.name} is ${shapeText(entry.span.shape)} for ${of}, the base’s weight is ${shapeText(shape)}`;
      }
      return null;
    },
  );
}
