import { JSON_OPTION, type Command } from '../command';
import { EXIT } from '../exit-codes';
import { textTable } from '../text-table';

export const lenses: Command = {
  name: 'lenses',
  usage: ['[--json]'],
  summary: 'list the lenses, that is, the analyses there are',
  options: [JSON_OPTION],
  async run(given, session) {
    const result = await session.ask('deltalens/lenses', {});
    if (!result.ok) return session.fail(result.problem);
    const rows = result.value.map(({ id, title, summary }) => [id, title, summary]);
    session.output.print(
      given.has('json')
        ? `${JSON.stringify(result.value, null, 2)}\n`
        : textTable(
            ['LENS', 'TITLE', 'WHAT IT SHOWS'].map((title) => ({ title, align: 'left' })),
            rows,
          ),
    );
    return EXIT.fine;
  },
};
