import { resultToCsv, tableToCsv, matrixToCsv } from '../../figure/csv';
import { resultToHtml } from '../../figure/html';
import { resultToJsonPieces } from '../../figure/json';
import { figureToSvg, isFigure, resultToSvg } from '../../figure/svg';
import { LENSES, lensById } from '../../lens/registry';
import type { Artifact, LensResult } from '../../protocol/artifact';
import { failure, success, type Problem, type Result } from '../../protocol/result';
import type { RunSpec, StudySpec } from '../../protocol/study';
import { splitAssignment, wrongUse, type Arguments } from '../arguments';
import { resultText } from '../artifact-text';
import { JSON_OPTION, OUTPUT_OPTION, type Command } from '../command';
import { exitCodeOfFindings } from '../exit-codes';
import { findingsText } from '../findings-text';
import { lensDetails } from '../lens-help';
import { checkTarget, isInput, writeWhole } from '../output';
import type { Session } from '../session';
import { studyOf } from '../study-arguments';

const FORMS = ['json', 'csv', 'svg', 'html'] as const;
type Form = (typeof FORMS)[number] | 'text';

export const lens: Command = {
  name: 'lens',
  usage: [
    'ID [--base PATH] [NAME=]PATH... [--run FOLDER] [--graph FILE] [--data [NAME=]FILE]... [--fisher [NAME=]FILE]... [--set KEY=VALUE]... [--json | --csv | --svg | --html] [-o FILE]',
    'ID --study FILE.study.yaml ...',
  ],
  summary: 'run a lens over a base and its fine-tunes or adapters',
  options: [
    { name: 'base', value: 'PATH', help: 'the checkpoint that was fine-tuned; an adapter names its own' },
    { name: 'study', value: 'FILE', help: 'take base and tasks from a *.study.yaml' },
    { name: 'run', value: 'FOLDER', help: 'take every checkpoint in the folder of a training run as a task' },
    { name: 'graph', value: 'FILE', help: 'the ONNX export of the base, for lenses that run the network' },
    {
      name: 'data',
      value: '[NAME=]FILE',
      repeated: true,
      help: "a data set; with the name of a task it is that task's",
    },
    {
      name: 'fisher',
      value: '[NAME=]FILE',
      repeated: true,
      help: 'Fisher information computed elsewhere (.safetensors, .npz, .pt), or an optimizer.pt',
    },
    { name: 'set', value: 'KEY=VALUE', repeated: true, help: 'set a parameter of the lens' },
    JSON_OPTION,
    { name: 'csv', help: 'print the table of tensors or pairs, or the artifact chosen, as CSV' },
    { name: 'svg', help: 'print the first figure, or the artifact chosen, as SVG' },
    { name: 'html', help: 'print everything as one stand-alone page' },
    { name: 'artifact', value: 'ID', help: 'which table or figure --csv and --svg take' },
    OUTPUT_OPTION,
  ],
  details: ([id]) => lensDetails(LENSES, id),
  async run(given, session) {
    const plan = await planOf(given, session);
    if (!plan.ok) return session.fail(plan.problem);
    const result = await session.ask('deltalens/runLens', { run: plan.value.run, job: 'command line' });
    if (!result.ok) return session.fail(result.problem);
    const delivered = await deliver(result.value, plan.value, session);
    if (!delivered.ok) return session.fail(delivered.problem);
    return exitCodeOfFindings(result.value.findings);
  },
};

/** What a command line asks for, checked as far as that goes without running the lens. */
interface Plan {
  readonly run: RunSpec;
  readonly form: Form;
  readonly artifact: string | undefined;
  /** `undefined`: standard output. */
  readonly file: string | undefined;
}

async function planOf(given: Arguments, session: Session): Promise<Result<Plan>> {
  const form = formOf(given);
  if (!form.ok) return form;
  const [id, ...tasks] = given.positionals;
  if (id === undefined || !lensById(id)) return failure(unknownLens(id));
  const parameters = parametersOf(given.texts('set'));
  if (!parameters.ok) return parameters;
  const study = await studyOf(given, tasks, session);
  if (!study.ok) return study;
  const file = given.text('output');
  const target = file === undefined ? success(undefined) : await targetOf(file, study.value);
  if (!target.ok) return target;
  const run = { lens: id, study: study.value, parameters: parameters.value };
  return success({ run, form: form.value, artifact: given.text('artifact'), file });
}

