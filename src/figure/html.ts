import type { Artifact, LensResult, Note, Table } from '../protocol/artifact';
import type { LensDescription } from '../protocol/lens';
import type { FigureOptions } from './figure-options';
import { formatBytes, formatCell, formatCount, formatDuration } from './number-text';
import { LIGHT_PALETTE } from './palette';
import { escapeMarkup, shapeToText } from './shape';
import { drawFigure, drawingToShape, isFigure, type Figure } from './svg';

// A page with more rows than this is slow in every browser; CSV and JSON have them all.
const MOST_ROWS = 5000;
// Nor do browsers like pages of more rectangles than this.
const MOST_CELLS = 400_000;

/** One result in a report. */
export interface ReportPart {
  readonly result: LensResult;
  /** What the lens says of itself: its title, how its result is read, its formula and papers. `null`: its id must do. */
  readonly lens: LensDescription | null;
  /** In place of the lens's title. */
  readonly heading?: string;
  /** The figures on screen; they come first, and as they are there. Others are folded away. `null`: all figures, as they come. */
  readonly shown?: readonly { readonly figure: Figure; readonly options: FigureOptions }[] | null;
}

/**
 * A result as one stand-alone page: figures as inline SVG, tables, findings, parameters and inputs. It runs no script, loads
 * nothing, and every text from a file is escaped.
 */
export function resultToHtml(result: LensResult): string {
  return page(
    `${result.lens} · ${result.study}`,
    partBody({ result, lens: null }, 'h1', { left: MOST_CELLS }),
  );
}

/** Many results of one study as one such page, with a list of contents. */
export function resultsToHtml(study: string, parts: readonly ReportPart[]): string {
  const budget = { left: MOST_CELLS };
  const entries = parts.map((part, index) => {
    const parameters = parametersOf(part);
    const more = parameters ? ` <span class="caption">${escapeMarkup(parameters)}</span>` : '';
    return `<li><a href="#part-${String(index + 1)}">${escapeMarkup(titleOf(part))}</a>${more}</li>`;
  });
  const sections = parts.map(
    (part, index) => `<article id="part-${String(index + 1)}">${partBody(part, 'h2', budget)}</article>`,
  );
  const head = `<header><h1>${escapeMarkup(study)}</h1><p>Deltalens, ${String(parts.length)} ${parts.length === 1 ? 'result' : 'results'}</p></header>`;
  return page(study, [head, `<nav><ol>${entries.join('')}</ol></nav>`, ...sections].join('\n'));
}

