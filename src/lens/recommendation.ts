import type { Note } from '../protocol/artifact';

/** What to do, a sentence a line, and where the advice ends; `nothing` stands where there is none. */
export function recommendation(
  title: string,
  lines: readonly string[],
  limits: string,
  nothing = 'Nothing stands out.',
): Note {
  return {
    kind: 'note',
    id: 'advice',
    title,
    severity: 'information',
    role: 'recommendation',
    text: [...(lines.length > 0 ? lines : [nothing]), `Limits: ${limits}`].join('\n'),
  };
}