/** Writes the result where the plan says, and its findings, which only JSON holds itself, on standard error. */
async function deliver(
  result: LensResult,
  { form, artifact, file }: Plan,
  { output }: Session,
): Promise<Result<void>> {
  const text = write(result, form, artifact);
  if (!text.ok) return text;
  if (file === undefined) output.print(text.value);
  else {
    const written = await writeWhole(file, text.value);
    if (!written.ok) return written;
  }
  if (form !== 'json') output.complain(findingsText(result.findings));
  return success(undefined);
}

function formOf(given: Arguments): Result<Form> {
  const forms = FORMS.filter((form) => given.has(form));
  if (forms.length <= 1) return success(forms[0] ?? 'text');
  return failure(
    wrongUse(`${forms.map((form) => `--${form}`).join(' and ')} exclude each other.`, 'Give one.'),
  );
}

async function targetOf(file: string, study: StudySpec): Promise<Result<void>> {
  if (await isInput(file, inputsOf(study))) {
    return failure(wrongUse(`${file} is an input.`, 'Name another file with -o.'));
  }
  return checkTarget(file);
}

function inputsOf({ base, tasks, file }: StudySpec): string[] {
  return [base, file, ...tasks.map((task) => task.path)].filter((each) => each !== undefined);
}

function unknownLens(id: string | undefined): Problem {
  const ids = LENSES.map((each) => each.description.id).join(', ');
  return {
    code: 'unknown-lens',
    message: id === undefined ? '"lens" needs the name of a lens.' : `There is no lens "${id}".`,
    action: `Use one of: ${ids}. "deltalens lenses" tells what they show.`,
  };
}

function parametersOf(assignments: readonly string[]): Result<Record<string, string>> {
  const entries: [string, string][] = [];
  for (const assignment of assignments) {
    const split = splitAssignment(assignment);
    if (!split) return failure(wrongUse(`--set ${assignment} is not of the form KEY=VALUE.`));
    entries.push([split.key, split.value]);
  }
  return success(Object.fromEntries(entries));
}

function write(result: LensResult, form: Form, id: string | undefined): Result<string | Iterable<string>> {
  const artifact = result.artifacts.find((each) => each.id === id);
  if (id !== undefined && !artifact) return failure(unknownArtifact(id, result));
  switch (form) {
    case 'text':
      return success(resultText(artifact ? { ...result, artifacts: [artifact] } : result));
    case 'json':
      return success(withNewline(resultToJsonPieces(result)));
    case 'html':
      return success(resultToHtml(result));
    case 'csv':
      return csv(artifact ?? mainTable(result), result);
    case 'svg':
      if (!artifact) return success(resultToSvg(result.artifacts));
      return isFigure(artifact)
        ? success(figureToSvg(artifact))
        : failure(unknownArtifact(artifact.id, result));
  }
}

function* withNewline(pieces: Iterable<string>): Generator<string> {
  yield* pieces;
  yield '\n';
}

/** The table that scripts want: one row per tensor, or per pair of tasks. */
function mainTable({ artifacts }: LensResult): Artifact | undefined {
  return artifacts.find(({ id }) => id === 'tensors') ?? artifacts.find(({ id }) => id === 'pairs');
}

function csv(artifact: Artifact | undefined, result: LensResult): Result<string> {
  if (!artifact) return success(resultToCsv(result));
  if (artifact.kind === 'table') return success(tableToCsv(artifact));
  if (artifact.kind === 'matrix') return success(matrixToCsv(artifact));
  return failure(unknownArtifact(artifact.id, result));
}

function unknownArtifact(id: string, { artifacts }: LensResult): Problem {
  const ids = artifacts.map((each) => `${each.id} (${each.kind})`).join(', ');
  return wrongUse(`There is no artifact "${id}" that can be written in this form.`, `Use one of: ${ids}.`);
}
