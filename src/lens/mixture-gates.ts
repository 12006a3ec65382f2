import type { Table, TableCell } from '../protocol/artifact';
import { multiply, multiplyTransposed } from '../tensor/linear/multiply';
import { transposed, type Dense } from '../tensor/linear/dense';
import { singularValues } from '../tensor/linear/svd';
import type { ReadMixture } from './mixture-models';
import { effectiveNumber, weightsOf } from './mixture-weights';
import { unitRows } from './nearest-rows';
import { spectralFigures } from './spectral-figures';

/** ‖V − 1‖ and the rank of QᵀK of every attention over adapters; nothing where there is none. */
export function fusionTable(models: readonly ReadMixture[]): Table[] {
  const rows = models.flatMap(({ name, mixtures, values }) =>
    mixtures.fusions.map(({ module, query, key, value }): TableCell[] => {
      const dense = (entry: typeof query): Dense | null =>
        entry && { rows: entry.span.shape[0] ?? 0, columns: entry.span.shape[1] ?? 0, values: values(entry) };
      const [q, k, v] = [dense(query), dense(key), dense(value)];
      const scores = q && k && q.rows === k.rows ? multiply(transposed(q), k) : null;
      const rank = scores && spectralFigures(singularValues(scores).values);
      return [name, module, v && fromIdentity(v), rank?.effective_rank ?? null, rank?.norm ?? null];
    }),
  );
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      id: 'fusions',
      title: 'Attention over adapters',
      caption:
        'Values start near the identity, so ‖V − 1‖ is how far they moved. How much attention an adapter gets depends on the input and needs a run.',
      columns: [
        { name: 'task', title: 'Task', type: 'text' },
        { name: 'module', title: 'Layer', type: 'text' },
        { name: 'value_moved', title: '‖V − 1‖', type: 'number' },
        { name: 'effective_rank', title: 'Effective rank of QᵀK', type: 'number' },
        { name: 'norm', title: '‖QᵀK‖', type: 'number' },
      ],
      rows,
    },
  ];
}

/** ‖V − 1‖ in the Frobenius norm; `null` where V is not square. */
function fromIdentity({ rows, columns, values }: Dense): number | null {
  if (rows !== columns) return null;
  return Math.sqrt(
    values.reduce((sum, value, at) => sum + (value - (at % (rows + 1) === 0 ? 1 : 0)) ** 2, 0),
  );
}

/** What the rows of gates that look at the input say by themselves; nothing where there are none. */
export function gateTable({ name, mixtures, values }: ReadMixture): Table[] {
  if (mixtures.gates.length === 0) return [];
  return [
    {
      kind: 'table',
      id: `gates:${name}`,
      title: `Gates that look at the input · ${name}`,
      caption:
        'Their weights depend on the input, so only rows are compared: experts with like rows answer to the same inputs. At rest: the effective number of experts for an input of zeros, from the bias alone.',
      columns: [
        { name: 'kind', title: 'Kind', type: 'text' },
        { name: 'module', title: 'Module', type: 'text' },
        { name: 'outputs', title: 'Outputs', type: 'integer' },
        { name: 'mean_cosine', title: 'Mean cosine of rows', type: 'number' },
        { name: 'most_cosine', title: 'Largest', type: 'number' },
        { name: 'at_rest', title: 'At rest', type: 'number' },
      ],
      rows: mixtures.gates.map(({ kind, module, weight, bias }): TableCell[] => {
        const [rows = 0, columns = 0] = weight.span.shape;
        const units = unitRows({ rows, columns, values: values(weight) });
        const cosines = multiplyTransposed(units, units).values.filter(
          (_, at) => at % rows > Math.floor(at / rows),
        );
        const mean =
          cosines.length > 0 ? cosines.reduce((sum, value) => sum + value, 0) / cosines.length : null;
        const rest = bias && effectiveNumber(weightsOf(values(bias), bias.span.count, 'softmax'));
        return [
          kind,
          module,
          rows,
          mean,
          cosines.length > 0 ? cosines.reduce((a, b) => Math.max(a, b)) : null,
          rest,
        ];
      }),
    },
  ];
}
