import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { overlap, placeLabels, type Box } from '../../src/figure/label-places';

const PLOT: Box = { left: 0, right: 500, top: 0, bottom: 350 };

const marks = fc.array(
  fc.record({
    x: fc.double({ min: 0, max: 500, noNaN: true }),
    y: fc.double({ min: 0, max: 350, noNaN: true }),
    width: fc.integer({ min: 6, max: 120 }),
  }),
  { maxLength: 40 },
);

test('no label covers another label or a mark, and all stand inside the plot', () => {
  fc.assert(
    fc.property(marks, (given) => {
      const boxes = placeLabels(given, given, PLOT, Infinity).flatMap((place) => place?.box ?? []);
      boxes.forEach((box, index) => {
        assert.ok(boxes.every((other, at) => at === index || !overlap(box, other)));
        assert.ok(given.every(({ x, y }) => x <= box.left || x >= box.right || y <= box.top || y >= box.bottom));
        assert.ok(box.left >= 0 && box.right <= 500 && box.top >= 0 && box.bottom <= 350);
      });
    }),
  );
}); // prettier-ignore

test('a mark in the open has its label at its right side, without a leader line', () => {
  const [place] = placeLabels([{ x: 100, y: 100, width: 30 }], [{ x: 100, y: 100 }], PLOT, 100);
  assert.ok(place && place.leader === null);
  assert.ok(place.box.left > 100 && place.box.left < 115);
});

test('at the right border the label stands at the left side', () => {
  const [place] = placeLabels([{ x: 495, y: 100, width: 30 }], [{ x: 495, y: 100 }], PLOT, 100);
  assert.ok(place && place.box.right < 495);
});

/** Whether a point lies inside a box, away from its border. */
function holds({ left, right, top, bottom }: Box, x: number, y: number): boolean {
  return x > left + 0.01 && x < right - 0.01 && y > top + 0.01 && y < bottom - 0.01;
}

test('no label stands on a leader line', () => {
  // Points along each leader, a pixel apart, as a slow stand-in for the clipping.
  fc.assert(
    fc.property(marks, (given) => {
      const places = placeLabels(given, given, PLOT, Infinity);
      const boxes = places.flatMap((place) => place?.box ?? []);
      places.forEach((place, index) => {
        const [from, to] = [given[index], place?.leader];
        if (!from || !to) return;
        for (let at = 0; at <= 100; at++) {
          const x = from.x + ((to.x - from.x) * at) / 100;
          const y = from.y + ((to.y - from.y) * at) / 100;
          assert.ok(!boxes.some((box) => holds(box, x, y)));
        }
      });
    }),
  );
}); // prettier-ignore

test('a label that finds no place in reach has none', () => {
  const wall = Array.from({ length: 400 }, (_, at) => ({ x: (at % 20) * 8, y: Math.floor(at / 20) * 8 }));
  const [place] = placeLabels([{ x: 80, y: 80, width: 60 }], wall, PLOT, 40);
  assert.equal(place, null);
});
