import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { TextLines } from '../../src/lint/text-lines';

test('positions are those of the language server protocol, whatever ends the lines', () => {
  const texts = fc.array(fc.constantFrom('a', 'é', '😀', '\n', '\r\n', '\r'), { maxLength: 40 });
  fc.assert(
    fc.property(texts, fc.nat(60), (parts, offset) => {
      const text = parts.join('');
      // Between CR and LF no position exists; the library steps back there.
      fc.pre(!(text[offset - 1] === '\r' && text[offset] === '\n'));
      const document = TextDocument.create('file:///x', 'json', 0, text);
      assert.deepEqual(new TextLines(text).positionAt(offset), document.positionAt(offset));
    }),
  );
});
