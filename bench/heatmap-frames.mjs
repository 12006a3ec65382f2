// How long a frame takes while a user zooms and pans a large heatmap.
import { quantile } from './command-line.mjs';

export const title = 'Zoom and pan a heatmap';
const LAYERS = 4000;
const MODULES = 60;
const STEPS = 240;

/** @returns {Promise<import('../scripts/bench.mjs').Row>} */
export async function measure() {
  const { buildViews, launchBrowser } = await import('../test/webview/page.ts');
  const { profileResult } = await import('../test/webview/sample-results.ts');
  const { cardOf, withStudy } = await import('../test/webview/study-page.ts');
  buildViews();
  const browser = await launchBrowser();
  /** @type {Record<string, { work: number[], interval: number[] }>} */
  const frames = {};
  try {
    const modules = Array.from({ length: MODULES }, (_, index) => `module.${index}`);
    const result = profileResult({ layers: LAYERS, modules, metrics: ['relative'] });
    await withStudy(
      browser,
      [cardOf('card-1')],
      ['rot90'],
      async (view) => {
        await view.give('card-1', result);
        for (const kind of ['zoom', 'pan'])
          frames[kind] = await view.page.evaluate(framesWhile, { steps: STEPS, kind });
      },
      { width: 1400, height: 900 },
    );
    return {
      title,
      setup: `${LAYERS} × ${MODULES} cells, 1400 × 900 pixels, ${STEPS} events each, headless Chromium ${browser.version()} without a graphics card`,
      command: 'npm run bench -- --only=heatmap-frames',
      figures: Object.entries(frames).flatMap(([kind, each]) => figures(kind, each)),
    };
  } finally {
    await browser.close();
  }
}

/** @param {string} what @param {{ work: number[], interval: number[] }} frames @returns {[string, string][]} */
function figures(what, { work, interval }) {
  /** @param {readonly number[]} times */
  const text = (times) => `${quantile(times, 0.5).toFixed(1)} / ${quantile(times, 0.95).toFixed(1)} ms`;
  return [
    [`${what}: work per frame, median / 95th percentile`, text(work)],
    [`${what}: between frames, median / 95th percentile`, text(interval)],
  ];
}

/**
 * Runs in the page: one wheel or drag event before each frame. `work` is the time from a frame's start to after its
 * painting, `interval` that from frame to frame, which the display's 60 Hz bound from below.
 * @param {{ steps: number, kind: 'zoom' | 'pan' }} options
 */
async function framesWhile({ steps, kind }) {
  const canvas = document.querySelector('.heatmap canvas');
  const box = canvas.getBoundingClientRect();
  const middle = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
  const event = { bubbles: true, cancelable: true, view: window };
  /** @param {number} step */
  const act = (step) => {
    const forth = Math.floor(step / 40) % 2 === 0;
    if (kind === 'zoom') {
      const wheel = { ...event, ...middle, deltaY: forth ? -30 : 30, ctrlKey: true };
      canvas.dispatchEvent(new window.WheelEvent('wheel', wheel));
    } else {
      const moved = forth ? step % 40 : 40 - (step % 40);
      const to = { clientX: middle.clientX, clientY: middle.clientY - 8 * moved };
      window.dispatchEvent(new window.MouseEvent('mousemove', { ...event, ...to, buttons: 1 }));
    }
  };
  const channel = new window.MessageChannel();
  /** The frame's start and the first task after its painting. */
  const frame = () =>
    new Promise((resolve) => {
      requestAnimationFrame((start) => {
        const began = performance.now();
        channel.port1.onmessage = () => resolve({ start, work: performance.now() - began });
        channel.port2.postMessage(null);
      });
    });
  /** @type {number[]} */ const work = [];
  /** @type {number[]} */ const interval = [];
  if (kind === 'pan')
    canvas.dispatchEvent(new window.MouseEvent('mousedown', { ...event, ...middle, buttons: 1 }));
  let { start: last } = await frame();
  for (let step = 0; step < steps; step++) {
    // Asked for before the page asks for its own, so that it comes first in the frame and sees all of it.
    const next = frame();
    act(step);
    const { start, work: spent } = await next;
    work.push(spent);
    interval.push(start - last);
    last = start;
  }
  if (kind === 'pan') window.dispatchEvent(new window.MouseEvent('mouseup', { ...event, ...middle }));
  return { work, interval };
}
