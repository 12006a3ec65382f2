// The command line: the analysis server's handlers without a server.
import { commandNamed, COMMANDS } from './commands/registry';
import { parseArguments } from './arguments';
import { helpText } from './commands/help';
import { EXIT, type ExitCode } from './exit-codes';
import { standardOutput } from './output';
import { Session } from './session';
import { version } from './version';

const interrupted = new AbortController();

async function main(words: readonly string[]): Promise<ExitCode> {
  const output = standardOutput();
  const [name, ...rest] = words;
  if (name === undefined || name === '--help' || name === '-h') {
    output.print(helpText(COMMANDS, []));
    return name === undefined ? EXIT.wrongUse : EXIT.fine;
  }
  if (name === '--version' || name === '-V') {
    output.print(`${version()}\n`);
    return EXIT.fine;
  }
  const command = commandNamed(name);
  if (!command) {
    const names = COMMANDS.map((each) => each.name).join(', ');
    output.complain(`deltalens: There is no command "${name}".\nUse one of: ${names}.\n`);
    return EXIT.wrongUse;
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    const positionals = rest.filter((word) => !word.startsWith('-'));
    output.print(helpText(COMMANDS, [name, ...positionals]));
    return EXIT.fine;
  }
  const session = new Session(output, interrupted.signal);
  const given = parseArguments(rest, command.options);
  if (!given.ok) return session.fail({ ...given.problem, action: `See "deltalens help ${name}".` });
  try {
    return await command.run(given.value, session);
  } finally {
    await session.close();
  }
}

process.on('SIGINT', () => {
  // The second time the user means it.
  if (interrupted.signal.aborted) process.exit(EXIT.cancelled);
  interrupted.abort();
});
main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = interrupted.signal.aborted ? EXIT.cancelled : code;
  },
  (error: unknown) => {
    // A bug. Node's own exit code for it, 1, would read as a finding.
    process.stderr.write(
      `deltalens: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exitCode = EXIT.refused;
  },
);
