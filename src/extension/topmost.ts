/** The paths (of URIs, with `/`) that do not lie below another one of them. */
export function topmost(paths: readonly string[]): string[] {
  const kept: string[] = [];
  // A path sorts before everything below it; with the slash also before `a-b` for `a`.
  for (const path of [...new Set(paths)].sort((a, b) => (`${a}/` < `${b}/` ? -1 : 1))) {
    const last = kept.at(-1);
    if (last === undefined || !path.startsWith(`${last}/`)) kept.push(path);
  }
  return kept;
}
