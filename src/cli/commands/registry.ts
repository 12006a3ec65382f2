import type { Command } from '../command';
import { bake } from './bake';
import { convert } from './convert';
import { convertLayout } from './convert-layout';
import { extract } from './extract';
import { formats } from './formats';
import { help } from './help';
import { inspect } from './inspect';
import { lens } from './lens';
import { lenses } from './lenses';
import { lint } from './lint';
import { methods } from './methods';
import { resize } from './resize';

/** Every command, in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  inspect,
  lens,
  lenses,
  methods,
  formats,
  lint,
  convert,
  bake,
  resize,
  extract,
  convertLayout,
  help,
];

/** The command of that name. */
export function commandNamed(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name);
}
