import type { Table, TableCell } from '../protocol/artifact';
import type { WriteReport } from '../protocol/write';

/** Findings that fit a dialog. */
const MOST_FINDINGS = 4;

/** What a dialog says before anything is written: where, how large, and what is odd. */
export function reportDetail({ summary, output, bytes, files, findings }: WriteReport): string {
  const size = `${(bytes / 1e6).toLocaleString('en-US', { maximumFractionDigits: 1 })} MB`;
  const lines = [summary, '', `${output} (${files.map(({ name }) => name).join(', ')}; ${size})`];
  const worst = [...findings].sort((a, b) => RANKS[a.severity] - RANKS[b.severity]);
  for (const { severity, message } of worst.slice(0, MOST_FINDINGS))
    lines.push('', `${severity}: ${message}`);
  if (findings.length > MOST_FINDINGS) lines.push('', `… ${String(findings.length - MOST_FINDINGS)} more`);
  return lines.join('\n');
}

const RANKS = { error: 0, warning: 1, information: 2, hint: 3 } as const;

/** The whole report as a document. */
export function reportMarkdown(title: string, report: WriteReport): string {
  const { summary, output, findings, tables } = report;
  const found = findings.map(
    ({ severity, code, message, help }) => `- ${severity} \`${code}\`: ${message} ${help}`,
  );
  const parts = [`# ${title}`, summary, `\`${output}\``, found.join('\n'), ...tables.map(tableMarkdown)];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function tableMarkdown({ title, caption, columns, rows }: Table): string {
  const shown = columns.flatMap(({ hidden }, index) => (hidden === true ? [] : [index]));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const head = line(shown.map((index) => columns[index]?.title ?? ''));
  const rule = line(shown.map(() => '---'));
  const body = rows.map((row) =>
    line(shown.map((index) => cellText(row[index] ?? null, columns[index]?.type))),
  );
  return [`## ${title}`, ...(caption === undefined ? [] : [caption]), [head, rule, ...body].join('\n')].join(
    '\n\n',
  );
}

function cellText(cell: TableCell, type: Table['columns'][number]['type'] | undefined): string {
  if (cell === null) return '–';
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no';
  if (typeof cell !== 'number') return String(cell).replaceAll('|', '\\|');
  if (type === 'share') return `${(100 * cell).toFixed(2)} %`;
  return type === 'number' ? String(Number(cell.toPrecision(6))) : String(cell);
}
