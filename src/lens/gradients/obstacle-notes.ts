import type { Note } from '../../protocol/artifact';

/** What has no gradient, each once, as a warning; no note where everything has one. `without` is by task. */
export function obstacleNotes(without: readonly (readonly string[])[]): readonly Note[] {
  const lines = [...new Set(without.flat())];
  if (lines.length === 0) return [];
  return [
    {
      kind: 'note',
      id: 'obstacles',
      title: 'What has no gradient',
      severity: 'warning',
      text: lines.join('\n'),
    },
  ];
}
