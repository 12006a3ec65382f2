import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import type { LensResult } from '../../src/protocol/artifact';
import type { LensDescription } from '../../src/protocol/lens';
import type { StudyCard, StudyPanelState } from '../../src/protocol/panel';
import type { StudySpec } from '../../src/protocol/study';
import { openView, type OpenView, type OpenViewOptions, type Sent } from './page';
import { LENS } from './sample-results';

/** A study over made-up files. */
export function studyOf(tasks: readonly string[]): StudySpec {
  return {
    name: 'digits',
    base: '/models/base',
    tasks: tasks.map((name) => ({ name, path: `/models/${name}` })),
  };
}

/** A card of a lens, as a panel remembers it. */
export function cardOf(id: string, lens = 'delta-profile', more: Partial<StudyCard> = {}): StudyCard {
  return { id, lens, parameters: {}, view: {}, ...more };
}

/** A study panel on a page, with the extension's end of its messages. */
export interface StudyPage extends OpenView {
  /** Gives a card its result, once the page has asked for it. */
  give(card: string, result: LensResult): Promise<void>;
  /** What the page last asked to run for a card. */
  asked(card: string): Promise<Sent>;
  /** What the page last told to be remembered. */
  remembered(): Promise<StudyPanelState>;
}

export interface StudyPageOptions extends OpenViewOptions {
  readonly lenses?: readonly LensDescription[];
  readonly panel?: Partial<StudyPanelState>;
}

/** Opens a study panel with some cards, runs the steps, and checks that the page never complained. */
export async function withStudy(
  browser: Browser | undefined,
  cards: readonly StudyCard[],
  tasks: readonly string[],
  steps: (page: StudyPage) => Promise<void>,
  options: StudyPageOptions = {},
): Promise<void> {
  assert.ok(browser);
  const view = await openView(browser, 'result', options);
  try {
    const state = { study: studyOf(tasks), cards, lensesOpen: false, ...options.panel };
    await view.send({ type: 'start', state, lenses: options.lenses ?? [LENS] });
    if (cards.length > 0) await view.waitFor('run', cards.length);
    else await view.waitFor('state');
    await steps(studyPage(view));
    assert.deepEqual(view.complaints, []);
  } finally {
    await view.close();
  }
}

function studyPage(view: OpenView): StudyPage {
  return {
    ...view,
    async give(card, result) {
      await view.send({ type: 'result', card, result });
      await view.page.waitForFunction(
        (id) => window.sentMessages.some((message) => message.type === 'drawn' && message['card'] === id),
        card,
      );
      await view.settled();
    },
    async asked(card) {
      await view.page.waitForFunction(
        (id) =>
          window.sentMessages.some(
            (message) => message.type === 'run' && (message['card'] as { id: string }).id === id,
          ),
        card,
      );
      const runs = await view.sent('run');
      const last = runs.filter((run) => (run['card'] as StudyCard).id === card).at(-1);
      assert.ok(last);
      return last;
    },
    async remembered() {
      return (await view.waitFor('state'))['state'] as StudyPanelState;
    },
  };
}
