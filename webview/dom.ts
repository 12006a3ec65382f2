import { attributeText, type Shape } from '../src/figure/shape';

/** What {@link element} sets besides children: attributes by name, listeners under `on`. `true` is an empty attribute, `false` and `undefined` none. */
export interface ElementOptions {
  readonly class?: string;
  readonly text?: string;
  readonly title?: string;
  readonly on?: Readonly<Record<string, (event: never) => void>>;
  readonly attributes?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** Makes an HTML element. Text always goes in as text, never as markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  options: ElementOptions = {},
  ...children: readonly (Node | string | null)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (options.class) made.className = options.class;
  if (options.text !== undefined) made.textContent = options.text;
  if (options.title !== undefined) made.title = options.title;
  for (const [key, value] of Object.entries(options.attributes ?? {})) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? '' : String(value));
  }
  for (const [type, listener] of Object.entries(options.on ?? {})) {
    made.addEventListener(type, listener as unknown as EventListener);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** A codicon, for the eye only: screen readers skip it. */
export function icon(name: string, extra = ''): HTMLElement {
  return element('span', {
    class: `codicon codicon-${name} ${extra}`.trim(),
    attributes: { 'aria-hidden': 'true' },
  });
}

/** A button with an icon and no text, as in VS Code's toolbars; `label` is its tooltip and its name. */
export function iconButton(name: string, label: string, act: () => void): HTMLButtonElement {
  return element(
    'button',
    {
      class: 'icon-button',
      title: label,
      attributes: { type: 'button', 'aria-label': label },
      on: { click: act },
    },
    icon(name),
  );
}

/** A button with text. */
export function textButton(
  label: string,
  act: () => void,
  options: { readonly icon?: string; readonly secondary?: boolean } = {},
): HTMLButtonElement {
  return element(
    'button',
    {
      class: options.secondary ? 'button secondary' : 'button',
      attributes: { type: 'button' },
      on: { click: act },
    },
    options.icon ? icon(options.icon) : null,
    label,
  );
}

/** A labelled drop-down. `choose` gets the value chosen. */
export function choice(
  label: string,
  options: readonly { readonly value: string; readonly title: string }[],
  chosen: string,
  choose: (value: string) => void,
): HTMLLabelElement {
  const select = element('select', {
    attributes: { 'aria-label': label },
    on: { change: () => choose(select.value) },
  });
  for (const option of options) select.append(new Option(option.title, option.value));
  select.value = chosen;
  return element('label', { class: 'choice' }, element('span', { text: label }), select);
}

/** A button that stays pressed. */
export function toggle(
  label: string,
  pressed: boolean,
  change: (pressed: boolean) => void,
  options: { readonly icon?: string; readonly disabled?: boolean; readonly title?: string } = {},
): HTMLButtonElement {
  return element(
    'button',
    {
      class: 'toggle',
      title: options.title,
      attributes: { type: 'button', 'aria-pressed': String(pressed), disabled: options.disabled ?? false },
      on: { click: () => change(!pressed) },
    },
    options.icon ? icon(options.icon) : null,
    label,
  );
}

const SVG = 'http://www.w3.org/2000/svg';

/** Turns a shape into DOM. */
export function mountShape(shape: Shape): SVGElement {
  const made = document.createElementNS(SVG, shape.name);
  for (const [name, value] of Object.entries(shape.attributes)) {
    if (name !== 'xmlns') made.setAttribute(name, attributeText(value));
  }
  for (const child of shape.children) made.append(typeof child === 'string' ? child : mountShape(child));
  return made;
}
