import { RULES } from '../lint/registry';

/** Whether any lint rule is for the file at this path, by its name alone. */
export function isLinted(path: string): boolean {
  return RULES.some((rule) => rule.appliesTo(path));
}
