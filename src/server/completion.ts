import { CompletionItemKind, type CompletionItem, type Position } from 'vscode-languageserver/node';
import type { CompletionEntry } from '../protocol/completion';

const KINDS: Readonly<Record<CompletionEntry['kind'], CompletionItemKind>> = {
  key: CompletionItemKind.Property,
  name: CompletionItemKind.Value,
  file: CompletionItemKind.File,
  folder: CompletionItemKind.Folder,
};
/** What follows is asked for at once: behind `key: ` its value, behind `folder/` what is in it. */
const GO_ON = { title: '', command: 'editor.action.triggerSuggest' };

/** An entry as the editor inserts it, in place of what is typed of it. */
export function completionItem(entry: CompletionEntry, position: Position, index: number): CompletionItem {
  const { label, text, start, kind, detail } = entry;
  const range = { start: { line: position.line, character: start }, end: position };
  const goesOn = text.endsWith(' ') || text.endsWith('/');
  return {
    label,
    kind: KINDS[kind],
    textEdit: { range, newText: text },
    sortText: String(index).padStart(4, '0'),
    ...(detail === undefined ? {} : { detail }),
    ...(goesOn ? { command: GO_ON } : {}),
  };
}
