import { element } from './dom';

/** A region that screen readers speak when its text changes, and that nobody sees. */
export function createAnnouncer(parent: HTMLElement): (text: string) => void {
  const region = element('div', {
    class: 'spoken',
    attributes: { role: 'status', 'aria-live': 'polite', 'aria-atomic': 'true' },
  });
  parent.append(region);
  return (text) => {
    region.textContent = text;
  };
}
