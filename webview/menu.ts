import { element, icon } from './dom';

/** An entry of a menu. */
export interface MenuEntry {
  readonly title: string;
  readonly icon?: string;
  readonly act: () => void;
}

/** A button that opens a list of commands below itself. Keys: arrows, Home, End, Enter, Escape. */
export function menuButton(
  name: string,
  label: string,
  entries: () => readonly MenuEntry[],
  text = '',
): HTMLElement {
  const button = element(
    'button',
    {
      class: text ? 'toggle' : 'icon-button',
      title: label,
      attributes: { type: 'button', 'aria-label': label, 'aria-haspopup': 'menu', 'aria-expanded': 'false' },
      on: { click: () => (holder.querySelector('.menu') ? close() : open()) },
    },
    icon(name),
    text || null,
  );
  const holder = element('div', {
    class: 'menu-holder',
    on: {
      keydown: (event: KeyboardEvent) => moveInMenu(holder, event, close),
      focusout: (event: FocusEvent) => {
        if (!holder.contains(event.relatedTarget as Node | null)) close(false);
      },
    },
  });
  const close = (refocus = true) => {
    // The focus first: taking away what has it would tell of its loss in the middle of the removal.
    if (refocus) button.focus();
    holder.querySelector('.menu')?.remove();
    button.setAttribute('aria-expanded', 'false');
  };
  const open = () => {
    const items = entries().map((entry) =>
      element(
        'button',
        {
          class: 'menu-item',
          attributes: { type: 'button', role: 'menuitem', tabindex: -1 },
          on: {
            click: () => {
              close();
              entry.act();
            },
          },
        },
        entry.icon ? icon(entry.icon) : null,
        entry.title,
      ),
    );
    const menu = element(
      'div',
      { class: 'menu', attributes: { role: 'menu', 'aria-label': label } },
      ...items,
    );
    holder.append(menu);
    button.setAttribute('aria-expanded', 'true');
    // Below the button and inside the window, whichever of its sides has the room.
    const { left, right, width } = menu.getBoundingClientRect();
    if (right > window.innerWidth - 4) menu.style.left = `${String(window.innerWidth - 4 - right)}px`;
    if (left + width < 0) menu.style.left = '0';
    items[0]?.focus();
  };
  holder.append(button);
  return holder;
}

function moveInMenu(holder: HTMLElement, event: KeyboardEvent, close: () => void): void {
  const items = [...holder.querySelectorAll<HTMLElement>('.menu-item')];
  if (items.length === 0) return;
  const at = items.findIndex((item) => item === document.activeElement);
  const targets: Readonly<Record<string, number>> = {
    ArrowDown: (at + 1) % items.length,
    ArrowUp: (at - 1 + items.length) % items.length,
    Home: 0,
    End: items.length - 1,
  };
  const target = targets[event.key];
  if (target !== undefined) items[target]?.focus();
  else if (event.key === 'Escape') close();
  else return;
  event.preventDefault();
  event.stopPropagation();
}
