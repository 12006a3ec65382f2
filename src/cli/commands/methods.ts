import { JSON_OPTION, type Command } from '../command';
import { EXIT } from '../exit-codes';

/** Merge methods; this version has none. */
const METHODS: readonly never[] = [];

export const methods: Command = {
  name: 'methods',
  usage: ['[--json]'],
  summary: 'list the merge methods',
  options: [JSON_OPTION],
  run(given, { output }) {
    if (given.has('json')) output.print(`${JSON.stringify(METHODS)}\n`);
    else output.complain('There are no merge methods in this version.\n');
    return Promise.resolve(EXIT.fine);
  },
};
