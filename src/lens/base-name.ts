/** What the base is called beside its tasks: `base`, unless a task has that name. */
export function freeBaseName(taken: readonly string[]): string {
  let name = 'base';
  while (taken.includes(name)) name = `${name} (θ₀)`;
  return name;
}
