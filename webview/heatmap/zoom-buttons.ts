import { element, iconButton } from '../dom';

/** Buttons that zoom in, zoom out and show all; hidden until there is something to zoom into. `zoom` gets a factor, 0 for all. */
export function zoomButtons(zoom: (factor: number) => void): HTMLElement {
  return element(
    'div',
    { class: 'zoom-buttons', attributes: { hidden: true } },
    iconButton('zoom-in', 'Zoom in (+)', () => zoom(1.6)),
    iconButton('zoom-out', 'Zoom out (-)', () => zoom(1 / 1.6)),
    iconButton('screen-normal', 'Show all (0)', () => zoom(0)),
  );
}
