import { planBake } from '../../merge/bake';
import { planConversion } from '../../merge/convert';
import type { MergeContext, WritePlan } from '../../merge/plan';
import type { BuiltTask } from '../../model/dense-task';
import { openStudy } from '../../model/open-study';
import type { Study } from '../../model/study';
import { nameOf } from '../../model/task-name';
import type { Checkpoint } from '../../format/checkpoint';
import { refuse } from '../../merge/problems';
import { success, type Result } from '../../protocol/result';
import type { BakeAction, ConvertAction, WriteAction } from '../../protocol/write';
import { companionsOf } from './companions';
import type { AnalysisContext } from './context';

/** Opens what an action reads, and plans what it writes. Fails as both do. */
export function planWrite(
  action: WriteAction,
  output: string,
  merging: MergeContext,
  context: AnalysisContext,
): Promise<Result<WritePlan>> {
  switch (action.kind) {
    case 'convert':
      return convert(action, output, context);
    case 'bake':
      return bake(action, output, merging, context);
    default:
      throw new Error(action.kind);
  }
}

async function convert(
  action: ConvertAction,
  output: string,
  { directories }: AnalysisContext,
): Promise<Result<WritePlan>> {
  const opened = await directories.open(action.path);
  if (!opened.ok) return opened;
  return planConversion(opened.value, action, output, await companionsOf(opened.value));
}

async function bake(
  action: BakeAction,
  output: string,
  merging: MergeContext,
  context: AnalysisContext,
): Promise<Result<WritePlan>> {
  const pair = await openPair(action.base, action.adapter, context);
  if (!pair.ok) return pair;
  const { base, built } = pair.value;
  return planBake(base, built, action, output, await companionsOf(base), merging);
}

/** A base, and what another checkpoint or an adapter changes in it. Fails as opening them does. */
async function openPair(
  base: string,
  path: string,
  { directories }: AnalysisContext,
): Promise<Result<{ readonly base: Checkpoint; readonly built: BuiltTask }>> {
  const name = nameOf(path);
  const spec = { name, base, tasks: [{ name, path }] };
  const study: Result<Study> = await openStudy(spec, { open: (each) => directories.open(each) });
  if (!study.ok) return study;
  const [task] = study.value.tasks;
  if (!task || !study.value.base) return refuse('write-nothing', path, `${path} has no change to ${base}.`);
  return success({ base: study.value.base, built: { task, findings: study.value.findings } });
}
