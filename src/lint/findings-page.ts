import { CODES, type CodeEntry } from './codes';

const SEVERITIES: Readonly<Record<CodeEntry['severity'], string>> = {
  error: 'Error',
  warning: 'Warning',
  information: 'Information',
  hint: 'Hint',
};

/** `docs/findings.md`: every code under its family, in the order of the table. */
export function findingsPage(): string {
  const families = new Map<string, string[]>();
  for (const [code, entry] of Object.entries(CODES)) {
    families.set(entry.family, [...(families.get(entry.family) ?? []), section(code, entry)]);
  }
  const parts = [
    '# Findings',
    'What Deltalens reports about adapters, checkpoints, indexes and studies: in the Problems view, in `deltalens lint`\n' +
      'and in every `--json` output, always under the same code. This page is made from `src/lint/codes.ts`.',
  ];
  for (const [family, sections] of families) parts.push(`## ${escaped(family)}`, ...sections);
  return `${parts.join('\n\n')}\n`;
}

function section(code: string, { severity, title, explanation, action }: CodeEntry): string {
  const explained = explanation === undefined ? [] : [escaped(explanation)];
  return [
    `### ${code}`,
    `${SEVERITIES[severity]}. ${escaped(title)}`,
    ...explained,
    `**What to do:** ${escaped(action)}`,
  ].join('\n\n');
}

/** Names with underscores and stars are not emphasis. */
function escaped(text: string): string {
  return text.replace(/[\\*_<>[\]]/g, '\\$&');
}
