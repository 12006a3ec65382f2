import type { Option } from '../arguments';
import type { Command } from '../command';
import { EXIT } from '../exit-codes';

const HELP_OPTION: Option = { name: 'help', short: 'h', help: 'show this' };
const INTRODUCTION =
  'deltalens: what did training change? Looks into checkpoints, adapters and families of fine-tunes.';
const HUB =
  'A checkpoint or adapter is a path, or a model of the Hugging Face Hub: hf://owner/name[@revision][/file]. HF_TOKEN opens gated ones.';
const EXIT_CODES = [
  'Exit codes:',
  '  0    fine',
  '  1    a finding of level error',
  '  2    wrong use',
  '  3    input that cannot be read or is refused',
  '  130  cancelled',
].join('\n');

export const help: Command = {
  name: 'help',
  usage: ['[COMMAND [LENS]]'],
  summary: 'how to use a command, and the parameters of a lens',
  options: [],
  async run({ positionals }, { output }) {
    // The registry lists this command too, so it can be loaded only once that is complete.
    const { COMMANDS } = await import('./registry');
    const [name] = positionals;
    if (name !== undefined && !COMMANDS.some((command) => command.name === name)) {
      output.complain(`deltalens: There is no command "${name}".\n${helpText(COMMANDS, [])}`);
      return EXIT.wrongUse;
    }
    output.print(helpText(COMMANDS, positionals));
    return EXIT.fine;
  },
};

/** Help for one command and what follows it (`['lens', 'delta-profile']`), or for all of them (`[]`). */
export function helpText(commands: readonly Command[], topic: readonly string[]): string {
  const [name, ...rest] = topic;
  const command = commands.find((each) => each.name === name);
  if (!command) return `${overview(commands)}\n\n${EXIT_CODES}\n`;
  const options = [...command.options, HELP_OPTION];
  const parts = [
    usageLines(command).join('\n'),
    `${command.summary[0]?.toUpperCase() ?? ''}${command.summary.slice(1)}.`,
    `Options:\n${columns(options.map((option) => [flagsOf(option), option.help]))}`,
    command.details?.(rest) ?? '',
    EXIT_CODES,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function overview(commands: readonly Command[]): string {
  const rows = commands.map((command) => [command.name, command.summary] as const);
  const options = columns([
    ['--version', 'show the version'],
    ['--help', 'show this; after a command: how to use it'],
  ]);
  return `${INTRODUCTION}\n\nUsage: deltalens COMMAND ...\n\nCommands:\n${columns(rows)}\n\nOptions:\n${options}\n\n${HUB}`;
}

function usageLines(command: Command): string[] {
  return command.usage.map((form, index) =>
    `${index === 0 ? 'Usage:' : '      '} deltalens ${command.name} ${form}`.trimEnd(),
  );
}

function flagsOf({ name, short, value }: Option): string {
  const flag = `${short === undefined ? '' : `-${short}, `}--${name}`;
  return value === undefined ? flag : `${flag} ${value}`;
}

/** Two columns, indented by two spaces. */
export function columns(rows: readonly (readonly [string, string] | readonly string[])[]): string {
  const width = Math.max(...rows.map(([first = '']) => first.length));
  return rows.map(([first = '', second = '']) => `  ${first.padEnd(width)}  ${second}`.trimEnd()).join('\n');
}
