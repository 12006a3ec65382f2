// Writes docs/lenses.md from the registry of lenses and docs/findings.md from the table of codes. `--check` writes nothing and
// fails when a page is stale or a lens has no figure (`npm run figures` draws them).
import fs from 'node:fs';
import { tsImport } from 'tsx/esm/api';

const FIGURES = 'docs/pictures/lenses';

const { LENSES } = await tsImport('../src/lens/registry.ts', import.meta.url);
const { PART_NAMES } = await tsImport('../src/protocol/study-facts.ts', import.meta.url);
const { findingsPage } = await tsImport('../src/lint/findings-page.ts', import.meta.url);
const descriptions = LENSES.map(({ description }) => description);
const pages = { 'docs/lenses.md': lensPage(descriptions), 'docs/findings.md': findingsPage() };

for (const [file, page] of Object.entries(pages)) {
  if (!process.argv.includes('--check')) {
    fs.writeFileSync(file, page);
    continue;
  }
  const present = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  if (present !== page) complain(`${file} is stale: run "npm run docs".`);
}
if (process.argv.includes('--check')) {
  for (const { id } of descriptions) {
    if (!fs.existsSync(`${FIGURES}/${id}.svg`))
      complain(`${FIGURES}/${id}.svg is missing: run "npm run figures".`);
  }
}

/** @param {string} message */
function complain(message) {
  console.error(message);
  process.exitCode = 1;
}

function lensPage(lenses) {
  const rows = lenses.map(
    ({ id, title, summary, needs }) =>
      `| [\`${id}\`](#${id}) | ${title} | ${summary} | ${needsText(needs)} |`,
  );
  return [
    '# Lenses',
    '',
    'Made from the registry of lenses by `npm run docs`; do not edit.',
    '',
    'A lens looks at a *study*: a base θ₀ and named tasks, which are fine-tuned checkpoints θ or adapters. Run one with',
    '`deltalens lens ID --base PATH NAME=PATH...`, or in VS Code with *Deltalens: Run Lens…*.',
    '',
    '| id | title | what it shows | needs |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    ...lenses.flatMap(lensSection),
  ].join('\n');
}

function lensSection({ id, version, title, summary, formula, reading, source, needs, parameters }) {
  return [
    `## ${id}`,
    '',
    `**${title}** (version ${version}) ${summary}`,
    '',
    `![${title}](pictures/lenses/${id}.svg)`,
    '',
    '```text',
    formula,
    '```',
    '',
    `How to read it: ${reading}`,
    '',
    `Needs: ${needsText(needs)}.`,
    '',
    ...parameterTable(parameters),
    'Sources:',
    '',
    ...source.map((each) => `- [${each.title}](${each.link})`),
    '',
  ];
}

function parameterTable(parameters) {
  if (parameters.length === 0) return ['No parameters.', ''];
  const rows = parameters.map(
    (parameter) =>
      `| \`${parameter.name}\` | ${valuesText(parameter)} | \`${String(parameter.default)}\` | ${parameter.help} |`,
  );
  return ['| parameter | values | default | meaning |', '| --- | --- | --- | --- |', ...rows, ''];
}

function valuesText(parameter) {
  if (parameter.type === 'choice') return parameter.choices.map(({ value }) => `\`${value}\``).join(', ');
  if (parameter.type !== 'number') return parameter.type;
  const kind = parameter.integer ? 'whole number' : 'number';
  const lower = parameter.minimum === undefined ? '' : ` from ${parameter.minimum}`;
  const upper = parameter.maximum === undefined ? '' : ` to ${parameter.maximum}`;
  return kind + lower + upper;
}

function needsText({ data, base, tasks, factored, parts: inside = [] }) {
  const parts = [data.join(', '), base === 'required' ? 'a base' : 'base optional'];
  const { minimum, maximum } = tasks;
  if (minimum > 0)
    parts.push(
      `${minimum} ${minimum === 1 ? 'task' : 'tasks'} ${maximum === undefined ? 'or more' : ''}`.trim(),
    );
  if (maximum !== undefined) parts.push(`at most ${maximum} ${maximum === 1 ? 'task' : 'tasks'}`);
  for (const part of inside) parts.push(PART_NAMES[part]);
  parts.push(factored ? 'adapters allowed' : 'no adapters');
  return parts.join('; ');
}
