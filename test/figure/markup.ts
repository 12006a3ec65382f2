import assert from 'node:assert/strict';

/** An element found in markup. */
export interface FoundElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** The text directly inside it. */
  readonly text: string;
}

/** Checks that XML is well-formed (tags nest and close, attributes are quoted, no stray `<` or `&`); gives all elements in order. */
export function readXml(text: string): FoundElement[] {
  const open: string[] = [];
  const found: (FoundElement & { text: string })[] = [];
  const inside: number[] = [];
  const token = /<\?xml[^>]*\?>|<\/([\w:-]+)\s*>|<([\w:-]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/gy;
  let at = 0;
  while (at < text.length) {
    token.lastIndex = at;
    const match = token.exec(text);
    assert.ok(match, `not well-formed at ${String(at)}: ${text.slice(at, at + 60)}`);
    const [whole, closed, name, attributes = '', selfClosed, content = ''] = match;
    for (const part of [attributes, content]) {
      assert.doesNotMatch(part, /&(?!(?:amp|lt|gt|quot|#39);)/, 'a bare ampersand');
    }
    if (closed !== undefined) {
      assert.equal(open.pop(), closed, 'tags close in another order than they opened');
      inside.pop();
    }
    const holder = found[inside.at(-1) ?? -1];
    if (holder) holder.text += content;
    if (name !== undefined) {
      const pairs = [...attributes.matchAll(/([\w:-]+)="([^"]*)"/g)].map(
        ([, key = '', value = '']) => [key, value] as const,
      );
      assert.equal(new Set(pairs.map(([key]) => key)).size, pairs.length, 'an attribute twice');
      found.push({ name, attributes: Object.fromEntries(pairs), text: '' });
      if (!selfClosed) inside.push(found.length - 1);
      if (!selfClosed) open.push(name);
    }
    at += whole.length;
  }
  assert.deepEqual(open, [], 'tags left open');
  return found;
}
