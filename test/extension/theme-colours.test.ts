import assert from 'node:assert/strict';
import test from 'node:test';
import { readManifest, type Colour } from './manifest';

type Theme = keyof Colour['defaults'];
type Rgb = readonly [number, number, number];

const BACKGROUNDS: Readonly<Record<Theme, string>> = {
  dark: '#1f1f1f',
  light: '#ffffff',
  highContrast: '#000000',
  highContrastLight: '#ffffff',
};
const THEMES = Object.keys(BACKGROUNDS) as Theme[];
const { colors } = readManifest().manifest.contributes;

// Machado, Oliveira & Fernandes (2009), A Physiologically-based Model for Simulation of Color Vision Deficiency, severity 1.0.
const VISIONS: Readonly<Record<string, readonly [Rgb, Rgb, Rgb]>> = {
  full: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
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

function ramp(name: string, theme: Theme): Rgb[] {
  return [1, 2, 3, 4, 5].map((stop) => {
    const colour = colors.find(({ id }) => id === `deltalens.${name}${stop}`);
    assert.ok(colour, `${name}${stop}`);
    return linear(colour.defaults[theme]);
  });
}

/** Linear-light channels 0..1 of `#rrggbb` (IEC 61966-2-1). */
function linear(hex: string): Rgb {
  const channel = (at: number) => {
    const share = parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

function seen(colour: Rgb, [red, green, blue]: readonly [Rgb, Rgb, Rgb]): Rgb {
  const dot = (row: Rgb) =>
    Math.min(1, Math.max(0, row[0] * colour[0] + row[1] * colour[1] + row[2] * colour[2]));
  return [dot(red), dot(green), dot(blue)];
}

/** CIE L*a*b*, D65. */
function lab([r, g, b]: Rgb): Rgb {
  const curve = (t: number) => (t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29);
  const x = curve((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
  const y = curve(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const z = curve((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function distance(a: Rgb, b: Rgb): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

for (const theme of THEMES) {
  const away = lab(linear(BACKGROUNDS[theme]))[0] < 50 ? 1 : -1;

  for (const [vision, matrix] of Object.entries(VISIONS)) {
    test(`sequential, ${theme}, ${vision}: more is always further from the background in lightness`, () => {
      const lightness = ramp('sequential', theme).map((colour) => lab(seen(colour, matrix))[0]);
      for (let stop = 1; stop < lightness.length; stop++) {
        const step = away * ((lightness[stop] ?? NaN) - (lightness[stop - 1] ?? NaN));
        assert.ok(step >= 10, `step ${stop}: ${step.toFixed(1)}`);
      }
    });

    test(`diverging, ${theme}, ${vision}: the two signs never look alike`, () => {
      const [a, b, , d, e] = ramp('diverging', theme).map((colour) => lab(seen(colour, matrix)));
      assert.ok(a && b && d && e);
      assert.ok(distance(a, e) >= 30, `ends: ${distance(a, e).toFixed(1)}`);
      assert.ok(distance(b, d) >= 25, `halfway: ${distance(b, d).toFixed(1)}`);
    });
  }

  test(`diverging, ${theme}: the centre is neutral, close to the background, and both arms lead away from it`, () => {
    const stops = ramp('diverging', theme).map(lab);
    const [low, , centre, , high] = stops;
    assert.ok(low && centre && high);
    assert.ok(Math.hypot(centre[1], centre[2]) < 5);
    const lightness = stops.map((stop) => away * stop[0]);
    const [a = NaN, b = NaN, c = NaN, d = NaN, e = NaN] = lightness;
    assert.ok(a > b && b > c && c < d && d < e, lightness.map((value) => value.toFixed(0)).join(' '));
  });
}
