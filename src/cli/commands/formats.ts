import { JSON_OPTION, type Command } from '../command';
import { EXIT } from '../exit-codes';
import { textTable } from '../text-table';

export const formats: Command = {
  name: 'formats',
  usage: ['[--json]'],
  summary: 'list the container formats that can be opened, and the Hub',
  options: [JSON_OPTION],
  async run(given, session) {
    const result = await session.ask('deltalens/formats', {});
    if (!result.ok) return session.fail(result.problem);
    const rows = result.value.map(({ id, title, endings, supports }) => [
      id,
      title,
      endings.join(' '),
      supports.join(', '),
    ]);
    session.output.print(
      given.has('json')
        ? `${JSON.stringify(result.value, null, 2)}\n`
        : textTable(
            ['FORMAT', 'TITLE', 'NAMES', 'SUPPORTS'].map((title) => ({ title, align: 'left' })),
            rows,
          ),
    );
    return EXIT.fine;
  },
};
