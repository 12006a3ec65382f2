import { element } from '../dom';

/** A box beside the pointer with a heading and named figures. */
export interface Tooltip {
  show(heading: string, lines: readonly (readonly [string, string])[], at: { x: number; y: number }): void;
  hide(): void;
}

/** Makes the tooltip of a panel; coordinates are those of the window. */
export function createTooltip(parent: HTMLElement): Tooltip {
  const box = element('div', { class: 'tooltip', attributes: { 'aria-hidden': 'true', hidden: true } });
  parent.append(box);
  return {
    show(heading, lines, at) {
      const list = lines.map(([name, text]) =>
        element('div', {}, element('span', { class: 'muted', text: name }), element('span', { text })),
      );
      box.replaceChildren(element('strong', { text: heading }), ...list);
      box.hidden = false;
      const { width, height } = box.getBoundingClientRect();
      const x = at.x + 16 + width > window.innerWidth ? at.x - 12 - width : at.x + 16;
      const y = at.y + 16 + height > window.innerHeight ? at.y - 12 - height : at.y + 16;
      box.style.left = `${String(Math.max(4, x))}px`;
      box.style.top = `${String(Math.max(4, y))}px`;
    },
    hide() {
      box.hidden = true;
    },
  };
}
