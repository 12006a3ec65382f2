import type { Checkpoint } from '../format/checkpoint';
import { expertLayers, type Expert, type ExpertLayer } from '../model/experts';
import { modelFinding, refuse } from '../model/finding-codes';
import type { Study } from '../model/study';
import type { Finding } from '../protocol/finding';
import { success, type Result } from '../protocol/result';
import { freeBaseName } from './base-name';
import { wholeText } from './wording';

/** Base or task with its mixtures of experts. */
export interface ExpertModel {
  readonly name: string;
  readonly isBase: boolean;
  readonly checkpoint: Checkpoint;
  /** In network order; every layer has two or more experts with the same parts. */
  readonly layers: readonly ExpertLayer[];
}

/** The models of a study that have experts, the base first. */
export interface ExpertModels {
  readonly models: readonly ExpertModel[];
  readonly findings: readonly Finding[];
}

/** Base and dense tasks with their experts. Adapters and what has no experts are left out. Fails with `experts-missing`. */
export function expertModels({ base, tasks, spec }: Study): Result<ExpertModels> {
  const findings: Finding[] = [];
  const models: ExpertModel[] = [];
  const add = (name: string, checkpoint: Checkpoint, isBase: boolean) => {
    const layers = expertLayers(checkpoint.tensors).flatMap((layer) => {
      const comparable = comparableExperts(layer);
      if (comparable.length < layer.experts.length) {
        const left = layer.experts.length - comparable.length;
        const message = `${name}: ${layer.label}: ${wholeText(left)} of ${wholeText(layer.experts.length)} experts have other tensors than the rest.`;
        findings.push(modelFinding('experts-left-out', checkpoint.path, message, layer.container));
      }
      return comparable.length > 1 ? [{ ...layer, experts: comparable }] : [];
    });
    if (layers.length > 0) models.push({ name, isBase, checkpoint, layers });
  };
  if (base) add(freeBaseName(tasks.map(({ name }) => name)), base, true);
  for (const { name, checkpoint, kind } of tasks) {
    if (kind === 'dense') add(name, checkpoint, false);
    else {
      const message = `${name} is an adapter; only whole checkpoints have experts to compare.`;
      findings.push(modelFinding('experts-left-out', checkpoint.path, message));
    }
  }
  if (models.length > 0) return success({ models, findings });
  const path = base?.path ?? tasks[0]?.checkpoint.path ?? '';
  return refuse(
    'experts-missing',
    path,
    `Neither base nor task of "${spec.name}" has experts in its layers.`,
  );
}

/** The experts that have the parts and shapes which most of them have. */
function comparableExperts({ experts }: ExpertLayer): Expert[] {
  const groups = new Map<string, Expert[]>();
  for (const expert of experts) {
    const key = expert.weights.map(({ part, span }) => `${part} ${span.shape.join('x')}`).join();
    if (key !== '') groups.set(key, [...(groups.get(key) ?? []), expert]);
  }
  return [...groups.values()].reduce<Expert[]>(
    (most, group) => (group.length > most.length ? group : most),
    [],
  );
}

/** Hidden units of an expert: rows of its gate, columns of its down-projection. */
export function innerSize({ weights }: Expert): number {
  const [first] = weights;
  if (!first) return 0;
  const [rows = 0, columns = 0] = first.span.shape;
  const outputs = first.stored === 'out-in' ? rows : columns;
  const inputs = first.stored === 'out-in' ? columns : rows;
  if (first.part === 'down') return inputs;
  return first.part === 'gate-up' ? outputs / 2 : outputs;
}

/** Bytes of an expert in memory as float64. */
export function expertBytes({ weights }: Expert): number {
  return weights.reduce((sum, { span }) => sum + span.count * 8, 0);
}
