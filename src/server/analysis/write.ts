import path from 'node:path';
import { bytesOfOutput, checkOutput, writeOutput, type Output } from '../../format/write-output';
import { askFirst } from '../../format/hub/allowance';
import { hubSettings } from '../../format/hub/settings';
import { readSpan } from '../../format/read';
import type { MergeContext, WritePlan } from '../../merge/plan';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { failure, success, type Problem, type Result } from '../../protocol/result';
import type { WriteReport, WriteSpec } from '../../protocol/write';
import type { AnalysisContext } from './context';
import { announceFetching } from './fetching';
import { OpenedInputs } from './opened-inputs';
import { planWrite } from './plan-write';

/** What planning takes of the way, and a check or writing the rest. */
const PLANNING = 0.5;

/**
 * Writes a checkpoint or adapter, or with `dryRun` computes and reports all of it and writes nothing. Fails as opening, planning
 * and writing do; nothing is left behind then.
 */
export async function write(
  { write: spec }: RequestParams<'deltalens/write'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/write'>> {
  const started = performance.now();
  // Before anything is read: an hour later is too late to hear that the name is taken.
  const free = await checkOutput(spec.output, 0);
  if (!free.ok) return free;
  const merging: MergeContext = {
    read: readSpan,
    passes: context.passes,
    signal: context.signal,
    memoryBudget: context.memoryBudget,
    progress: (fraction, message) => context.progress(fraction * PLANNING, message),
  };
  const inputs = new OpenedInputs(context.directories);
  const plan = await planWrite(spec.action, spec.output, merging, { ...context, directories: inputs });
  if (!plan.ok) return plan;
  if (!spec.dryRun) {
    const ask = await beforeFetching(spec, inputs, context);
    if (ask) return failure(ask);
  }
  const done = spec.dryRun
    ? await check(spec, plan.value, inputs)
    : await put(spec, plan.value, inputs, context);
  if (!done.ok) return done;
  return success(reportOf(spec, plan.value, performance.now() - started));
}

/** What is written reads all of its inputs, but of a base only for its names where an adapter is rearranged. */
async function beforeFetching(
  { action }: WriteSpec,
  inputs: OpenedInputs,
  context: AnalysisContext,
): Promise<Problem | null> {
  if (action.kind === 'resize' || action.kind === 'layout') return null;
  const { bytes, models } = await announceFetching(inputs.checkpoints, context);
  return askFirst(bytes, new URL(hubSettings().endpoint).host, models);
}

async function check({ output }: WriteSpec, plan: WritePlan, inputs: OpenedInputs): Promise<Result<unknown>> {
  const room = await checkOutput(output, bytesOfOutput(plan.output));
  if (!room.ok) return room;
  const checked = await plan.check();
  const changed = checked.ok ? await inputs.changed() : null;
  return changed ? failure(changed) : checked;
}

function put(
  { output }: WriteSpec,
  plan: WritePlan,
  inputs: OpenedInputs,
  context: AnalysisContext,
): Promise<Result<unknown>> {
  return writeOutput(output, plan.output, {
    signal: context.signal,
    beforePlacing: (): Promise<Problem | null> => inputs.changed(),
    onBytes: (done, total) => context.progress(PLANNING + (PLANNING * done) / Math.max(1, total), 'Writing'),
  });
}

function reportOf(spec: WriteSpec, plan: WritePlan, elapsedMs: number): WriteReport {
  const files = filesOf(plan.output, spec.output);
  return {
    action: spec.action,
    output: spec.output,
    written: !spec.dryRun,
    opens: plan.opens === '' ? spec.output : path.join(spec.output, plan.opens),
    files,
    bytes: bytesOfOutput(plan.output),
    tensors: plan.tensors,
    ...plan.report(),
    elapsedMs,
  };
}

function filesOf(output: Output, target: string): WriteReport['files'] {
  if (output.kind === 'file') return [{ name: path.basename(target), bytes: output.file.bytes }];
  return output.files.map(({ name, bytes }) => ({ name, bytes }));
}
