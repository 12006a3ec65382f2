import type { TensorEntry } from '../../format/checkpoint';
import { shapeText } from '../shape-text';
import { endings } from './endings';
import type { AdapterFamily, AdapterTarget, Factors, ModuleTensors, PartValues } from './family';
import { formedTarget } from './target';

/**
 * MiSS, which was called Bone (Kang and Yin 2024, https://arxiv.org/abs/2409.15371), as PEFT has it. The inputs are cut into
 * runs of r, which share a matrix D of r × outputs: ΔW[o, j] = D[j mod r, o]. `mini` keeps a few columns of D, which repeat. `bat`
 * has a matrix M of r × r for every r outputs: a block W of r × r becomes W + W·M + M.
 */
export const miss: AdapterFamily = {
  id: 'miss',
  title: 'MiSS',
  source: 'https://arxiv.org/abs/2409.15371',
  endings: endings('PEFT', { miss_block: 'miss_block', bone_block: 'miss_block' }),
  describe(tensors) {
    const block = tensors.parts.get('miss_block');
    if (!block) return null;
    return [block.span.shape.length === 3 ? batTarget(tensors, block) : sharedTarget(tensors, block)];
  },
};

function sharedTarget({ key }: ModuleTensors, block: TensorEntry): AdapterTarget {
  const [rank = 0, outputs = 0] = block.span.shape;
  return {
    kind: 'target', title: 'MiSS', key, module: key.module, parameter: 'weight',
    rank, storedRank: rank, alpha: null, scale: 1, tensors: [block], shape: null, embedding: false,
    recipe: {
      kind: 'sized',
      mismatch: ([rows = 0, ...rest]) =>
        rest.length === 1 && outputs > 0 && rows % outputs === 0
          ? null
          : `its block is for ${String(outputs)} outputs, the base’s weight is ${shapeText([rows, ...rest])}`,
      at: ([rows = 0, columns = 0]) => ({
        kind: 'factored',
        rank,
        parts: new Map([['block', block]]),
        factors: (values) => sharedFactors(values, rank, rows, columns),
      }),
    },
  }; // prettier-ignore
}

/** B is Dᵀ, A is 1 where input j is number k of its run. */
function sharedFactors(values: PartValues, rank: number, rows: number, columns: number): Factors {
  const block = values.get('block');
  const width = block?.shape[1] ?? 1;
  const [b, a] = [new Float64Array(rows * rank), new Float64Array(rank * columns)];
  for (let o = 0; o < rows; o++)
    for (let k = 0; k < rank; k++) b[o * rank + k] = block?.values[k * width + (o % width)] ?? NaN;
  for (let j = 0; j < columns; j++) a[(j % rank) * columns + j] = 1;
  return { rows, columns, rank, b, a };
}

function batTarget(tensors: ModuleTensors, block: TensorEntry): AdapterTarget {
  const [blocks = 0, r = 0] = block.span.shape;
  const target = formedTarget('MiSS', tensors, new Map([['block', block]]), 'weight', (values, base, shape) => {
    const m = values.get('block')?.values ?? base;
    const columns = shape[1] ?? 0;
    return base.map((value, at) => {
      const [row, column] = [Math.floor(at / columns), at % columns];
      const [first, k] = [at - (column % r), column % r];
      const own = Math.floor(row / r) * r * r;
      let sum = value + (m[own + (row % r) * r + k] as number);
      for (let l = 0; l < r; l++) sum += (base[first + l] as number) * (m[own + l * r + k] as number);
      return sum;
    });
  }, (shape) =>
    shape.length === 2 && shape[0] === blocks * r && r > 0 && (shape[1] ?? 0) % r === 0
      ? null
      : `its ${String(blocks)} blocks of ${String(r)} do not fit the base’s weight, which is ${shapeText(shape)}`); // prettier-ignore
  return { ...target, rank: r, storedRank: r };
}
