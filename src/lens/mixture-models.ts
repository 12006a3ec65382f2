import {
  hasMixtures,
  learnedMixtures,
  type LearnedMixtures,
  type MixtureTable,
  type SkillFactors,
} from '../model/learned-mixtures';
import { ModelFindings } from '../model/model-findings';
import type { Study } from '../model/study';
import type { Finding } from '../protocol/finding';
import { failure, success, type Result } from '../protocol/result';
import { forFactorPairs, innerOf } from '../tensor/factor-products';
import type { LensContext } from './lens';
import { mixedDelta, weightsOf } from './mixture-weights';
import { readSmallTensors, type SmallTensors } from './small-tensors';

/** A table with its weights, rows × (splits · columns). */
export interface ReadTable {
  readonly table: MixtureTable;
  readonly weights: Float64Array;
}

/** Inner products of the changes of one module. */
export interface ModuleGram {
  readonly factors: SkillFactors;
  readonly tasks: number;
  /** Of tasks, then the mean of all skills, then every skill alone in all splits; square, row-major. */
  readonly gram: Float64Array;
}

export interface ReadMixture {
  readonly name: string;
  readonly mixtures: LearnedMixtures;
  readonly tables: readonly ReadTable[];
  readonly modules: readonly ModuleGram[];
  readonly values: SmallTensors['valuesOf'];
}

export interface ReadMixtures {
  readonly models: readonly ReadMixture[];
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
}

const NO_FIELDS: ReadonlyMap<string, unknown> = new Map();

/**
 * Reads the learned mixtures of all tasks of a study. Tables and factors with NaN or infinities are left out, with a finding. Fails
 * with `no-task-vector` where there is none, else as reading does, or with `cancelled`.
 */
export async function readMixtures(study: Study, context: LensContext): Promise<Result<ReadMixtures>> {
  const found = study.tasks
    .map(({ name, checkpoint, adapter }) => ({
      name,
      path: checkpoint.path,
      mixtures: learnedMixtures(checkpoint.tensors, adapter?.description.fields ?? NO_FIELDS),
    }))
    .filter(({ mixtures }) => hasMixtures(mixtures));
  if (found.length === 0) return noMixture(study);
  const entries = found.flatMap(({ mixtures: { tables, skills, fusions, gates } }) => [
    ...tables.flatMap((table) => table.entries),
    ...skills.flatMap(({ a, b }) => [a, b]),
    ...fusions.flatMap(({ query, key, value }) => [query, key, value].filter((each) => each !== null)),
    ...gates.flatMap(({ weight, bias }) => (bias ? [weight, bias] : [weight])),
  ]);
  const read = await readSmallTensors(entries, context, 'Reading mixtures');
  if (!read.ok) return read;
  const { valuesOf, bytesRead } = read.value;
  const findings: Finding[] = [];
  const models = found.map(({ name, path, mixtures }): ReadMixture => {
    const odd = new ModelFindings(path);
    const isFinite = (what: string, values: Float64Array) => {
      if (values.every(Number.isFinite)) return true;
      odd.add('matrix-not-finite', `${name}: ${what} holds NaN or infinities; it is in no figure.`, what);
      return false;
    };
    const tables = mixtures.tables.flatMap((table): ReadTable[] => {
      const values = Float64Array.from(table.entries.flatMap((entry) => [...valuesOf(entry)]));
      if (!isFinite(table.module || table.kind, values)) return [];
      return [{ table, weights: weightsOf(values, table.columns, table.weighing) }];
    });
    const modules = mixtures.skills.flatMap((factors): ModuleGram[] => {
      const [a, b] = [valuesOf(factors.a), valuesOf(factors.b)];
      if (!isFinite(factors.a.name, a) || !isFinite(factors.b.name, b)) return [];
      return [moduleGram(factors, a, b, tables)];
    });
    const values = {
      ...mixtures,
      fusions: mixtures.fusions.filter((layer) =>
        [layer.query, layer.key, layer.value].every(
          (entry) => !entry || isFinite(entry.name, valuesOf(entry)),
        ),
      ),
      gates: mixtures.gates.filter(({ weight }) => isFinite(weight.name, valuesOf(weight))),
    };
    findings.push(...odd.all());
    return { name, mixtures: values, tables, modules, values: valuesOf };
  });
  return success({ models, findings, bytesRead });
}

/** Every task, the mean of the skills (MHR-μ), and every skill by itself, as products of factors. */
function moduleGram(
  factors: SkillFactors,
  a: Float64Array,
  b: Float64Array,
  tables: readonly ReadTable[],
): ModuleGram {
  const { splits, skills } = factors;
  const own = tables.find(
    ({ table }) => table.module === factors.module && table.weighing === 'normalised sigmoid',
  );
  const width = splits * skills;
  const tasks = own ? own.table.rows : 0;
  const mixes = [
    ...Array.from({ length: tasks }, (_, task) => own?.weights.subarray(task * width, (task + 1) * width)),
    new Float64Array(width).fill(1 / skills),
    ...Array.from({ length: skills }, (_, skill) =>
      Float64Array.from({ length: width }, (__, at) => (at % skills === skill ? 1 : 0)),
    ),
  ];
  const deltas = mixes.map((weights) => mixedDelta(factors, a, b, weights ?? new Float64Array(width)));
  const n = deltas.length;
  const gram = new Float64Array(n * n);
  forFactorPairs(deltas, (i, j, products) => {
    const [x, y] = [deltas[i], deltas[j]];
    if (x && y) gram[i * n + j] = gram[j * n + i] = innerOf(x, y, products);
  });
  return { factors, tasks, gram };
}

function noMixture({ spec }: Study): Result<never> {
  return failure({
    code: 'no-task-vector',
    message: `No task of "${spec.name}" mixes by learned weights.`,
    action:
      'Add a Polytropon or MHR adapter, an AdapterFusion, a gate over LoRAs, or a checkpoint with learned weights of losses or layers.',
  });
}