function page(title: string, body: string): string {
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeMarkup(title)}</title><style>${STYLE}</style></head>`,
    `<body>${body}</body></html>`,
    '',
  ].join('\n');
}

/** Cells that the figures of a page may still draw. */
interface Budget {
  left: number;
}

function partBody(part: ReportPart, heading: 'h1' | 'h2', budget: Budget): string {
  const { result, lens, shown } = part;
  const notes = result.artifacts.filter((artifact) => artifact.kind === 'note');
  const roled = (role: Note['role']) => notes.filter((note) => note.role === role).map(noteSection);
  const first = (shown ?? []).map(({ figure, options }) => figureSection(figure, options, budget));
  const seen = new Set<Artifact>((shown ?? []).map(({ figure }) => figure));
  const rest = result.artifacts.flatMap((artifact) =>
    artifact.kind === 'note' || seen.has(artifact) ? [] : [artifact],
  );
  const others = rest.map((artifact) =>
    isFigure(artifact) ? figureSection(artifact, {}, budget) : tableSection(artifact),
  );
  const folded = shown
    ? `<details><summary>${String(others.length)} more figures and tables</summary>${others.join('\n')}</details>`
    : others.join('\n');
  return [
    `<header><${heading}>${escapeMarkup(titleOf(part))}</${heading}><p>${escapeMarkup(result.study)} · ${formatBytes(result.bytesRead)} read in ${formatDuration(result.elapsedMs)}</p></header>`,
    ...(result.partial === undefined
      ? []
      : [`<p><strong>Partial result:</strong> ${escapeMarkup(result.partial)}.</p>`]),
    lens ? reading(lens) : '',
    ...roled('verdict'),
    findings(result),
    ...roled('recommendation'),
    ...roled(undefined),
    ...first,
    others.length > 0 ? folded : '',
    provenance(result),
  ].join('\n');
}

function titleOf({ heading, lens, result }: ReportPart): string {
  return heading ?? lens?.title ?? result.lens;
}

/** Parameters that are not the lens's defaults, to tell two runs of one lens apart. */
function parametersOf({ lens, result }: ReportPart): string {
  const changed = (lens?.parameters ?? []).filter(({ name, default: usual }) => {
    const value = result.parameters[name];
    return value !== undefined && value !== usual;
  });
  return changed.map(({ name, title }) => `${title}: ${String(result.parameters[name])}`).join(' · ');
}

function reading(lens: LensDescription): string {
  const papers = lens.source.map(({ title, link }) =>
    /^https:\/\//.test(link)
      ? `<li><a href="${escapeMarkup(link)}">${escapeMarkup(title)}</a></li>`
      : `<li>${escapeMarkup(title)}</li>`,
  );
  return `<p>${escapeMarkup(lens.summary)}</p><details><summary>How to read this</summary><p class="text">${escapeMarkup(lens.reading)}</p><pre>${escapeMarkup(lens.formula)}</pre><ul>${papers.join('')}</ul></details>`;
}

function noteSection(note: Note): string {
  const heading = note.title ? `<h3>${escapeMarkup(note.title)}</h3>` : '';
  return `<section class="${['note', note.severity, note.role].filter(Boolean).join(' ')}">${heading}<p class="text">${escapeMarkup(note.text)}</p></section>`;
}

function tableSection(artifact: Table): string {
  const caption = artifact.caption ? `<p class="caption">${escapeMarkup(artifact.caption)}</p>` : '';
  return `<section><h3>${escapeMarkup(artifact.title)}</h3>${caption}${table(artifact)}</section>`;
}

function figureSection(figure: Figure, options: FigureOptions, budget: Budget): string {
  const cells = figure.kind === 'matrix' ? figure.rows.length * figure.columns.length : 0;
  if (cells > budget.left) {
    return `<section><h3>${escapeMarkup(figure.title)}</h3><p class="caption">Left out: ${formatCount(cells)} cells are too many for this page. Export the figure by itself.</p></section>`;
  }
  budget.left -= cells;
  const drawing = drawFigure(figure, options);
  return `<section><figure>${shapeToText(drawingToShape(drawing, LIGHT_PALETTE, false))}</figure></section>`;
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
  return `<section><h3>Findings</h3><ul>${items.join('')}</ul></section>`;
}

function provenance(result: LensResult): string {
  const inputs = result.inputs.map(
    (input) =>
      `<tr><td>${escapeMarkup(input.name)}</td><td>${escapeMarkup(input.path)}</td><td><code>${escapeMarkup(input.fingerprint)}</code></td></tr>`,
  );
  const parameters = Object.entries(result.parameters).map(
    ([name, value]) => `<li><code>${escapeMarkup(name)} = ${escapeMarkup(String(value))}</code></li>`,
  );
  return `<section><h3>How this was made</h3><p>Lens <code>${escapeMarkup(result.lens)}</code>, version ${String(result.version)}.</p><ul>${parameters.join('')}</ul><div class="wide"><table><thead><tr><th scope="col">input</th><th scope="col">path</th><th scope="col">fingerprint</th></tr></thead><tbody>${inputs.join('')}</tbody></table></div></section>`;
}

const STYLE = `
body { font: 14px/1.5 system-ui, "Segoe UI", Ubuntu, Arial, sans-serif; color: #1f1f1f; background: #fff; margin: 2rem auto; max-width: 78rem; padding: 0 1.5rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.25rem; margin: 0 } h3 { font-size: 1.05rem; margin: 2rem 0 .5rem }
article { margin-top: 3rem; padding-top: 1.5rem; border-top: 1px solid #c8c8c8 } figure svg { max-width: none } .text { white-space: pre-line }
details { margin: 1rem 0 } summary { cursor: pointer } pre { background: #f4f4f4; padding: .5rem .75rem; white-space: pre-wrap } a { color: #005fb8 }
header p, .caption { color: #5f5f5f } figure, .wide { margin: 0; overflow-x: auto }
table { border-collapse: collapse; font-size: 13px } th, td { text-align: left; padding: .2rem .75rem .2rem 0; border-bottom: 1px solid #e4e4e4; white-space: nowrap }
@media print { details > * { display: block } .wide { overflow: visible } article { break-before: page } }
th { position: sticky; top: 0; background: #fff } .number { text-align: right; font-variant-numeric: tabular-nums }
.note { border-left: 3px solid #0072b2; padding-left: 1rem; margin: 1rem 0 } .note h3 { margin-top: 0 } .note.warning { border-color: #b35900 }
.note.verdict { border-width: 6px; font-size: 1.05rem } .note.recommendation { border-color: #2e7d32 } .error strong { color: #b00020 }
`;
