import type { Artifact, LensResult, Table } from '../protocol/artifact';
import { formatBytes, formatCell, formatCount, formatDuration } from './number-text';
import { LIGHT_PALETTE } from './palette';
import { escapeMarkup, shapeToText } from './shape';
import { drawFigure, drawingToShape } from './svg';

// A page with more rows than this is slow in every browser; CSV and JSON have them all.
const MOST_ROWS = 5000;

/**
 * A result as one stand-alone page: figures as inline SVG, tables, findings, parameters and inputs. It runs no script, loads
 * nothing, and every text from a file is escaped.
 */
export function resultToHtml(result: LensResult): string {
  const title = `${result.lens} · ${result.study}`;
  const body = [
    `<header><h1>${escapeMarkup(result.lens)}</h1><p>${escapeMarkup(result.study)} · ${formatBytes(result.bytesRead)} read in ${formatDuration(result.elapsedMs)}</p></header>`,
    findings(result),
    ...result.artifacts.map(section),
    provenance(result),
  ];
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeMarkup(title)}</title><style>${STYLE}</style></head>`,
    `<body>${body.join('\n')}</body></html>`,
    '',
  ].join('\n');
}

function section(artifact: Artifact): string {
  const caption = artifact.caption ? `<p class="caption">${escapeMarkup(artifact.caption)}</p>` : '';
  const heading = `<h2>${escapeMarkup(artifact.title)}</h2>`;
  switch (artifact.kind) {
    case 'note':
      return `<section class="note ${artifact.severity}">${heading}<p>${escapeMarkup(artifact.text)}</p></section>`;
    case 'table':
      return `<section>${heading}${caption}${table(artifact)}</section>`;
    case 'matrix':
    case 'tree':
    case 'histogram':
    case 'series':
    case 'scatter':
    case 'graph': {
      const drawing = drawFigure(artifact);
      const svg = shapeToText(drawingToShape(drawing, LIGHT_PALETTE, false));
      return `<section><figure>${svg}</figure></section>`;
    }
  }
}

function table(artifact: Table): string {
  const shown = artifact.columns
    .map((column, index) => ({ column, index }))
    .filter(({ column }) => !column.hidden);
  const isNumber = (type: string) => type !== 'text' && type !== 'boolean';
  const head = shown.map(({ column }) => `<th scope="col">${escapeMarkup(column.title)}</th>`).join('');
  const rows = artifact.rows.slice(0, MOST_ROWS).map((row) => {
    const cells = shown.map(({ column, index }) => {
      const text = escapeMarkup(formatCell(row[index] ?? null, column.type));
      return isNumber(column.type) ? `<td class="number">${text}</td>` : `<td>${text}</td>`;
    });
    return `<tr>${cells.join('')}</tr>`;
  });
  const rest = artifact.rows.length - rows.length;
  const note =
    rest > 0 ? `<p class="caption">${formatCount(rest)} more rows are in the CSV and JSON forms.</p>` : '';
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>${note}`;
}

function findings(result: LensResult): string {
  if (result.findings.length === 0) return '';
  const items = result.findings.map(
    (finding) =>
      `<li class="${finding.severity}"><strong>${escapeMarkup(finding.severity)}</strong> <code>${escapeMarkup(finding.code)}</code> ${escapeMarkup(finding.message)} <span class="caption">${escapeMarkup(finding.help)}</span></li>`,
  );
  return `<section><h2>Findings</h2><ul>${items.join('')}</ul></section>`;
}

function provenance(result: LensResult): string {
  const inputs = result.inputs.map(
    (input) =>
      `<tr><td>${escapeMarkup(input.name)}</td><td>${escapeMarkup(input.path)}</td><td><code>${escapeMarkup(input.fingerprint)}</code></td></tr>`,
  );
  const parameters = Object.entries(result.parameters).map(
    ([name, value]) => `<li><code>${escapeMarkup(name)} = ${escapeMarkup(String(value))}</code></li>`,
  );
  return `<section><h2>How this was made</h2><p>Lens <code>${escapeMarkup(result.lens)}</code>, version ${String(result.version)}.</p><ul>${parameters.join('')}</ul><div class="wide"><table><thead><tr><th scope="col">input</th><th scope="col">path</th><th scope="col">fingerprint</th></tr></thead><tbody>${inputs.join('')}</tbody></table></div></section>`;
}

const STYLE = `
body { font: 14px/1.5 system-ui, "Segoe UI", Ubuntu, Arial, sans-serif; color: #1f1f1f; background: #fff; margin: 2rem auto; max-width: 78rem; padding: 0 1.5rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
header p, .caption { color: #5f5f5f } figure, .wide { margin: 0; overflow-x: auto }
table { border-collapse: collapse; font-size: 13px } th, td { text-align: left; padding: .2rem .75rem .2rem 0; border-bottom: 1px solid #e4e4e4; white-space: nowrap }
th { position: sticky; top: 0; background: #fff } .number { text-align: right; font-variant-numeric: tabular-nums }
.note { border-left: 3px solid #0072b2; padding-left: 1rem } .note.warning { border-color: #b35900 } .error strong { color: #b00020 }
`;
