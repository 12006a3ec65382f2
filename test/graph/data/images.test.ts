import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { readBatch } from '../../../src/graph/data/batches';
import { decodePicture, toGrey } from '../../../src/graph/data/decode-picture';
import { matchData } from '../../../src/graph/data/match';
import { preprocess, readPreprocessor } from '../../../src/graph/data/preprocessor';
import { openData } from '../../../src/graph/data/registry';
import { resize, type Picture } from '../../../src/graph/data/resample';
import { codeOf, got } from '../got';
import { temporaryFiles } from './files';

const write = temporaryFiles();

/**
 * Made by Pillow 9.4 of Debian 12: `resized` holds the picture below after `Image.resize`, by filter and size (of the larger
 * one the first three rows and the last); `png` and `jpeg` files and what `Image.open(...).convert("RGB")` gives.
 */
const PILLOW = JSON.parse(fs.readFileSync(new URL('pillow.json', import.meta.url), 'utf8')) as {
  readonly resized: Readonly<Record<string, string>>;
  readonly grey: string;
  readonly png: Readonly<Record<string, readonly [string, string]>>;
  readonly jpeg: Readonly<Record<string, readonly [string, string]>>;
};
const bytes = (text = '') => new Uint8Array(Buffer.from(text, 'base64'));

const picture: Picture = (() => {
  const [width, height] = [23, 17];
  const data = Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const block = ((Math.floor(x / 4) + Math.floor(y / 3)) % 2) * 90;
    return [
      (x * 37 + y * 11) % 256,
      (x * x * 3 + y * 29 + block) % 256,
      (((255 - x * 9 - y * 5) % 256) + 256) % 256,
    ];
  });
  return { width, height, channels: 3, data: Uint8Array.from(data.flat()) };
})();

test('pictures are resized to the bit as Pillow resizes them, by every filter, down and up', () => {
  for (const [key, expected] of Object.entries(PILLOW.resized)) {
    const [filter = 0, width = 0, height = 0] = (/(\d) (\d+)x(\d+)/.exec(key) ?? []).slice(1).map(Number);
    const { data } = resize(picture, width, height, filter);
    const shown =
      height === 20 ? Uint8Array.from([...data.slice(0, 3 * 3 * width), ...data.slice(-3 * width)]) : data;
    assert.deepEqual(shown, bytes(expected), key);
  }
  assert.deepEqual(toGrey(picture).data, bytes(PILLOW.grey));
});

test('PNG of every kind is decoded exactly, JPEG as near as the comment says', () => {
  for (const [kind, [file, expected]] of Object.entries(PILLOW.png)) {
    const { data, width, height } = got(decodePicture(bytes(file), kind));
    assert.deepEqual([width, height, data], [8, 6, bytes(expected)], kind);
  }
  for (const [kind, most] of [
    ['444', 3],
    ['progressive', 3],
    ['420', 22],
  ] as const) {
    const [file, expected] = PILLOW.jpeg[kind] ?? [];
    const { data } = got(decodePicture(bytes(file), kind));
    const wanted = bytes(expected);
    assert.equal(data.length, wanted.length);
    assert.ok(
      data.every((value, i) => Math.abs(value - (wanted[i] ?? 0)) <= most),
      kind,
    );
  }
});

test('images are resized, cut and normalised as their configuration says', () => {
  const json = {
    do_resize: true,
    size: { shortest_edge: 12 },
    resample: 3,
    do_center_crop: true,
    crop_size: 10,
    image_mean: [0.5, 0.4, 0.3],
    image_std: [0.5, 0.25, 0.2],
  };
  const { shape, data } = got(preprocess(picture, got(readPreprocessor(json, 'p')), 'x.png'));
  assert.deepEqual(shape, [3, 10, 10]);
  // The shorter side 17 becomes 12 and the longer one int(12 · 23 / 17) = 16; 10 × 10 from row 1 and column 3 on.
  const small = resize(picture, 16, 12, 3);
  for (const [c, mean, deviation] of [
    [0, 0.5, 0.5],
    [1, 0.4, 0.25],
    [2, 0.3, 0.2],
  ] as const) {
    for (const [y, x] of [
      [0, 0],
      [3, 7],
      [9, 9],
    ] as const) {
      const value = small.data[((y + 1) * 16 + x + 3) * 3 + c] ?? NaN;
      assert.equal(data[(c * 10 + y) * 10 + x], Math.fround((value / 255 - mean) / deviation));
    }
  }
});

