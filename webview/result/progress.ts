import { element, textButton } from '../dom';

/** The bar on top of the panel while a lens runs. */
export interface ProgressBar {
  readonly element: HTMLElement;
  update(fraction: number, message: string): void;
}

/** Makes the bar with its Cancel button. */
export function createProgressBar(cancel: () => void): ProgressBar {
  const bar = element('div', {
    class: 'progress-bar',
    attributes: { role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-label': 'Progress' },
  });
  const fill = element('div', { class: 'progress-fill' });
  bar.append(fill);
  const text = element('span', { class: 'progress-text', attributes: { role: 'status' } });
  const stop = textButton(
    'Cancel',
    () => {
      stop.disabled = true;
      text.textContent = 'Cancelling …';
      cancel();
    },
    { secondary: true },
  );
  return {
    element: element(
      'div',
      { class: 'progress' },
      bar,
      element('div', { class: 'progress-row' }, text, stop),
    ),
    update(fraction, message) {
      const percent = Math.round(Math.min(Math.max(fraction, 0), 1) * 100);
      fill.style.width = `${String(percent)}%`;
      bar.setAttribute('aria-valuenow', String(percent));
      if (!stop.disabled) text.textContent = `${message} · ${String(percent)} %`;
    },
  };
}

/** Stands in for the figure while the lens runs, so that nothing jumps when it comes. */
export function skeleton(): HTMLElement {
  const cells = Array.from({ length: 48 }, () => element('span'));
  return element('div', { class: 'skeleton', attributes: { 'aria-hidden': 'true' } }, ...cells);
}
