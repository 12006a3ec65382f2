import { visible } from '../protocol/visible-text';
import path from 'node:path';
import { formatBytes, formatCount, formatDuration } from '../figure/number-text';
import { failure, success, type Result } from '../protocol/result';
import type { FactorDtype, RankChoice, WriteAction, WriteReport } from '../protocol/write';
import { wrongUse, type Arguments, type Option } from './arguments';
import { sectionText } from './artifact-text';
import { JSON_OPTION } from './command';
import { exitCodeOfFindings, type ExitCode } from './exit-codes';
import { findingsText } from './findings-text';
import type { Session } from './session';
import { inputPath } from './input-path';

/** Options of every command that writes. */
export const WRITE_OPTIONS: readonly Option[] = [
  {
    name: 'output',
    short: 'o',
    value: 'OUT',
    help: 'the new folder, or a new file where it ends with .safetensors; must not exist',
  },
  { name: 'dry-run', help: 'compute and report everything, write nothing' },
  JSON_OPTION,
];

export const SHARD_OPTION: Option = {
  name: 'shard-size',
  value: 'GB',
  help: 'cut larger checkpoints into shards of so many gigabytes with an index (5 unless given; 0: never)',
};

export const DTYPE_OPTION: Option = {
  name: 'dtype',
  value: 'TYPE',
  help: 'element type of the factors: keep (as they are), f32, f16, bf16',
};

/** Asks for what is to be written, and prints the report. */
export async function runWrite(action: WriteAction, given: Arguments, session: Session): Promise<ExitCode> {
  const output = given.text('output');
  if (output === undefined)
    return session.fail(wrongUse('Where to write is missing.', 'Name a new folder with -o.'));
  const spec = { action, output: path.resolve(output), dryRun: given.has('dry-run') };
  const result = await session.ask('deltalens/write', { write: spec, job: 'command line' });
  if (!result.ok) return session.fail(result.problem);
  const report = result.value;
  if (given.has('json')) session.output.print(`${JSON.stringify(report, null, 2)}\n`);
  else {
    session.output.print(reportText(report));
    session.output.complain(findingsText(report.findings));
  }
  return exitCodeOfFindings(report.findings);
}

function reportText(report: WriteReport): string {
  const { summary, output, written, files, bytes, elapsedMs, tables } = report;
  const what = `${formatCount(files.length)} ${files.length === 1 ? 'file' : 'files'}, ${formatBytes(bytes)}`;
  const done = written ? `Written: ${output}` : `Dry run, nothing written. It would be: ${output}`;
  const list = files.map((file) => `  ${visible(file.name)}  ${formatBytes(file.bytes)}\n`).join('');
  const head = `${visible(summary)}\n${visible(done)} (${what}, ${formatDuration(elapsedMs)})\n${list}`;
  return [head, ...tables.map(sectionText)].join('\n');
}

/** The one path that stands behind the command's name, absolute. */
export function onlyPath(given: Arguments, name: string): Result<string> {
  const [first, ...more] = given.positionals;
  if (first !== undefined && more.length === 0) return success(inputPath(first));
  return failure(wrongUse(`"${name}" takes one path.`, `See "deltalens help ${name}".`));
}

/** An option that names a file or folder, absolute; `null` where it is not given. */
export function pathOption(given: Arguments, name: string): string | null {
  const text = given.text(name);
  return text === undefined ? null : inputPath(text);
}

/** Bytes of the largest shard; `null`: no shards. */
export function shardBytes(given: Arguments): Result<number | null> {
  const text = given.text('shard-size') ?? '5';
  const size = Number(text);
  if (text.trim() === '' || !Number.isFinite(size) || size < 0)
    return failure(
      wrongUse(`--shard-size ${text} is no size in gigabytes.`, 'Give a number such as 5, or 0.'),
    );
  return success(size === 0 ? null : Math.max(1, Math.round(size * 1e9)));
}

const DTYPES: Readonly<Record<string, FactorDtype>> = { keep: 'keep', f32: 'F32', f16: 'F16', bf16: 'BF16' };

/** The element type of factors. */
export function factorDtype(given: Arguments): Result<FactorDtype> {
  const text = given.text('dtype') ?? 'keep';
  const dtype = DTYPES[text.toLowerCase()];
  if (dtype !== undefined) return success(dtype);
  return failure(wrongUse(`There is no --dtype ${text}.`, 'Give keep, f32, f16 or bf16.'));
}

export const RANK_OPTIONS: readonly Option[] = [
  { name: 'rank', value: 'R', help: 'this rank in every module; with --energy or --error the largest one' },
  { name: 'energy', value: 'E', help: 'the smallest rank that keeps this share of ‖ΔW‖², such as 0.95' },
  {
    name: 'error',
    value: 'X',
    help: 'the smallest rank with ‖ΔW − ΔWr‖ / ‖ΔW‖ no larger than this, such as 0.1',
  },
];

/** How ranks are chosen. `most` bounds them where nothing else does. */
export function rankChoice(given: Arguments, most: number | null): Result<RankChoice> {
  const [rank, energy, error] = [number(given, 'rank'), number(given, 'energy'), number(given, 'error')];
  if (energy !== null && error !== null)
    return failure(wrongUse('--energy and --error exclude each other.', 'Give one.'));
  if (rank !== null && !(Number.isInteger(rank) && rank > 0))
    return failure(wrongUse('--rank takes a whole number above 0.', 'Give a rank such as 16.'));
  if (energy !== null)
    return energy > 0 && energy <= 1
      ? success({ by: 'energy', energy, most: rank ?? most })
      : failure(wrongUse('--energy takes a share above 0, up to 1.', 'Give one such as 0.95.'));
  if (error !== null)
    return error >= 0 && error < 1
      ? success({ by: 'error', error, most: rank ?? most })
      : failure(wrongUse('--error takes a share from 0 to below 1.', 'Give one such as 0.1.'));
  if (rank !== null) return success({ by: 'rank', rank });
  return failure(wrongUse('How large the rank is to be is missing.', 'Give --rank, --energy or --error.'));
}

function number(given: Arguments, name: string): number | null {
  const text = given.text(name);
  if (text === undefined) return null;
  return text.trim() === '' ? NaN : Number(text);
}
