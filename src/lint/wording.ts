/** `1 tensor`, `1,234 tensors`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}

/** The first few names of a list, and how many more there are: `a, b, c and 4 more`. */
export function named(names: readonly string[], show = 3): string {
  const shown = names
    .slice(0, show)
    .map((name) => clipped(name))
    .join(', ');
  return names.length > show ? `${shown} and ${(names.length - show).toLocaleString('en-US')} more` : shown;
}

/** A name from a file, short enough for one line of a message. Control characters become spaces. */
export function clipped(name: string, length = 120): string {
  const flat = Array.from(name, (character) => (character < ' ' ? ' ' : character)).join('');
  return flat.length > length ? `${flat.slice(0, length - 1)}…` : flat;
}

/** `64 × 128` */
export function shapeText(shape: readonly number[]): string {
  return shape.length === 0 ? 'scalar' : shape.join(' × ');
}
