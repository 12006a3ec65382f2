import { basename } from 'node:path';
import { isFindingCode, CODES } from './codes';
import { dtypeByName } from '../tensor/dtype';
import type { Moments, PassItem } from '../tensor/pass';
import type { Checkpoint, TensorEntry } from '../format/checkpoint';
import { isCheckpointName, isWeightsName } from '../protocol/checkpoint-names';
import { positionOf } from '../model/tensor-position';
import type { Problem } from '../protocol/result';
import { FindingList } from './finding-list';
import type { LintContext, LintRule } from './rule';
import { clipped, counted } from './wording';

/** Of the first positions that a pass reports, so many are named. */
const POSITIONS = 3;

/** By their names files may be anybody's; only what torch wrote, and what would run code, is of interest. */
const OF_OTHERS: ReadonlySet<string> = new Set([
  'format-unsupported',
  'not-a-checkpoint',
  'pickle-unknown-object',
]);

/** A binary checkpoint: whether it opens, what is odd about it, and NaN or ±Inf among its values. */
export const checkpointFileRule: LintRule = {
  id: 'checkpoint-file',
  appliesTo: (path) => isWeightsName(basename(path)),
  async check(path, _text, context) {
    const findings = new FindingList(path);
    const opened = await context.open(path);
    if (!opened.ok) {
      if (!path.endsWith('.safetensors') && OF_OTHERS.has(opened.problem.code)) return findings.all();
      addProblem(opened.problem, findings);
      return findings.all();
    }
    for (const finding of opened.value.findings) findings.addFinished({ ...finding, path });
    // Arrays under other names are data, which may have what weights may not.
    if (isCheckpointName(basename(path))) await checkValues(opened.value, context, findings);
    return findings.all();
  },
};

function addProblem(problem: Problem, findings: FindingList): void {
  findings.addFinished({
    code: problem.code,
    severity: isFindingCode(problem.code) ? CODES[problem.code].severity : 'error',
    path: findings.path,
    ...(problem.at === undefined ? {} : { at: problem.at }),
    message: problem.message,
    help: problem.action,
  });
}

async function checkValues(
  checkpoint: Checkpoint,
  context: LintContext,
  findings: FindingList,
): Promise<void> {
  const tensors = checkpoint.tensors.filter(({ span }) => hasSpecialValues(span.dtype) && span.count > 0);
  const bytes = tensors.reduce((sum, { span }) => sum + span.bytes, 0);
  if (tensors.length === 0 || bytes > context.scanLimit || context.signal.aborted) return;
  const items = tensors.map(({ span }): PassItem => ({ kind: 'moments', span }));
  const outcomes = await context.passes.run(items, { signal: context.signal });
  if (!outcomes.ok) return; // Cancelled, or the file changed meanwhile: it is checked again then.
  outcomes.value.forEach((outcome, index) => {
    const tensor = tensors[index];
    if (tensor && outcome.kind === 'moments' && outcome.nan + outcome.inf > 0) {
      addNonFinite(tensor, outcome, findings);
    }
  });
}

/** Integers have neither NaN nor infinities; of complex numbers no pass takes statistics. */
function hasSpecialValues(dtype: TensorEntry['span']['dtype']): boolean {
  return dtypeByName(dtype)?.kind === 'float';
}

function addNonFinite(tensor: TensorEntry, moments: Moments, findings: FindingList): void {
  const kinds = [
    ...(moments.nan > 0 ? [`${moments.nan.toLocaleString('en-US')} NaN`] : []),
    ...(moments.inf > 0 ? [`${moments.inf.toLocaleString('en-US')} ±Inf`] : []),
  ].join(' and ');
  const first = moments.nonFinite
    .slice(0, POSITIONS)
    .map(({ index, value }) => `${value} at [${positionOf(index, tensor.span.shape).join(', ')}]`)
    .join(', ');
  const code = moments.nan > 0 ? 'tensor-nan' : 'tensor-infinite';
  findings.add(code, {
    at: tensor.name,
    message:
      `Tensor "${clipped(tensor.name)}" holds ${kinds} among ${counted(tensor.span.count, 'value')}` +
      (first === '' ? '.' : `: ${first}${moments.nan + moments.inf > POSITIONS ? ' ...' : '.'}`),
    help: CODES[code].action,
  });
}
