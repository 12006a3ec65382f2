import type { Lens, LensOutput } from '../../lens/lens';
import { LENSES, lensById } from '../../lens/registry';
import { openStudy } from '../../model/open-study';
import type { Study } from '../../model/study';
import type { LensResult } from '../../protocol/artifact';
import type { Finding } from '../../protocol/finding';
import { checkParameters, type ParameterValues } from '../../protocol/lens';
import type { RequestParams, RequestResult } from '../../protocol/requests';
import { cancelled, failure, success, type Problem, type Result } from '../../protocol/result';
import { adapterFindings, withoutRepeats } from './adapter-findings';
import type { AnalysisContext } from './context';
import { announceFetching, inputsOf } from './fetching';
import { networkInputs } from './network-inputs';
import { OpenedInputs } from './opened-inputs';

/**
 * Runs a lens over a study, or recalls its result where nothing it depends on has changed. Fails with `unknown-lens`,
 * `unknown-parameter`, `bad-parameter`, `cancelled`, `file-changed`, or as opening the study and the lens itself do.
 */
export async function runLens(
  { run }: RequestParams<'deltalens/runLens'>,
  context: AnalysisContext,
): Promise<RequestResult<'deltalens/runLens'>> {
  const started = performance.now();
  const lens = lensById(run.lens);
  if (!lens) return failure(unknownLens(run.lens));
  const parameters = checkParameters(lens.description.parameters, run.parameters);
  if (!parameters.ok) return parameters;
  context.progress(0, 'Reading headers');
  const inputs = new OpenedInputs(context.directories);
  const study = await openStudy(run.study, { open: (path) => inputs.open(path) });
  if (!study.ok) return study;
  if (context.signal.aborted) return cancelled();

  const hashes = await contentHashes(study.value, context);
  if (!hashes.ok) return hashes;
  const others = runsNetwork(lens) ? await networkInputs(study.value) : [];
  const key = keyOf(lens, parameters.value, study.value, hashes.value, others);
  const known = await context.results.get(key);
  if (known) return withAdapterFindings(known, study.value, context);
  await announceFetching(inputsOf(study.value), context);
  const made = (output: LensOutput): LensResult =>
    resultOf(lens, parameters.value, study.value, output, others, performance.now() - started);
  const output = await lens.run(study.value, parameters.value, {
    ...context,
    partial: (basis, make) => context.partial?.(() => ({ ...made(make()), partial: basis })),
  });
  if (!output.ok) return output;
  const changed = await inputs.changed();
  if (changed) return failure(changed);
  const result = made(output.value);
  await context.results.set(key, result);
  const told = await withAdapterFindings(result, study.value, context);
  context.progress(1, 'Done');
  return told;
}

/**
 * The card of an adapter with what the rules find in its files. They look at neighbours, too, so that what they find is not
 * remembered with the result. Fails with `cancelled`.
 */
async function withAdapterFindings(
  result: LensResult,
  study: Study,
  context: AnalysisContext,
): Promise<Result<LensResult>> {
  if (result.lens !== 'adapter-card') return success(result);
  const found = await adapterFindings(study, context);
  if (context.signal.aborted) return cancelled();
  return success({ ...result, findings: withoutRepeats(found, result.findings) });
}

function unknownLens(id: string): Problem {
  const ids = LENSES.map((lens) => lens.description.id).join(', ');
  return {
    code: 'unknown-lens',
    message: `There is no lens "${id}".`,
    action: `Use one of: ${ids}.`,
    at: id,
  };
}

/** Whether a lens needs more than weights. */
function runsNetwork({ description }: Lens): boolean {
  return description.needs.data.some((data) => data !== 'weights');
}

/** Hashes of all bytes of base and tasks, where the user wants inputs told apart by them. */
async function contentHashes(
  { base, tasks }: Study,
  context: AnalysisContext,
): Promise<Result<readonly string[]>> {
  const { contents, signal } = context;
  if (!contents) return success([]);
  context.progress(0, 'Hashing files');
  const hashes: string[] = [];
  for (const checkpoint of [...(base ? [base] : []), ...tasks.map((task) => task.checkpoint)]) {
    const hash = await contents.of(checkpoint, signal);
    if (!hash.ok) return hash;
    hashes.push(hash.value);
  }
  return success(hashes);
}

/** All that a result depends on. */
function keyOf(
  { description }: Lens,
  parameters: ParameterValues,
  study: Study,
  hashes: readonly string[],
  others: LensResult['inputs'],
): string {
  const sorted = Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1));
  const tasks = study.tasks.map((task) => [
    task.name,
    ...settingOf(task.checkpoint.path, task.checkpoint.fingerprint),
    task.training ?? null,
  ]);
  const scales = study.tasks.map((task) =>
    [...task.deltas.values()].map((delta) => {
      if (delta.kind === 'lowRank')
        return [delta.scale, delta.rank, delta.alpha, delta.stored?.transposed ?? null];
      return delta.kind === 'formed' ? delta.setting : 0;
    }),
  );
  // Seeds, token numbers and the like decide how changes are formed, and stand in no delta.
  const fields = study.tasks.map((task) => [...(task.adapter?.description.fields ?? [])]);
  const base = study.base && settingOf(study.base.path, study.base.fingerprint);
  // The findings of the study are part of the result; a configuration can change them and nothing else.
  const { spec, findings } = study;
  return JSON.stringify([
    description.id,
    description.version,
    sorted,
    spec.name,
    base,
    tasks,
    scales,
    fields,
    findings,
    hashes,
    others,
  ]);
}

function settingOf(path: string, fingerprint: string): readonly string[] {
  return [path, fingerprint];
}

function resultOf(
  { description }: Lens,
  parameters: ParameterValues,
  { spec, base, tasks, findings }: Study,
  output: LensOutput,
  others: LensResult['inputs'],
  elapsedMs: number,
): LensResult {
  const inputs = tasks.map(({ name, checkpoint: { path, fingerprint } }) => ({ name, path, fingerprint }));
  return {
    lens: description.id,
    version: description.version,
    study: spec.name,
    parameters,
    inputs: [
      ...(base ? [{ name: 'base', path: base.path, fingerprint: base.fingerprint }] : []),
      ...inputs,
      ...others,
    ],
    artifacts: output.artifacts,
    findings: [...findings.filter((finding) => isNews(finding, description)), ...output.findings],
    elapsedMs: Math.round(elapsedMs),
    bytesRead: output.bytesRead,
  };
}

/** That soft prompts change no weight of the base is nothing to tell in a lens about soft prompts. */
function isNews({ code }: Finding, { needs }: Lens['description']): boolean {
  return code !== 'adapter-without-delta' || !needs.parts?.some((part) => part !== 'adapter');
}
