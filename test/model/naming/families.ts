// Checks the places of whole families by their real tensor names, written once per layer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeOf } from '../../../src/model/naming';

/**
 * Module → tensor names. `{n}` stands for the number of a layer, `{e}` for that of an expert. Names without `{n}` must
 * stand in the row `input` or `output` where one is given before a colon: `input:wte.weight`.
 */
export type Family = Readonly<Record<string, readonly string[]>>;

const LAYERS = [0, 7, 31, 119];

/** One test per family: every name has the module, and the tensors of a layer share its row, whatever its number. */
export function placesFamily(title: string, family: Family): void {
  test(`places the tensors of ${title}`, () => {
    for (const [module, names] of Object.entries(family)) {
      for (const written of names) checkName(written, module);
    }
  });
}

function checkName(written: string, module: string): void {
  const [, row, pattern = ''] = /^(?:(input|output):)?(.*)$/.exec(written) ?? [];
  for (const layer of pattern.includes('{n}') ? LAYERS : [0]) {
    const name = pattern.replace('{n}', String(layer)).replace('{e}', '17');
    const place = placeOf(name);
    assert.deepEqual([name, place.module], [name, module]);
    if (row !== undefined) assert.deepEqual([name, place.row], [name, row]);
    if (pattern.includes('{n}')) {
      const end = pattern.indexOf('{n}');
      assert.equal(place.row, pattern.slice(0, end) + String(layer), name);
    }
    if (pattern.includes('{e}')) assert.equal(place.expert, 17, name);
  }
}