test('a folder of images feeds a network, its folders being the labels', async () => {
  const [rgb = ''] = PILLOW.png['rgb'] ?? [];
  const [jpeg = ''] = PILLOW.jpeg['444'] ?? [];
  const folder = dirname(dirname(write('set/dog/b.png', Buffer.from(rgb, 'base64'))));
  write('set/cat/a.JPG', Buffer.from(jpeg, 'base64'));
  write('set/cat/notes.txt', 'no image');
  const near = dirname(
    write('model/preprocessor_config.json', JSON.stringify({ size: { height: 4, width: 5 }, resample: 2 })),
  );
  const inputs = [{ name: 'pixel_values', type: 'float32' as const, shape: ['batch', 3, 4, 5] }];
  const match = got(matchData(got(await openData(folder, {}, [near])), inputs));
  assert.equal(match.samples, 2);
  const { inputs: fed, reference } = got(await readBatch(match, [1, 0]));
  assert.deepEqual(reference?.data, BigInt64Array.of(1n, 0n));
  const small = resize(got(decodePicture(bytes(rgb), 'b')), 5, 4, 2);
  const expected = [0, 1, 2].flatMap((c) =>
    Array.from({ length: 20 }, (_, i) => Math.fround((small.data[3 * i + c] ?? 0) / 255)),
  );
  assert.deepEqual([...(fed.get('pixel_values')?.data.slice(0, 60) ?? [])], expected);
  write('model/config.json', JSON.stringify({ label2id: { dog: 0, cat: 7 } }));
  const named = got(matchData(got(await openData(folder, {}, [near])), inputs));
  assert.deepEqual(got(await readBatch(named, [0, 1])).reference?.data, BigInt64Array.of(7n, 0n));
});

test('one channel of mean and deviation means brightness, and images that keep their size have to agree', async () => {
  const [rgb = ''] = PILLOW.png['rgb'] ?? [];
  const [jpeg = ''] = PILLOW.jpeg['444'] ?? [];
  const folder = dirname(write('flat/a.png', Buffer.from(rgb, 'base64')));
  write('flat/b.jpg', Buffer.from(jpeg, 'base64'));
  write(
    'flat/preprocessor_config.json',
    JSON.stringify({ do_resize: false, image_mean: [0], image_std: [1] }),
  );
  const data = got(await openData(folder));
  assert.deepEqual(data.arrays, [{ name: 'pixel_values', type: 'float32', shape: [2, 1, null, null] }]);
  const one = got(await data.rows(['pixel_values'], [0])).get('pixel_values');
  assert.deepEqual(one?.shape, [1, 1, 6, 8]);
  assert.equal(codeOf(await data.rows(['pixel_values'], [0, 1])), 'data-ragged');
});

test('what cannot be decoded or is not known is refused with a code', async () => {
  const [rgb = ''] = PILLOW.png['rgb'] ?? [];
  const huge = Buffer.from(rgb, 'base64');
  huge.writeUInt32BE(2 ** 31 - 1, 16);
  const [jpeg = ''] = PILLOW.jpeg['420'] ?? [];
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ['no bytes', new Uint8Array(0), 'data-image'],
    ['half a PNG', bytes(rgb).slice(0, 60), 'data-image'],
    ['half a JPEG', bytes(jpeg).slice(0, 300), 'data-image'],
    ['a start of a JPEG', bytes(jpeg).slice(0, 3), 'data-image'],
    ['a PNG of 2^31 pixels a row', huge, 'data-too-large'],
    ['a GIF', Buffer.from('GIF89a'), 'data-image'],
  ];
  for (const [what, content, code] of cases) assert.equal(codeOf(decodePicture(content, 'x')), code, what);
  const jsons: readonly unknown[] = [
    { do_pad: true },
    { crop_pct: 0.9 },
    { resample: 9 },
    { size: 'large' },
    { size: { longest_edge: 4 } },
    { size: 1e9 },
    { image_mean: [1, 2], image_std: [1, 2] },
    { image_mean: [0.5], image_std: [0] },
    { rescale_factor: 'x' },
    { do_center_crop: true },
  ];
  for (const json of jsons)
    assert.equal(
      codeOf(readPreprocessor(json as Record<string, unknown>, 'p')),
      'data-preprocessor',
      JSON.stringify(json),
    );
  const small = got(readPreprocessor({ do_resize: false, do_center_crop: true, crop_size: 18 }, 'p'));
  assert.equal(codeOf(preprocess(picture, small, 'x')), 'data-image');
  const folder = dirname(write('bare/a.png', Buffer.from(rgb, 'base64')));
  assert.equal(codeOf(await openData(folder)), 'data-preprocessor');
  assert.equal(codeOf(await openData(dirname(write('void/x.txt', 'x')))), 'data-empty');
});
