/**
 * Text from a file as a terminal, a log or a message box may show it: no control characters, which could move the cursor,
 * recolour or forge lines, and none that turn the direction of writing round, which could make a name look like another.
 * They stand there as `\x1b`, `\u202e`.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
  });
}
