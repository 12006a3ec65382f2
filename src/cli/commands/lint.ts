import fs from 'node:fs/promises';
import path from 'node:path';
import type { Finding } from '../../protocol/finding';
import { failure, problemFromError, success, type Problem, type Result } from '../../protocol/result';
import { walk } from '../../server/analysis/walk';
import { isLinted } from '../../server/linted';
import { wrongUse, type Arguments, type Option } from '../arguments';
import { JSON_OPTION, type Command } from '../command';
import { exitCodeOfFindings } from '../exit-codes';
import { findingsText } from '../findings-text';
import { sarifOf } from '../sarif';
import type { Session } from '../session';

const SARIF_OPTION: Option = {
  name: 'sarif',
  help: 'print SARIF 2.1.0, for code hosts',
};

export const lint: Command = {
  name: 'lint',
  usage: ['PATH... [--json | --sarif]'],
  summary:
    'check adapter configurations, indexes, studies and checkpoints; a folder stands for all files in it',
  options: [JSON_OPTION, SARIF_OPTION],
  async run(given, session) {
    if (given.positionals.length === 0) {
      return session.fail(wrongUse('"lint" needs a file or folder.', 'See "deltalens help lint".'));
    }
    if (given.has('json') && given.has('sarif')) {
      return session.fail(
        wrongUse('"--json" and "--sarif" cannot both be printed.', 'Choose one of the two.'),
      );
    }
    const files = await filesAt(given.positionals, session.signal);
    if (!files.ok) return session.fail(files.problem);
    await session.learn(given.positionals);
    const findings = await lintAll(files.value, rootsOf(given.positionals), session);
    if (!findings.ok) return session.fail(findings.problem);
    session.output.print(printed(findings.value, given));
    return exitCodeOfFindings(findings.value);
  },
};

/** A base may lie below the folders named, and below the current one. */
function rootsOf(named: readonly string[]): readonly string[] {
  return [process.cwd(), ...named.map((each) => path.resolve(each))];
}

async function lintAll(
  files: readonly string[],
  roots: readonly string[],
  session: Session,
): Promise<Result<readonly Finding[]>> {
  const distinct = new Map<string, Finding>();
  for (const file of files) {
    const result = await session.ask('deltalens/lint', { path: file, roots });
    if (!result.ok) return result;
    for (const finding of result.value) {
      // Checking an index also says what is wrong with its shards, which are checked themselves, too.
      distinct.set(JSON.stringify([finding.path, finding.range, finding.code, finding.message]), finding);
    }
  }
  return success([...distinct.values()]);
}

/** The files named, and all files below the folders named, as far as a rule is for them. */
async function filesAt(named: readonly string[], signal: AbortSignal): Promise<Result<readonly string[]>> {
  const files = new Set<string>();
  for (const each of named) {
    const absolute = path.resolve(each);
    const found = await filesBelow(absolute, signal);
    if (!found.ok) return found;
    const checked = found.value.filter(isLinted);
    if (checked.length === 0) return failure(nothingToCheck(absolute));
    for (const file of checked) files.add(file);
  }
  return success([...files]);
}

async function filesBelow(file: string, signal: AbortSignal): Promise<Result<readonly string[]>> {
  try {
    if (!(await fs.stat(file)).isDirectory()) return success([file]);
  } catch (error) {
    return failure(problemFromError(error, file));
  }
  const { folders } = await walk([file], signal);
  return success(folders.flatMap((folder) => folder.files.map((name) => path.join(folder.path, name))));
}

function nothingToCheck(file: string): Problem {
  return {
    code: 'nothing-to-check',
    message: `${file}: there is no check for this kind of file, nor for any below it.`,
    action:
      'Name a .safetensors file, an index, an adapter_config.json, a study, or a folder with such files.',
    path: file,
  };
}

function printed(findings: readonly Finding[], given: Arguments): string {
  if (given.has('json')) return `${JSON.stringify(findings, null, 2)}\n`;
  return given.has('sarif') ? sarifOf(findings, process.cwd()) : textOf(findings);
}

function textOf(findings: readonly Finding[]): string {
  const errors = findings.filter((finding) => finding.severity === 'error').length;
  const warnings = findings.filter((finding) => finding.severity === 'warning').length;
  if (findings.length === 0) return 'No findings.\n';
  return `${findingsText(findings)}${String(errors)} errors, ${String(warnings)} warnings.\n`;
}
