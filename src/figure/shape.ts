/** An SVG element as plain data: written as text for an export, mounted as DOM in a view. */
export interface Shape {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly children: readonly (Shape | string)[];
}

/** A finished figure: its size in CSS pixels and what is drawn, back to front. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly shapes: readonly Shape[];
}

/** Makes one element. Numbers are rounded to a hundredth of a pixel, which no eye can see. */
export function shape(
  name: string,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: readonly (Shape | string)[]
): Shape {
  return { name, attributes, children };
}

/** Makes a text element, anchored as given. `attributes` may override every default. */
export function label(
  text: string,
  x: number,
  y: number,
  attributes: Readonly<Record<string, string | number>> = {},
): Shape {
  return shape('text', { x, y, 'font-size': 11, ...attributes }, text);
}

/** Escapes text for XML and HTML, in content and in quoted attributes alike; control characters XML forbids are dropped. */
export function escapeMarkup(text: string): string {
  return text
    .replace(FORBIDDEN, '\uFFFD')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;');
}

// Everything outside the Char production of XML 1.0, lone surrogates included.
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/** Writes an attribute value: numbers with at most two decimals. */
export function attributeText(value: string | number): string {
  return typeof value === 'number' ? String(Math.round(value * 100) / 100) : value;
}

/** Writes an element and all below it as XML. */
export function shapeToText(element: Shape): string {
  const attributes = Object.entries(element.attributes)
    .map(([name, value]) => ` ${name}="${escapeMarkup(attributeText(value))}"`)
    .join('');
  if (element.children.length === 0) return `<${element.name}${attributes}/>`;
  const children = element.children.map((child) =>
    typeof child === 'string' ? escapeMarkup(child) : shapeToText(child),
  );
  return `<${element.name}${attributes}>${children.join('')}</${element.name}>`;
}

/** Width of a text in a proportional sans-serif, in pixels. A generous estimate: nothing here can measure. */
export function textWidth(text: string, size = 11): number {
  return text.length * size * 0.6;
}

/** Shortens a text in the middle, where names of tensors differ least, so that it fits `width` pixels. */
export function shorten(text: string, width: number, size = 11): string {
  const fits = Math.max(1, Math.floor(width / (size * 0.6)));
  if (text.length <= fits) return text;
  if (fits <= 2) return '…';
  const end = Math.ceil((fits - 1) / 2);
  return `${text.slice(0, fits - 1 - end)}…${text.slice(text.length - end)}`;
}

/** Breaks text between words into lines of at most `width` pixels; a word that is longer alone is shortened. */
export function wrap(text: string, width: number, size = 11): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const last = lines.at(-1);
    const longer = last === undefined ? undefined : `${last} ${word}`;
    if (longer !== undefined && textWidth(longer, size) <= width) lines[lines.length - 1] = longer;
    else lines.push(shorten(word, width, size));
  }
  return lines;
}
