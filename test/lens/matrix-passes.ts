// A pass runner that hands matrices to the real kernel, in this thread, and everything else to the slow one: for lenses over
// matrices too large for slow rotations.
import { OpenFiles } from '../../src/tensor/open-files';
import { reduceMatrix } from '../../src/tensor/kernels/matrix';
import { success } from '../../src/protocol/result';
import type { PassItem, PassOutcome, PassRunner } from '../../src/tensor/pass';
import { slowPasses } from './slow-passes';

/** Runs matrix items with the kernel of the workers, one after the other. */
export function matrixPasses(): PassRunner {
  const slow = slowPasses();
  return {
    run: async (items, options) => {
      const files = new OpenFiles();
      const outcomes: PassOutcome[] = [];
      for (const item of items) {
        const outcome = await work(item);
        if ('code' in outcome) return { ok: false, problem: outcome };
        outcomes.push(outcome);
      }
      files.close();
      return success(outcomes);

      async function work(item: PassItem) {
        if (item.kind === 'matrix') return reduceMatrix(item, files);
        const run = await slow.run([item], options);
        if (!run.ok) return run.problem;
        return run.value[0] as PassOutcome;
      }
    },
  };
}
