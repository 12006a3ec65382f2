import { pointer, select, zoom, zoomIdentity, type D3ZoomEvent } from 'd3';

/** What the wheel, a drag or a pinch asks for. */
export interface GestureListener {
  /** Whether the plain wheel zooms; else it scrolls the page, and only Ctrl or Cmd with it (or a pinch) zooms. */
  wantsWheel(): boolean;
  /** Zoom by a factor around a point, in pixels from the canvas's top left. */
  zoom(factor: number, point: { readonly x: number; readonly y: number }): void;
  /** Move the content by pixels. */
  pan(dx: number, dy: number): void;
}

/**
 * Reads gestures with d3-zoom. Only the steps between its transforms are used: the heatmap bounds and stretches its two axes each
 * by itself, which one transform cannot say.
 */
export function listenToGestures(canvas: HTMLCanvasElement, listener: GestureListener): void {
  let last = { k: 1, x: 0, y: 0 };
  const gesture = zoom<HTMLCanvasElement, unknown>()
    .filter((event: WheelEvent | MouseEvent) =>
      event.type === 'wheel'
        ? event.ctrlKey || event.metaKey || listener.wantsWheel()
        : event.button === 0 && !event.ctrlKey,
    )
    .on('zoom', (event: D3ZoomEvent<HTMLCanvasElement, unknown>) => {
      const { k, x, y } = event.transform;
      const factor = k / last.k;
      const source = event.sourceEvent as Event | null;
      if (Math.abs(factor - 1) > 1e-9 && source) {
        const [atX, atY] = pointer(source, canvas);
        listener.zoom(factor, { x: atX, y: atY });
      } else {
        listener.pan(x - last.x, y - last.y);
      }
      last = { k, x, y };
    })
    .on('end', () => {
      last = { k: 1, x: 0, y: 0 };
      select(canvas).property('__zoom', zoomIdentity);
    });
  select(canvas).call(gesture).on('dblclick.zoom', null);
}
