import { shapeText } from '../shape-text';
import { endings } from './endings';
import type { AdapterFamily } from './family';
import { formedTarget } from './target';

/**
 * C³A (Chen et al. 2024, https://arxiv.org/abs/2407.19342, sec. 3.3) as PEFT has it: ΔW consists of circulant blocks of b × b, each made of a
 * vector w of the kernel [outputs / b, inputs / b, b]: entry (k, j) of a block is w[(j − k) mod b] / inputs.
 */
export const c3a: AdapterFamily = {
  id: 'c3a',
  title: 'C³A',
  source: 'https://arxiv.org/abs/2407.19342',
  endings: endings('PEFT', { c3a_kernel: 'c3a_kernel' }),
  describe(tensors) {
    const kernel = tensors.parts.get('c3a_kernel');
    if (!kernel) return null;
    const [down = 0, across = 0, size = 0] = kernel.span.shape;
    const target = formedTarget('C³A', tensors, new Map([['kernel', kernel]]), 'weight', (values, base) => {
      const w = values.get('kernel')?.values ?? base;
      const columns = across * size;
      return base.map((value, at) => {
        const [row, column] = [Math.floor(at / columns), at % columns];
        const block = Math.floor(row / size) * across + Math.floor(column / size);
        const place = ((column % size) - (row % size) + size) % size;
        return value + (w[block * size + place] as number) / columns;
      });
    }, (shape) =>
      shape.length === 2 && shape[0] === down * size && shape[1] === across * size
        ? null
        : `its kernel is for ${String(down * size)}x${String(across * size)}, the base’s weight is ${shapeText(shape)}`); // prettier-ignore
    return [target];
  },
};
