import assert from 'node:assert/strict';
import { readPickleContent, scanPickles } from '../../src/format/pickle';
import { globalFindings } from '../../src/format/pickle-globals';
import { stateDictOf } from '../../src/format/state-dict';
import { pickle as pickled } from '../format/torch-files';
import { expectFindings, expectResult } from './expectations';
import { PICKLED } from './torch-seeds';
import type { FuzzTarget } from './target';

/** The stack machine of pickles, what it names, and the tensors in its values. */
export const pickle: FuzzTarget = {
  name: 'pickle',
  modules: /format\/(?:pickle|pickle-\w+|pickled|state-dict)\.ts$/,
  seeds: () => [
    ...PICKLED.map(pickled),
    Buffer.from('cos\nsystem\n(S"id"\ntR.', 'latin1'),
    Buffer.from('\x80\x04\x95\x0c\0\0\0\0\0\0\0\x8c\x02os\x94\x8c\x01x\x94\x93\x94.', 'latin1'),
    Buffer.from('(lp0\nI1\naL5L\naF1.5\naVx\nag0\na.', 'latin1'),
    Buffer.from('(dS"k"\n(I01\nI2\nts(i__main__\nX\nb.', 'latin1'),
  ],
  run(bytes) {
    const { globals } = scanPickles(bytes);
    for (const { at } of globals) assert.ok(at <= bytes.length);
    const content = expectResult(readPickleContent(bytes, '/fuzz/a.pkl'));
    if (content === null) return;
    assert.ok(content.end <= bytes.length, 'ends behind its end');
    expectFindings(globalFindings('/fuzz/a.pkl', content.globals, 0));
    expectResult(stateDictOf(content.value, '/fuzz/a.pkl'));
  },
};
