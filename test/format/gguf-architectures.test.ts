// The names of every architecture against transformers and gguf-py (test/fixtures/gguf/names.py).
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as paths from 'node:path';
import test, { suite } from 'node:test';
import { GGUF_ARCHITECTURES, namingOf } from '../../src/format/gguf-architectures/registry';
import { hubName, type GgufNaming } from '../../src/format/gguf-naming';

const { pairs, architectures } = JSON.parse(
  fs.readFileSync(paths.resolve(__dirname, '../fixtures/gguf/names.json'), 'utf8'),
) as {
  readonly pairs: readonly string[];
  readonly architectures: Readonly<Record<string, readonly number[]>>;
};

/** Merged tensors that gguf-py maps as if conversion left them whole. */
function isMerged(naming: GgufNaming, name: string): boolean {
  return naming.merges.some((merge) => name.endsWith(merge.name.replace(/\.weight$/, '')));
}

suite('Names of the architectures of GGUF', () => {
  test('every name that gguf-py gives a tensor of transformers leads back to it', () => {
    for (const [architecture, places] of Object.entries(architectures)) {
      const names = places.map((place) => (pairs[place] ?? '').replaceAll('.N.', '.7.').split(' '));
      const naming = namingOf(
        architecture,
        names.map(([, mapped = '']) => mapped),
      );
      assert.ok(naming, architecture);
      for (const [own = '', mapped = ''] of names) {
        if (isMerged(naming, own)) continue;
        // The table leaves out `.weight`; of some names it is part of one side only.
        const found = ['', '.weight', '.bias'].map((ending) => hubName(mapped + ending, naming)?.name);
        assert.ok(
          found.includes(own) || found.includes(`${own}.weight`),
          `${architecture}: ${mapped} is ${found.join(', ')}, not ${own}`,
        );
      }
    }
  });

  test('no two tensors of a layer get the same name', () => {
    for (const [architecture, { layers, inside, experts, outside }] of Object.entries(GGUF_ARCHITECTURES)) {
      const sections = Object.keys(layers).length;
      const names = [...Object.entries(inside), ...Object.entries(experts)].map(([module, name]) =>
        sections > 1 ? `${module.split('.')[0] ?? ''} ${name}` : name,
      );
      const twice = names.filter((name, index) => names.indexOf(name) !== index);
      // Of the two forms of a shared MLP a file has one.
      const expected = architecture.startsWith('granite') && architecture !== 'granite' ? 1 : 0;
      assert.equal(twice.length, expected, `${architecture}: ${twice.join(', ')}`);
      assert.ok(Object.keys(outside).length > 0);
    }
  });
});
