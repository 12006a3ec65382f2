import path from 'node:path';

/** Files by how many folders lie between them and `home`, the fewest first; otherwise the order stays. */
export function nearestFirst(files: readonly string[], home: string): readonly string[] {
  const steps = (file: string) => path.relative(home, file).split(path.sep).length;
  return [...new Set(files)].toSorted((a, b) => steps(a) - steps(b));
}
