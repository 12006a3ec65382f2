import type { Lens } from '../lens/lens';
import type { LensDescription, ParameterDeclaration } from '../protocol/lens';
import { columns } from './commands/help';
import { PART_NAMES } from '../protocol/study-facts';

/** What help says of one lens, or, without one, of all. */
export function lensDetails(lenses: readonly Lens[], id: string | undefined): string {
  const descriptions = lenses.map((lens) => lens.description);
  const chosen = descriptions.find((description) => description.id === id);
  if (chosen) return oneLens(chosen);
  const list = columns(descriptions.map((lens) => [lens.id, lens.summary]));
  return `Lenses ("deltalens help lens ID" shows the parameters of one):\n${list}`;
}

function oneLens(lens: LensDescription): string {
  const sources = lens.source.map(({ title, link }) => `  ${title} ${link}`.trimEnd());
  const parameters = lens.parameters.map((parameter) => [
    `${parameter.name}=${rangeOf(parameter)}`,
    explain(parameter),
  ]);
  const parts = [
    `${lens.title}: ${lens.summary}`,
    `Formula:\n  ${lens.formula}`,
    sources.length > 0 ? `Source:\n${sources.join('\n')}` : '',
    `Takes: ${needsOf(lens)}`,
    parameters.length > 0
      ? `Parameters (--set KEY=VALUE):\n${columns(parameters)}`
      : 'It takes no parameters.',
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function needsOf({ needs }: LensDescription): string {
  const { minimum, maximum } = needs.tasks;
  const most = maximum === undefined ? ' or more' : maximum === minimum ? '' : ` to ${String(maximum)}`;
  const base = needs.base === 'required' ? 'a base and ' : 'optionally a base, and ';
  const adapters = needs.factored ? '; adapters are taken as they are' : '';
  const parts = (needs.parts ?? []).map((part) => `, with ${PART_NAMES[part]}`).join('');
  return `${base}${String(minimum)}${most} tasks${parts}${adapters}`;
}

function rangeOf(parameter: ParameterDeclaration): string {
  switch (parameter.type) {
    case 'boolean':
      return 'true|false';
    case 'text':
      return 'TEXT';
    case 'choice':
      return parameter.choices.map((choice) => choice.value).join('|');
    case 'number': {
      const kind = parameter.integer ? 'INTEGER' : 'NUMBER';
      const { minimum, maximum } = parameter;
      if (minimum === undefined && maximum === undefined) return kind;
      return `${kind} (${minimum === undefined ? '' : `${String(minimum)} `}to ${maximum === undefined ? '...' : String(maximum)})`;
    }
  }
}

function explain({ help, default: value }: ParameterDeclaration): string {
  return `${help} [${value === '' ? 'empty' : String(value)}]`;
}
