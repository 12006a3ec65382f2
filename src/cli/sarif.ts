import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { CODES, isFindingCode } from '../lint/codes';
import type { Finding, Severity } from '../protocol/finding';
import { version } from './version';

const SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json';
const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  error: 'error',
  warning: 'warning',
  information: 'note',
  hint: 'note',
};

/**
 * Findings as SARIF 2.1.0 (OASIS 2020), which code hosts show beside the files. Paths are relative to `root` where they lie
 * below it; lines and columns count from 1.
 */
export function sarifOf(findings: readonly Finding[], root: string): string {
  const codes = [...new Set(findings.map(({ code }) => code))].sort();
  const log = {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'deltalens', version: version(), rules: codes.map(ruleOf) } },
        columnKind: 'utf16CodeUnits',
        originalUriBaseIds: { ROOT: { uri: `${pathToFileURL(root).href}/` } },
        results: findings.map((finding) => resultOf(finding, codes.indexOf(finding.code), root)),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function ruleOf(code: string): object {
  if (!isFindingCode(code)) return { id: code };
  const { title, explanation, action, severity } = CODES[code];
  return {
    id: code,
    shortDescription: { text: title },
    ...(explanation === undefined ? {} : { fullDescription: { text: explanation } }),
    help: { text: action },
    defaultConfiguration: { level: LEVELS[severity] },
  };
}

function resultOf(
  { code, severity, message, help, path: file, range, at }: Finding,
  rule: number,
  root: string,
): object {
  const region = range && {
    startLine: range.start.line + 1,
    startColumn: range.start.character + 1,
    endLine: range.end.line + 1,
    endColumn: range.end.character + 1,
  };
  return {
    ruleId: code,
    ruleIndex: rule,
    level: LEVELS[severity],
    message: { text: help === undefined ? message : `${message}\n${help}` },
    locations: [
      {
        physicalLocation: { artifactLocation: locationOf(file, root), ...(region ? { region } : {}) },
        ...(at === undefined ? {} : { logicalLocations: [{ fullyQualifiedName: at }] }),
      },
    ],
  };
}

function locationOf(file: string, root: string): object {
  const way = path.relative(root, file);
  if (way === '' || way.startsWith('..') || path.isAbsolute(way)) return { uri: pathToFileURL(file).href };
  return { uri: way.split(path.sep).map(encodeURIComponent).join('/'), uriBaseId: 'ROOT' };
}
