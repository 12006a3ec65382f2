import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { placesOfCuts, sharesOfCuts } from '../../src/figure/histogram-cuts';
import { figureToSvg } from '../../src/figure/svg';
import type { Histogram, HistogramCuts } from '../../src/protocol/artifact';
import { readXml } from './markup';

const CUTS: HistogramCuts = {
  keepParameter: 'keep',
  dropParameter: 'drop',
  keep: 0.5,
  drop: 0.1,
  energies: [1, 4, 10, 25],
};

function histogram(counts: readonly number[], cuts = CUTS): Histogram {
  const edges = [0, 0.01, 0.1, 1, 10];
  return { kind: 'histogram', id: 'h', title: 'H', edges, counts, unit: '|τ|', logarithmic: true, cuts };
}

test('cuts at the borders of bins keep exactly what lies between them', () => {
  const shares = sharesOfCuts(histogram([10, 20, 30, 40]), CUTS, { lower: 0.1, upper: 1 });
  assert.deepEqual(shares, { drop: 0.4, keep: 0.3, energy: 0.25 });
});

test('cuts outside the histogram keep everything', () => {
  const shares = sharesOfCuts(histogram([10, 20, 30, 40]), CUTS, { lower: 0, upper: 10 });
  assert.deepEqual(shares, { drop: 0, keep: 1, energy: 1 });
});

test('a histogram of nothing keeps nothing', () => {
  const shares = sharesOfCuts(
    histogram([0, 0, 0, 0]),
    { ...CUTS, energies: [0, 0, 0, 0] },
    { lower: 0, upper: 10 },
  );
  assert.deepEqual(shares, { drop: 0, keep: 0, energy: 0 });
});

test('the places of two shares give these shares back', () => {
  const counts = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 4, maxLength: 4 });
  const share = fc.double({ min: 0.01, max: 0.49, noNaN: true });
  fc.assert(
    fc.property(counts, share, share, (bins, keep, drop) => {
      const drawn = histogram(bins, { ...CUTS, keep, drop });
      const shares = sharesOfCuts(drawn, CUTS, placesOfCuts(drawn, { keep, drop }));
      assert.ok(Math.abs(shares.keep - keep) < 1e-9 && Math.abs(shares.drop - drop) < 1e-9);
    }),
    { numRuns: 200 },
  );
});

test('on a logarithmic axis bins of equal ratio are equally wide', () => {
  const bars = readXml(figureToSvg(histogram([5, 5, 5, 5]))).filter(
    ({ attributes }) => attributes['class'] === 'bar',
  );
  const widths = bars.map(({ attributes }) => Number(attributes['width']));
  assert.equal(widths.length, 3);
  assert.ok(Math.abs((widths[0] ?? 0) - (widths[1] ?? 1)) < 0.02);
  assert.ok(Math.abs((widths[1] ?? 0) - (widths[2] ?? 1)) < 0.02);
});

test('an exported histogram has a line for each of its two cuts', () => {
  const lines = readXml(figureToSvg(histogram([5, 5, 5, 5]))).filter(
    ({ attributes }) => attributes['class'] === 'cut',
  );
  assert.equal(lines.length, 2);
});
