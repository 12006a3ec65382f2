/** `checkpoint-500`, `step_500`, `global_step500`, `iter-500`, `epoch-3`. */
const NUMBERED = /^(?:checkpoint|ckpt|(?:global_?)?step|iter(?:ation)?|epoch)[-_]?(\d{1,15})$/i;

/** The step in the name of a checkpoint's folder, as trainers write it; `null` where there is none. */
export function stepInName(name: string): number | null {
  const [, digits] = NUMBERED.exec(name) ?? [];
  return digits === undefined ? null : Number(digits);
}
