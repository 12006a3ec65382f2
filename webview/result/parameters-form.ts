import {
  checkParameter,
  type ParameterDeclaration,
  type ParameterValue,
  type ParameterValues,
} from '../../src/protocol/lens';
import { element, textButton } from '../dom';

interface Field {
  readonly element: HTMLElement;
  readonly name: string;
  /** Checked value; `null` where the input is wrong, which the field then says itself. */
  read(): ParameterValue | null;
}

/** The form made from a lens's declarations. `owner` keeps its ids apart from those of other forms. `run` gets checked values; wrong ones are shown beside their field instead. */
export function parametersForm(
  owner: string,
  declarations: readonly ParameterDeclaration[],
  values: ParameterValues,
  run: (values: Record<string, ParameterValue>) => void,
): HTMLElement {
  const fields = declarations.map((declaration) =>
    makeField(owner, declaration, values[declaration.name] ?? declaration.default),
  );
  const submit = () => {
    const read = fields.map((field) => [field.name, field.read()] as const);
    const checked = read.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
    if (checked.length === read.length) run(Object.fromEntries(checked));
  };
  return element(
    'form',
    {
      class: 'parameters',
      attributes: { novalidate: true },
      on: {
        submit: (event: SubmitEvent) => {
          event.preventDefault();
          submit();
        },
      },
    },
    ...fields.map((field) => field.element),
    element('div', { class: 'button-row' }, textButton('Run', submit, { icon: 'play' })),
  );
}

function makeField(owner: string, declaration: ParameterDeclaration, value: ParameterValue): Field {
  const id = `${owner}-${declaration.name}`;
  const wrong = element('div', { class: 'field-error', attributes: { role: 'alert', hidden: true } });
  const input = makeInput(declaration, value, id);
  const label = element('label', { text: declaration.title, attributes: { for: id } });
  const help = element('div', { class: 'muted', text: declaration.help, attributes: { id: `${id}-help` } });
  const row = declaration.type === 'boolean' ? element('div', { class: 'check' }, input, label) : null;
  return {
    element: element('div', { class: 'field' }, ...(row ? [row] : [label, input]), wrong, help),
    name: declaration.name,
    read() {
      const given =
        input instanceof HTMLInputElement && input.type === 'checkbox' ? input.checked : input.value;
      const checked = checkParameter(declaration, given);
      wrong.hidden = checked.ok;
      wrong.textContent = checked.ok ? '' : checked.problem.action;
      input.setAttribute('aria-invalid', String(!checked.ok));
      return checked.ok ? checked.value : null;
    },
  };
}

function makeInput(
  declaration: ParameterDeclaration,
  value: ParameterValue,
  id: string,
): HTMLInputElement | HTMLSelectElement {
  const attributes = { id, 'aria-describedby': `${id}-help` };
  if (declaration.type === 'choice') {
    const select = element('select', { attributes });
    for (const choice of declaration.choices) select.append(new Option(choice.title, choice.value));
    select.value = String(value);
    return select;
  }
  if (declaration.type === 'boolean') {
    const box = element('input', { attributes: { ...attributes, type: 'checkbox' } });
    box.checked = value === true || value === 'true';
    return box;
  }
  const mode = declaration.type === 'number' ? (declaration.integer ? 'numeric' : 'decimal') : 'text';
  return element('input', {
    attributes: { ...attributes, type: 'text', inputmode: mode, value: String(value) },
  });
}
