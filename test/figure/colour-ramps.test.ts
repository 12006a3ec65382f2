import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DIVERGING,
  rampColour,
  rampTable,
  readableOn,
  relativeLuminance,
  SEQUENTIAL,
} from '../../src/figure/colour-ramps';

// Full-strength simulation matrices for linear RGB (Machado, Oliveira & Fernandes 2009, table 1).
const VISIONS: Readonly<Record<string, readonly (readonly number[])[]>> = {
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

function linear(colour: string): number[] {
  return [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
}

function simulate(colour: string, matrix: readonly (readonly number[])[]): number[] {
  const rgb = linear(colour);
  return matrix.map((row) =>
    Math.min(
      1,
      Math.max(
        0,
        row.reduce((sum, weight, i) => sum + weight * (rgb[i] ?? 0), 0),
      ),
    ),
  );
}

/** CIE Lab under D65 from linear sRGB, written out from the standard's definition. */
function toLab(rgb: readonly number[]): [number, number, number] {
  const [r = 0, g = 0, b = 0] = rgb;
  const x = (0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047;
  const y = 0.2126729 * r + 0.7151522 * g + 0.072175 * b;
  const z = (0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883;
  const [fx, fy, fz] = [x, y, z].map((t) =>
    t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116,
  ) as [number, number, number];
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

function distance(a: readonly number[], b: readonly number[]): number {
  const [left, right] = [toLab(a), toLab(b)];
  return Math.hypot(left[0] - right[0], left[1] - right[1], left[2] - right[2]);
}

for (const tone of ['light', 'dark'] as const) {
  test(`the sequential ramp for ${tone} themes changes lightness in one direction only`, () => {
    const lightness = Array.from(
      { length: 101 },
      (_, i) => toLab(linear(rampColour(SEQUENTIAL[tone], i / 100)))[0],
    );
    const sign = tone === 'dark' ? 1 : -1;
    for (let i = 1; i < lightness.length; i++) {
      assert.ok(sign * ((lightness[i] ?? 0) - (lightness[i - 1] ?? 0)) > 0, `step ${String(i)}`);
    }
  });

  test(`both ramps for ${tone} themes begin and end with their end stops`, () => {
    for (const stops of [SEQUENTIAL[tone], DIVERGING[tone]]) {
      assert.equal(rampColour(stops, 0), stops[0]);
      assert.equal(rampColour(stops, 1), stops[4]);
      assert.equal(rampColour(stops, 0.5), stops[2]);
      assert.equal(rampColour(stops, -3), stops[0]);
      assert.equal(rampColour(stops, 7), stops[4]);
    }
  });

  for (const [vision, matrix] of Object.entries(VISIONS)) {
    test(`the ends of both ramps for ${tone} themes stay far apart under ${vision}`, () => {
      for (const stops of [SEQUENTIAL[tone], DIVERGING[tone]]) {
        const [first = '', , , , last = ''] = stops;
        assert.ok(distance(simulate(first, matrix), simulate(last, matrix)) > 40);
      }
    });
  }

  test(`the middle of the diverging ramp for ${tone} themes is nearly grey`, () => {
    const [, a, b] = toLab(linear(DIVERGING[tone][2] ?? ''));
    assert.ok(Math.hypot(a, b) < 6);
  });
}

test('a ramp table holds the same colours as the ramp', () => {
  const table = rampTable(SEQUENTIAL.dark, 5);
  const hex = Array.from(
    { length: 5 },
    (_, i) =>
      `#${[...table.slice(i * 3, i * 3 + 3)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`,
  );
  assert.deepEqual(hex, SEQUENTIAL.dark);
});

test('text on any ramp colour has at least the contrast that WCAG asks of body text', () => {
  for (const stops of [SEQUENTIAL.light, SEQUENTIAL.dark, DIVERGING.light, DIVERGING.dark]) {
    for (let i = 0; i <= 50; i++) {
      const colour = rampColour(stops, i / 50);
      const [low, high] = [relativeLuminance(colour), relativeLuminance(readableOn(colour))].sort(
        (a, b) => a - b,
      ) as [number, number];
      assert.ok((high + 0.05) / (low + 0.05) >= 4.5, colour);
    }
  }
});
