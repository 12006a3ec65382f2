import fs from 'node:fs/promises';
import path from 'node:path';
import type { Checkpoint } from '../../format/checkpoint';
import { asStored } from '../../format/packed/registry';
import { planBake } from '../../merge/bake';
import { planConversion } from '../../merge/convert';
import { planExtraction } from '../../merge/extract';
import { planLayout } from '../../merge/layout';
import type { MergeContext, WritePlan } from '../../merge/plan';
import { refuse } from '../../merge/problems';
import { planResize, type OpenedAdapter } from '../../merge/resize';
import type { BuiltTask } from '../../model/dense-task';
import { openStudy } from '../../model/open-study';
import { nameOf } from '../../model/task-name';
import { failure, success, type Result } from '../../protocol/result';
import type { WriteAction } from '../../protocol/write';
import { companionsOf } from './companions';
import type { AnalysisContext } from './context';
import { openDescribed } from './open-described';

/** Opens what an action reads, and plans what it writes. Fails as both do. */
export async function planWrite(
  action: WriteAction,
  output: string,
  merging: MergeContext,
  context: AnalysisContext,
): Promise<Result<WritePlan>> {
  switch (action.kind) {
    case 'convert': {
      const opened = await context.directories.open(action.path);
      if (!opened.ok) return opened;
      const checkpoint = action.dequantise === true ? opened.value : asStored(opened.value);
      return planConversion(checkpoint, action, output, await companionsOf(checkpoint));
    }
    case 'bake': {
      const pair = await openPair(action.base, action.adapter, context);
      if (!pair.ok) return pair;
      const { base, built } = pair.value;
      return planBake(base, built, action, output, await companionsOf(base), merging);
    }
    case 'extract': {
      const pair = await openPair(action.base, action.path, context);
      if (!pair.ok) return pair;
      const { base, built } = pair.value;
      return planExtraction(base, built, action, output, baseNameFrom(output, action.base), merging);
    }
    case 'resize': {
      const opened = await openForRenaming(action.path, action.base, output, context);
      return opened.ok ? planResize(opened.value, action, output, merging) : opened;
    }
    case 'layout': {
      const opened = await openForRenaming(action.path, action.base, output, context);
      return opened.ok ? planLayout(opened.value, action.layout, output, merging) : opened;
    }
  }
}

/** A base, and what another checkpoint or an adapter changes in it. Fails as opening them does. */
async function openPair(
  base: string,
  changed: string,
  { directories }: AnalysisContext,
): Promise<Result<{ readonly base: Checkpoint; readonly built: BuiltTask }>> {
  const name = nameOf(changed);
  const spec = { name, base, tasks: [{ name, path: changed }] };
  const study = await openStudy(spec, { open: (each) => directories.open(each) });
  if (!study.ok) return study;
  const [task] = study.value.tasks;
  if (!task || !study.value.base)
    return refuse('write-nothing', changed, `${changed} has no change to ${base}.`);
  return success({ base: study.value.base, built: { task, findings: study.value.findings } });
}

/** An adapter with its configuration, and the base where one is named. Fails as opening them does. */
async function openForRenaming(
  file: string,
  basePath: string | null,
  output: string,
  context: AnalysisContext,
): Promise<Result<OpenedAdapter>> {
  const opened = await openDescribed(file, context);
  if (!opened.ok) return opened;
  const { checkpoint, adapter, adapterProblem } = opened.value;
  if (adapterProblem) return failure(adapterProblem);
  if (!adapter) return refuse('write-nothing', file, `${file} is no adapter.`);
  const base = basePath === null ? null : await context.directories.open(basePath);
  if (base && !base.ok) return base;
  // Fields of other libraries' configurations mean nothing to PEFT.
  const fields = adapter.config ? adapter.fields : new Map<string, unknown>();
  const baseName =
    basePath === null
      ? await movedName(adapter.summary.baseName, checkpoint, output)
      : baseNameFrom(output, basePath);
  return success({ checkpoint, adapter, fields, base: base ? base.value : null, baseName });
}

/** The name of a base as seen from the new folder: a relative path that leads somewhere is turned, an id stays. */
async function movedName(
  name: string | null,
  checkpoint: Checkpoint,
  output: string,
): Promise<string | null> {
  if (name === null || path.isAbsolute(name) || name.includes('\0')) return name;
  const led = path.resolve(path.dirname(checkpoint.files[0]?.path ?? checkpoint.path), name);
  const isThere = await fs.stat(led).catch(() => null);
  return isThere ? relativeTo(output, led) : name;
}

/** How a new folder names a base: PEFT wants the folder that the weights lie in. */
function baseNameFrom(output: string, base: string): string {
  return relativeTo(
    output,
    /\.(?:safetensors|json|bin|pt|pth|ckpt|gguf)$/.test(base) ? path.dirname(base) : base,
  );
}

function relativeTo(output: string, target: string): string {
  return path.relative(output, target).split(path.sep).join('/');
}
