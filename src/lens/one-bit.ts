import { isFloating } from '../model/dense-task';
import { placeOf } from '../model/naming';
import type { Study } from '../model/study';
import type { Matrix } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import { success } from '../protocol/result';
import { fromZero } from './domain';
import { singleGroups, streamGroups } from './group-pass';
import type { Lens } from './lens';
import { comparedStudy } from './needs';
import { AXES_CAPTION, networkAxes, networkMatrix, type NetworkAxes } from './network-axes';
import { ONE_BIT_COVERAGE, oneBitNote, oneBitTables } from './one-bit-tables';
import { addOneBit, errorOf, oneBitOf, type OneBitTensor, type OneBitSums } from './one-bit-sums';
import { skippedEntries } from './skipped-entries';
import { tensorGroups } from './tensor-groups';

const description: LensDescription = {
  id: 'one-bit',
  version: 1,
  title: 'Would one bit per weight be enough?',
  summary:
    'Shows for every tensor how much of a task vector is lost when each change is stored as its sign and one common size, and what that saves.',
  formula: 'τ ≈ a·sign(τ), a = ‖τ‖₁/N;  error = ‖τ − a·sign(τ)‖² / ‖τ‖² = 1 − ‖τ‖₁² / (N‖τ‖₂²)',
  reading:
    'The error is 0 where all changes have the same size and near 1 where a few entries hold everything. Normally distributed changes give 1 − 2/π = 0.36, Laplacian ones 0.5; what lies far above that has outliers and should be stored in full. Compare attention with MLPs: chat models keep their knowledge mainly in attention, mathematics and code mainly in MLPs, so the other one may be compressed.',
  source: [
    {
      title: '1bit-Merging: Dynamic Quantized Merging for Large Language Models (Liu et al. 2025)',
      link: 'https://arxiv.org/abs/2502.10743',
    },
    {
      title: 'BitDelta: Your Fine-Tune May Only Be Worth One Bit (Liu et al. 2024)',
      link: 'https://arxiv.org/abs/2402.10193',
    },
  ],
  needs: { data: ['weights'], base: 'required', tasks: { minimum: 1 }, factored: true },
  parameters: [],
};

/** Relative error of sign and mean size of every task's τ, per tensor, layer and module, and the bytes it saves. */
export const oneBit: Lens = {
  description,
  async run(given, _parameters, context) {
    const compared = comparedStudy(given, description);
    if (!compared.ok) return compared;
    const study = compared.value;
    const groups = singleGroups(tensorGroups(study));
    const tensors: OneBitTensor[] = [];
    const skips: { tasks: { skipped: number }[] }[] = [];
    const read = await streamGroups(groups, context, {
      itemOf: ({ base }, [task]) => {
        if (!task) throw new RangeError('a group of one task has one');
        return { kind: 'deltaMoments', base: base.span, task };
      },
      factorsAlone: true,
      take: (moments, { base, members: [member] }) => {
        if (moments.kind !== 'moments' || !member) return;
        const { task, delta } = member;
        tensors.push({ task, base, place: placeOf(base.name), sums: oneBitOf(moments, delta) });
        skips.push({ tasks: [{ skipped: moments.count - moments.finite }] });
      },
    });
    if (!read.ok) return read;
    const byTask = study.tasks.map((_, task) => tensors.filter((each) => each.task === task));
    return success({
      artifacts: [oneBitNote(study, byTask), ...heatmaps(study, byTask), ...oneBitTables(study, byTask)],
      findings: skippedEntries(study, groups, skips),
      bytesRead: read.value,
    });
  },
};

function heatmaps(study: Study, byTask: readonly (readonly OneBitTensor[])[]): Matrix[] {
  const places = study.base?.tensors.filter(isFloating).map(({ name }) => placeOf(name)) ?? [];
  const touched = new Set(byTask.flatMap((tensors) => tensors.map(({ place }) => place.row)));
  const axes = networkAxes(places.filter(({ row }) => touched.has(row)));
  const values = byTask.map((tensors) => errorsInCells(axes, tensors));
  const domain = fromZero(values.flat());
  return study.tasks.map(({ name }, task) =>
    networkMatrix(axes, values[task] ?? [], {
      id: `error:${name}`,
      title: `Error of one bit · ${name}`,
      facets: { metric: 'error', task: name },
      caption: `Relative squared error ‖τ − a·sign(τ)‖² / ‖τ‖² with a of each tensor; a cell joins its tensors. Undefined where nothing changed. ${ONE_BIT_COVERAGE} ${AXES_CAPTION}`,
      unit: '‖τ − a·sign(τ)‖² / ‖τ‖²',
      scale: 'sequential',
      domain,
    }),
  );
}

function errorsInCells(axes: NetworkAxes, tensors: readonly OneBitTensor[]): (number | null)[] {
  const cells = new Array<OneBitSums | null>(axes.rows.length * axes.columns.length).fill(null);
  for (const { place, sums } of tensors) {
    const cell = axes.cellOf(place);
    const before = cells[cell];
    cells[cell] = before ? addOneBit(before, sums) : sums;
  }
  return cells.map((sums) => sums && errorOf(sums));
}
