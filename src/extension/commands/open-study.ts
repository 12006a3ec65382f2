import { showProblem } from '../show-problem';
import type { Command } from './command';
import { pickStudy, readStudy } from './pick-study';
import { runFirstLens } from './run-first-lens';
import { pathsOf } from './targets';

/** Opens a `*.study.yaml` as the delta profile of its tasks. */
export const openStudy: Command = {
  id: 'deltalens.openStudy',
  async run(context, clicked, selected) {
    const given = await pathsOf(context, clicked, selected);
    if (!given.ok) return showProblem(given.problem);
    const [path] = given.value;
    await runFirstLens(
      context,
      path === undefined ? await pickStudy(context, 'files') : await readStudy(context, path),
    );
  },
};
