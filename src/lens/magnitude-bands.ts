import type { Study } from '../model/study';
import type { LensDescription } from '../protocol/lens';
import { failure, success, type Result } from '../protocol/result';
import { bandHeatmaps, magnitudeHistograms } from './band-figures';
import { readBands, type BandCuts } from './band-pass';
import { bandNote, bandTable, bandTaskTable } from './band-tables';
import type { Lens } from './lens';
import { comparedStudy } from './needs';
import { skippedEntries } from './skipped-entries';
import { singleGroups } from './group-pass';
import { tensorGroups } from './tensor-groups';

const KEEP = 0.85;
const DROP = 0.05;

const description: LensDescription = {
  id: 'magnitude-bands',
  version: 1,
  title: 'What do the middle-sized changes hold?',
  summary:
    'Sorts the changes of every task by size and shows what is left when the largest are cut off as outliers and the smallest as noise.',
  formula:
    'of n entries by falling |τ|: leave out the first ⌊drop·n⌋, keep the next ⌊keep·n⌋;  density = kept/n;  energy = Σ_kept τ² / Σ τ²',
  reading:
    'Drag the two cuts of the histogram: while you drag, density and energy are read off its bins, over all tensors at once; when you let go they are computed exactly, with the cuts set in each tensor (or row). Much energy in few dropped entries means that training changed a few weights strongly; they often interfere when tasks are added. Energy far above density in the band means that the small changes left out hold little. Cutting in each row takes outliers from every output alike, cutting in each tensor takes them where they are: the released code of the paper cuts in rows, its text in layers.',
  source: [
    {
      title:
        'Model Breadcrumbs: Scaling Multi-Task Model Merging with Sparse Masks (Davari and Belilovsky 2024)',
      link: 'https://arxiv.org/abs/2312.06795',
    },
  ],
  needs: { data: ['weights'], base: 'required', tasks: { minimum: 1 }, factored: true },
  parameters: [
    {
      name: 'keep',
      title: 'Share kept',
      help: 'Share of all entries that stays, counted from where the dropped ones end.',
      type: 'number',
      default: KEEP,
      minimum: 0,
      maximum: 1,
    },
    {
      name: 'drop',
      title: 'Share of the largest dropped',
      help: 'Share of all entries that is left out at the top as outliers.',
      type: 'number',
      default: DROP,
      minimum: 0,
      maximum: 1,
    },
    {
      name: 'by',
      title: 'Cut in each',
      help: 'tensor: the cuts are set over a whole tensor. row: in every row (along the last dimension), as in the released code; tensors of one dimension are cut whole.',
      type: 'choice',
      default: 'tensor',
      choices: [
        { value: 'tensor', title: 'tensor' },
        { value: 'row', title: 'row' },
      ],
    },
  ],
};

/** Density and energy of the band between two cuts on |τ|, per tensor and task, and the histogram to set the cuts in. */
export const magnitudeBands: Lens = {
  description,
  async run(given, parameters, context) {
    const compared = comparedStudy(given, description);
    if (!compared.ok) return compared;
    const study = compared.value;
    const cuts = cutsOf(study, parameters['keep'], parameters['drop'], parameters['by']);
    if (!cuts.ok) return cuts;
    const groups = singleGroups(tensorGroups(study));
    const read = await readBands(study, groups, cuts.value, context);
    if (!read.ok) return read;
    const { byTask, sketches, bytesRead } = read.value;
    const skips = read.value.skipped.map((skipped) => ({ tasks: [{ skipped }] }));
    return success({
      artifacts: [
        bandNote(study, byTask, cuts.value),
        ...magnitudeHistograms(study, sketches, cuts.value),
        ...bandHeatmaps(study, byTask, cuts.value),
        bandTaskTable(study, byTask, cuts.value),
        bandTable(study, byTask, cuts.value),
      ],
      findings: skippedEntries(study, groups, skips),
      bytesRead,
    });
  },
};

function cutsOf(study: Study, keep: unknown, drop: unknown, by: unknown): Result<BandCuts> {
  const cuts: BandCuts = { keep: Number(keep ?? KEEP), drop: Number(drop ?? DROP), byRow: by === 'row' };
  if (cuts.keep + cuts.drop <= 1 + 1e-9) return success(cuts);
  return failure({
    code: 'bad-parameter',
    message: `Keeping ${String(cuts.keep)} and dropping ${String(cuts.drop)} of the entries is more than "${study.spec.name}" has: together they must be at most 1.`,
    action: 'Make "keep" or "drop" smaller.',
    at: 'keep',
  });
}
