import { visible } from '../protocol/visible-text';
import path from 'node:path';
import type { Finding } from '../protocol/finding';

/** Findings as compilers print them: `file:line:column: severity: message [code]`, the help indented below. */
export function findingsText(findings: readonly Finding[]): string {
  return findings.map(findingText).join('');
}

function findingText({ path: file, range, severity, code, message, help }: Finding): string {
  const place = range ? `:${String(range.start.line + 1)}:${String(range.start.character + 1)}` : '';
  const line = visible(`${path.relative('', file)}${place}: ${severity}: ${message} [${code}]`);
  return help === '' ? `${line}\n` : `${line}\n    ${visible(help)}\n`;
}
