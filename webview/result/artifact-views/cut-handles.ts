import type { FigureOptions } from '../../../src/figure/figure-options';
import { placesOfCuts, sharesOfCuts, type CutPlaces } from '../../../src/figure/histogram-cuts';
import { histogramPlot } from '../../../src/figure/histogram-figure';
import { formatNumber, formatShare } from '../../../src/figure/number-text';
import type { Histogram } from '../../../src/protocol/artifact';
import { element } from '../../dom';
import type { ViewContext } from './view';

/** Two handles over a histogram, and what lies between them in words. */
export interface CutHandles {
  readonly element: HTMLElement;
  readonly readout: HTMLElement;
}

type Side = keyof CutPlaces;

/** Pixels that an arrow key moves a cut; with Shift ten times that. */
const STEP = 2;

/**
 * Handles for the cuts of a histogram; `null` where it has none. While a handle moves, what is kept is read off the bins at
 * once; when it is let go (or Enter is pressed after arrow keys) the lens runs with the new shares and answers exactly.
 */
export function cutHandles(
  histogram: Histogram,
  options: FigureOptions,
  context: ViewContext,
): CutHandles | null {
  const { cuts } = histogram;
  if (!cuts) return null;
  const plot = histogramPlot(histogram, options);
  let places = placesOfCuts(histogram, cuts);
  let moved = false;
  const readout = element('output', { class: 'cut-readout' });
  const pale = {
    lower: element('div', { class: 'cut-outside' }),
    upper: element('div', { class: 'cut-outside' }),
  };
  const handles = { lower: handle('Lower cut'), upper: handle('Upper cut') };
  const layer = element('div', { class: 'cut-layer' }, pale.lower, pale.upper, handles.lower, handles.upper);

  const show = () => {
    const [low, high] = [plot.at(places.lower), plot.at(places.upper)];
    const shares = sharesOfCuts(histogram, cuts, places);
    placeBox(pale.lower, plot.left, low);
    placeBox(pale.upper, high, plot.right);
    for (const side of ['lower', 'upper'] as const) {
      const value = places[side];
      handles[side].style.left = `${String(plot.at(value))}px`;
      handles[side].setAttribute('aria-valuenow', String(value));
      handles[side].setAttribute('aria-valuetext', `${formatNumber(value, 3)}, ${keptText(shares)}`);
    }
    readout.textContent = `${keptText(shares)}${moved ? ' (read off the bins; let go for exact figures)' : ''}`;
  };
  const moveTo = (side: Side, position: number) => {
    const value = plot.valueAt(Math.max(plot.left, Math.min(plot.right, position)));
    const other = side === 'lower' ? places.upper : places.lower;
    places = { ...places, [side]: side === 'lower' ? Math.min(value, other) : Math.max(value, other) };
    moved = true;
    show();
  };
  const apply = () => {
    if (!moved) return;
    const { keep, drop } = sharesOfCuts(histogram, cuts, places);
    const rounded = (share: number) => Math.min(1, Math.round(share * 1e6) / 1e6);
    const dropped = rounded(drop);
    const kept = Math.min(rounded(keep), Math.round((1 - dropped) * 1e6) / 1e6);
    context.runWith?.({ [cuts.keepParameter]: kept, [cuts.dropParameter]: dropped });
  };
  for (const side of ['lower', 'upper'] as const) {
    const grip = handles[side];
    grip.addEventListener('pointerdown', (event) => {
      grip.setPointerCapture(event.pointerId);
      event.preventDefault();
      grip.focus();
    });
    grip.addEventListener('pointermove', (event) => {
      if (grip.hasPointerCapture(event.pointerId))
        moveTo(side, event.clientX - layer.getBoundingClientRect().left);
    });
    grip.addEventListener('pointerup', apply);
    grip.addEventListener('keydown', (event) => {
      const direction = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key] ?? 0;
      if (direction !== 0) {
        moveTo(side, plot.at(places[side]) + direction * STEP * (event.shiftKey ? 10 : 1));
      } else if (event.key === 'Enter') apply();
      else return;
      event.preventDefault();
    });
  }
  placeHeight([pale.lower, pale.upper, handles.lower, handles.upper], plot.top, plot.bottom);
  show();
  return { element: layer, readout };
}

function handle(name: string): HTMLElement {
  return element('div', {
    class: 'cut-handle',
    title: `${name}: drag, or use the arrow keys and Enter`,
    attributes: { role: 'slider', tabindex: 0, 'aria-label': name, 'aria-orientation': 'horizontal' },
  });
}

function keptText({ keep, drop, energy }: { keep: number; drop: number; energy: number }): string {
  return `keeps ${formatShare(keep)} of all entries and ${formatShare(energy)} of ‖τ‖²; leaves out the largest ${formatShare(drop)}`;
}

function placeBox(box: HTMLElement, from: number, to: number): void {
  box.style.left = `${String(from)}px`;
  box.style.width = `${String(Math.max(0, to - from))}px`;
}

function placeHeight(boxes: readonly HTMLElement[], top: number, bottom: number): void {
  for (const box of boxes) {
    box.style.top = `${String(top)}px`;
    box.style.height = `${String(bottom - top)}px`;
  }
}
