/** One thing that may stand at a place of a document. */
export interface CompletionEntry {
  readonly label: string;
  /** Takes the place of what is typed from column `start` up to the cursor. */
  readonly text: string;
  /** UTF-16 column. */
  readonly start: number;
  readonly kind: 'key' | 'name' | 'file' | 'folder';
  readonly detail?: string;
}
