import { TextDocuments, type TextDocumentContentChangeEvent } from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';

import { manifestOf } from './manifest/manifest-uri';

/** In characters. Every edit of a longer text would cost tens of milliseconds, so it is checked from disk only. */
const LONGEST_FOLLOWED = 2 * 2 ** 20;

/** Long documents that were edited: their text is unknown until they are opened anew. */
const lost = new WeakSet<TextDocument>();

/** The documents that an editor holds. Of one with a long text, only the version is followed through edits. */
export function openDocuments(): TextDocuments<TextDocument> {
  return new TextDocuments({
    create: (uri, languageId, version, text) => TextDocument.create(uri, languageId, version, text),
    update: (document: TextDocument, changes: TextDocumentContentChangeEvent[], version) => {
      // A manifest is as long as it is, but changes only with its checkpoint.
      const isTyped = manifestOf(document.uri) === null;
      if (!lost.has(document) && (!isTyped || isShort(document)))
        return TextDocument.update(document, changes, version);
      const emptied = TextDocument.create(document.uri, document.languageId, version, '');
      lost.add(emptied);
      return emptied;
    },
  });
}

/** Whether the text is known and short enough to be checked while it is edited. */
export function isFollowed(document: TextDocument): boolean {
  return !lost.has(document) && isShort(document);
}

/** Whether the document's text is what the editor shows. */
export function isKnown(document: TextDocument): boolean {
  return !lost.has(document);
}

function isShort(document: TextDocument): boolean {
  return document.getText().length <= LONGEST_FOLLOWED;
}
