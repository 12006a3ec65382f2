import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Locator } from 'playwright-core';
import type { LensDescription } from '../../src/protocol/lens';
import type { StudyCard } from '../../src/protocol/panel';
import { buildViews, launchBrowser, NO_CHROMIUM, soon } from './page';
import { fisherResult, LENS, profileResult, similarityResult } from './sample-results';
import { cardOf, withStudy, type StudyPage, type StudyPageOptions } from './study-page';

const ADAPTED = { prompt: false, mixture: false, memory: false, hypernetwork: false };
const TASKS = ['rot90', 'invert', 'vflip'];
const SIMILARITY: LensDescription = {
  ...LENS,
  id: 'task-similarity',
  title: 'Which tasks pull together?',
  summary: 'Compares the directions of task vectors.',
  needs: { ...LENS.needs, tasks: { minimum: 2 } },
  parameters: [],
};
const GRADIENTS: LensDescription = {
  ...LENS,
  id: 'fisher',
  title: 'Which weights matter?',
  needs: { ...LENS.needs, data: ['weights', 'gradients'] },
};
const EXPERTS: LensDescription = {
  ...LENS,
  id: 'experts',
  title: 'Do the experts differ?',
  needs: { ...LENS.needs, parts: ['experts'] },
};
const LENSES = [GRADIENTS, LENS, SIMILARITY];
const options = { skip: NO_CHROMIUM };
const TWO = [cardOf('card-1'), cardOf('card-2', 'task-similarity')];

let browser: Browser | undefined;
before(async () => {
  if (NO_CHROMIUM) return;
  buildViews();
  browser = await launchBrowser();
});
after(() => browser?.close());

function study(
  cards: readonly StudyCard[],
  steps: (page: StudyPage) => Promise<void>,
  more: StudyPageOptions = {},
): Promise<void> {
  return withStudy(browser, cards, TASKS, steps, { lenses: LENSES, ...more });
}

/** A panel with a profile and a similarity in it. */
function two(steps: (page: StudyPage) => Promise<void>, more: StudyPageOptions = {}): Promise<void> {
  return study(
    TWO,
    async (page) => {
      await page.give('card-1', profileResult({ tasks: TASKS }));
      await page.give('card-2', similarityResult(TASKS));
      await steps(page);
    },
    more,
  );
}

function card({ page }: StudyPage, id: string): Locator {
  return page.locator(`[data-card=${id}]`);
}

/** Waits until the page has told to remember these cards. */
function cardIds(page: StudyPage, ids: readonly string[]): Promise<void> {
  return soon(async () =>
    assert.deepEqual(
      (await page.remembered()).cards.map(({ id }) => id),
      ids,
    ),
  );
}

async function clickCell(place: Locator, [x, y]: readonly [number, number]): Promise<void> {
  const canvas = place.locator('.heatmap canvas').first();
  const box = await canvas.boundingBox();
  assert.ok(box);
  await canvas.click({ position: { x: x * box.width, y: y * box.height } });
}

test('the list offers what fits the study first, and says what the rest lacks', options, () =>
  study(
    [],
    async ({ page }) => {
      const items = page.getByRole('option');
      assert.deepEqual(await page.locator('.lens-name strong').allInnerTexts(), [
        LENS.title,
        SIMILARITY.title,
        GRADIENTS.title,
      ]);
      assert.match(await items.last().innerText(), /needs a graph and data/);
      assert.equal(await items.last().getAttribute('aria-disabled'), 'true');
      await page.getByText('Pick one from the list').waitFor();
    },
    { panel: { lensesOpen: true } },
  ),
);

test('a lens for which the files lack something moves down the list when they are known', options, () =>
  study(
    [],
    async (view) => {
      const { page } = view;
      const titles = () => page.locator('.lens-name strong').allInnerTexts();
      assert.deepEqual(await titles(), [EXPERTS.title, LENS.title]);
      const parts = {
        run: false,
        experts: false,
        attention: true,
        vocabulary: true,
        adapter: false,
        ...ADAPTED,
      };
      await view.send({ type: 'facts', facts: { tasks: 3, parts } });
      await page.getByText('needs a mixture of experts').waitFor();
      assert.deepEqual(await titles(), [LENS.title, EXPERTS.title]);
    },
    { panel: { lensesOpen: true }, lenses: [EXPERTS, LENS] },
  ),
);

test('typing filters the list, and Enter adds the lens once', options, () =>
  study(
    [],
    async (view) => {
      const { page } = view;
      const search = page.getByRole('combobox', { name: 'Search lenses' });
      await search.fill('pull');
      await soon(async () => assert.equal(await page.getByRole('option').count(), 1));
      await search.press('Enter');
      assert.equal(((await view.waitFor('run'))['card'] as StudyCard).lens, 'task-similarity');
      await search.press('Enter');
      await cardIds(view, ['card-1']);
      await search.press('Escape');
      await search.press('ArrowDown');
      await search.press('ArrowUp');
      await search.press('Enter');
      assert.equal(((await view.waitFor('run', 2))['card'] as StudyCard).lens, 'delta-profile');
      await search.fill('matter');
      await search.press('Enter');
      await view.settled();
      // What lacks something is not added.
      await cardIds(view, ['card-1', 'card-2']);
    },
    { panel: { lensesOpen: true } },
  ),
);

test('cards stand side by side where there is room, below each other where there is none', options, () =>
  two(async (view) => {
    const { page } = view;
    const boxes = async () => Promise.all(['card-1', 'card-2'].map((id) => card(view, id).boundingBox()));
    await soon(async () => {
      const [a, b] = await boxes();
      assert.ok(a && b && a.y === b.y && b.x >= a.x + a.width);
    });
    await page.setViewportSize({ width: 600, height: 800 });
    await soon(async () => {
      const [a, b] = await boxes();
      assert.ok(a && b && b.y >= a.y + a.height && a.x === b.x);
    });
  }),
);

test(
  'a change of parameters runs the card, whose result stays until the next, or for good when cancelled',
  options,
  () =>
    two(async (view) => {
      const first = card(view, 'card-1');
      await first.getByText('Parameters', { exact: true }).click();
      await first.getByLabel('Bins').fill('32');
      await first.getByRole('button', { name: 'Run', exact: true }).click();
      const asked = await view.waitFor('run', 3);
      assert.deepEqual((asked['card'] as StudyCard).parameters, { bins: 32, biases: true, norm: 'l2' });
      assert.equal(asked['again'], true);
      await view.send({ type: 'progress', card: 'card-1', fraction: 0.5, message: 'Reading' });
      await first.getByText('Reading · 50 %').waitFor();
      assert.equal(await first.locator('.heatmap').count(), 1);
      await first.getByText('Bins: 32').waitFor();
      await first.getByRole('button', { name: 'Cancel' }).click();
      assert.equal((await view.waitFor('cancel'))['card'], 'card-1');
      const problem = { code: 'cancelled', message: 'Cancelled.', action: '' };
      await view.send({ type: 'failed', card: 'card-1', problem });
      await first.getByText('Bins: 32').waitFor({ state: 'detached' });
      assert.equal(await first.locator('.heatmap').count(), 1);
      await first.getByRole('progressbar').waitFor({ state: 'detached' });
    }),
);

test('a card shows what a run has so far, and what it rests on once it was stopped', options, () =>
  two(async (view) => {
    const first = card(view, 'card-1');
    await view.send({ type: 'progress', card: 'card-1', fraction: 0.1, message: 'Sample 3' });
    const result = { ...profileResult(), partial: '3 of 9 samples' };
    await view.send({ type: 'partial', card: 'card-1', result });
    await first.getByText('Partial result: 3 of 9 samples.').waitFor();
    await first.getByRole('progressbar').waitFor();
    assert.equal(await first.getByRole('button', { name: 'Run to the End' }).isVisible(), false);
    await view.send({ type: 'result', card: 'card-1', result });
    await first.getByRole('progressbar').waitFor({ state: 'detached' });
    await first.getByRole('button', { name: 'Run to the End' }).click();
    assert.equal((await view.waitFor('run', 3))['again'], true);
    await view.send({ type: 'result', card: 'card-1', result: profileResult() });
    await first.getByText('Partial result').waitFor({ state: 'detached' });
  }),
);

test('a pinned card keeps its result: other parameters open a card beside it', options, () =>
  two(async (view) => {
    const first = card(view, 'card-1');
    await first.getByRole('button', { name: 'Pin' }).click();
    await first.getByText('Parameters', { exact: true }).click();
    await first.getByLabel('Bins').fill('32');
    await first.getByRole('button', { name: 'Run', exact: true }).click();
    assert.equal(((await view.waitFor('run', 3))['card'] as StudyCard).id, 'card-3');
    await soon(async () => {
      const { cards } = await view.remembered();
      assert.deepEqual(
        cards.map(({ id, parameters, pinned }) => [id, parameters['bins'] ?? null, pinned ?? false]),
        [
          ['card-1', null, true],
          ['card-3', 32, false],
          ['card-2', null, false],
        ],
      );
    });
  }),
);

for (const [where, leave] of [
  ['in the figure', null],
  ['in the details', '.details'],
  ['nowhere', 'body'],
] as const) {
  test(
    `a click on a cell marks its task, layer and module in every card, and Escape takes the marks away, the focus ${where}`,
    options,
    () =>
      two(async (view) => {
        const { page } = view;
        await card(view, 'card-1').getByLabel('task', { exact: true }).selectOption('invert');
        await view.settled();
        await clickCell(card(view, 'card-1'), [0.3, 0.3]);
        const selection = {
          layer: 'model.layers.3',
          module: 'attention.value',
          task: 'invert',
          label: 'layer 3',
        };
        // A row and a column of the pairs, and the cell of the task with itself.
        const marks = card(view, 'card-2').locator('.linked rect');
        await soon(async () => {
          assert.deepEqual((await view.remembered()).selection, selection);
          const classes = await marks.evaluateAll((found) => found.map((mark) => mark.getAttribute('class')));
          assert.deepEqual(classes, ['row', 'column', 'cell']);
        });
        await page.locator('.details').waitFor();
        await page.evaluate((to) => {
          if (to === 'body') (document.activeElement as HTMLElement).blur();
          else if (to) document.querySelector<HTMLElement>(to)?.focus();
        }, leave);
        await page.keyboard.press('Escape');
        await page.locator('.details').waitFor({ state: 'detached' });
        await soon(async () => {
          assert.equal(await marks.count(), 0);
          assert.equal((await view.remembered()).selection, null);
        });
      }),
  );
}

test('a cell of another task leads a card to that task; unlinked cards stay as they are', options, () =>
  two(async (view) => {
    const task = () => card(view, 'card-1').getByLabel('task', { exact: true }).inputValue();
    const selectedTask = async () => (await view.remembered()).selection?.task;
    // Rows of the pairs stand in the order of the dendrogram: rot90, vflip, invert.
    await clickCell(card(view, 'card-2'), [0.5, 0.5]);
    await soon(async () => assert.equal(await task(), 'vflip'));
    await view.page.getByRole('button', { name: 'Linked' }).click();
    await view.settled();
    await clickCell(card(view, 'card-2'), [0.9, 0.9]);
    await soon(async () => assert.equal(await selectedTask(), 'invert'));
    await view.settled();
    assert.equal(await task(), 'vflip');
  }),
);

test('a selection marks rows of a table and brings the first into view', options, () =>
  two(async (view) => {
    const first = card(view, 'card-1');
    await first.getByRole('button', { name: 'Duplicate' }).click();
    await view.give('card-3', profileResult({ tasks: TASKS }));
    const copy = card(view, 'card-3');
    await copy.getByRole('button', { name: 'Table' }).click();
    await copy.getByLabel('table', { exact: true }).selectOption('tensors');
    await clickCell(first, [0.9, 0.7]);
    const marked = copy.locator('.data-row.marked');
    await soon(async () =>
      assert.deepEqual(
        await marked.evaluateAll((rows) => rows.map((row) => row.firstElementChild?.textContent)),
        ['model.layers.8.norm.mlp.weight', 'model.layers.8.norm.mlp.bias'],
      ),
    );
  }),
);

test('what matters can be laid over what moved, and cells say which of both they are', options, () =>
  study([cardOf('card-1'), cardOf('card-2', 'fisher')], async (view) => {
    await view.give('card-1', profileResult({ tasks: TASKS }));
    const first = card(view, 'card-1');
    const overlay = first.getByLabel('overlay', { exact: true });
    assert.equal(await overlay.count(), 0);
    await view.give('card-2', fisherResult(TASKS));
    await soon(async () => assert.equal(await overlay.count(), 1));
    await overlay.selectOption({ label: 'Fisher information of a weight on average' });
    await view.settled();
    assert.match(await first.locator('.legend').innerText(), /Bar in a cell: Fisher information of a weight/);
    // The last layer matters most, and hardly moved in the made-up profile.
    await clickCell(first, [0.1, 0.95]);
    await first.locator('.heatmap').press('ArrowLeft');
    await soon(async () =>
      assert.match(
        await view.page
          .locator('[aria-live]')
          .allInnerTexts()
          .then((texts) => texts.join(' ')),
        /layer 11, .*Fisher information of a weight on average 1; quadrant matters, hardly moved/,
      ),
    );
    assert.equal((await view.remembered()).cards[0]?.view.overlay, 'fisher/mean');
    // A metric that is no movement has nothing laid over it.
    await first.getByLabel('metric', { exact: true }).selectOption('cosine');
    await soon(async () => assert.equal(await overlay.count(), 0));
  }),
);

test('two runs are compared over one range of colours, with their difference', options, () =>
  study([cardOf('card-1'), cardOf('card-2', 'delta-profile', { parameters: { bins: 32 } })], async (view) => {
    const { page } = view;
    const a = profileResult({ tasks: ['rot90'], metrics: ['relative'], layers: 3 });
    const doubled = a.artifacts.map((artifact) =>
      artifact.kind === 'matrix' && !('float64' in artifact.values)
        ? { ...artifact, values: artifact.values.map((value) => value && 2 * value), domain: [0, 1] as const }
        : artifact,
    );
    await view.give('card-1', a);
    await view.give('card-2', { ...a, artifacts: doubled });
    await card(view, 'card-1').getByRole('button', { name: 'Compare with another run' }).click();
    await page.getByRole('heading', { name: 'Difference b − a' }).waitFor();
    const legend = (id: string) => card(view, id).locator('.legend').first().innerText();
    await soon(async () => {
      assert.equal(await legend('card-1'), await legend('card-2'));
      assert.match(await legend('difference'), /difference of/);
    });
    await card(view, 'difference').getByRole('button', { name: 'Table' }).click();
    // Whoever shows the table of one shows that of all three, to compare.
    await soon(async () => assert.equal(await page.locator('.data-table').count(), 3));
    const numbers = async (id: string) =>
      (await card(view, id).locator('.data-body .data-row').first().innerText())
        .split(/\s+/)
        .slice(2)
        .map(Number);
    await soon(async () => {
      const [first, difference] = [await numbers('card-1'), await numbers('difference')];
      assert.ok(first.length > 5);
      first.forEach((value, index) => assert.ok(Math.abs(value - (difference[index] ?? NaN)) < 1e-9));
    });
    await page.getByRole('button', { name: 'Show all cards' }).click();
    await soon(async () => assert.equal(await page.locator('.card').count(), 2));
  }),
);

test('to compare a single run, a copy is made whose parameters are to be changed', options, () =>
  two(async (view) => {
    await card(view, 'card-1').getByRole('button', { name: 'Compare with another run' }).click();
    await soon(async () => {
      const { cards, compared } = await view.remembered();
      assert.deepEqual(compared, ['card-1', 'card-3']);
      assert.equal(cards[0]?.pinned, true);
      assert.equal(await view.page.evaluate(() => document.activeElement?.id), 'card-3-bins');
    });
  }),
);

test('a card can have all the room, and be removed', options, () =>
  two(async (view) => {
    const { page } = view;
    await card(view, 'card-2').getByRole('button', { name: 'Maximise' }).click();
    await soon(async () => assert.equal(await page.locator('.card').count(), 1));
    await card(view, 'card-2').getByRole('button', { name: 'Show all cards' }).click();
    await card(view, 'card-2').getByRole('button', { name: 'Remove' }).click();
    assert.equal((await view.waitFor('forget'))['card'], 'card-2');
    await cardIds(view, ['card-1']);
  }),
);

test('a card of a command is added, unless there is one that says the same', options, () =>
  two(async (view) => {
    await view.send({ type: 'add', lens: 'task-similarity', parameters: {} });
    await view.send({ type: 'add', lens: 'delta-profile', parameters: { bins: 8 } });
    assert.equal(((await view.waitFor('run', 3))['card'] as StudyCard).lens, 'delta-profile');
    await cardIds(view, ['card-1', 'card-2', 'card-3']);
  }),
);

test('zoom and the chosen table come back with the panel', options, () => {
  const viewport = { rows: 200, columns: 8, zoom: 6, row: 100, column: 0 };
  const deep = profileResult({ tasks: TASKS, layers: 200 });
  return study(
    [
      cardOf('card-1', 'delta-profile', { view: { viewport } }),
      cardOf('card-2', 'delta-profile', {
        parameters: { bins: 3 },
        view: { view: 'table', table: 'tensors' },
      }),
    ],
    async (view) => {
      await view.give('card-1', deep);
      await view.give('card-2', deep);
      const labels = card(view, 'card-1').locator('.row-labels tspan');
      await soon(async () => assert.match((await labels.allTextContents())[0] ?? '', /^layer 10\d$/));
      assert.equal(await card(view, 'card-2').getByLabel('table', { exact: true }).inputValue(), 'tensors');
      await card(view, 'card-1').locator('.heatmap').focus();
      await view.page.keyboard.press('0');
      await view.page.waitForFunction(() =>
        JSON.stringify(window.sentMessages.filter(({ type }) => type === 'state').at(-1)).includes(
          '"zoom":1,',
        ),
      );
    },
  );
});

test('among many tasks one is searched for', options, () => {
  const tasks = Array.from({ length: 200 }, (_, index) => `task ${String(index)}`);
  return withStudy(
    browser,
    [cardOf('card-1')],
    tasks,
    async (view) => {
      await view.give('card-1', profileResult({ tasks, layers: 2, metrics: ['relative'] }));
      const search = view.page.getByRole('combobox', { name: 'task' });
      await search.fill('17 task');
      // 17, 117 and 170 to 179
      await soon(async () => assert.equal(await view.page.locator('.choice-item').count(), 12));
      await search.press('ArrowDown');
      await search.press('Enter');
      await view.page.locator('h3', { hasText: 'Relative norm · task 117' }).waitFor();
      await soon(async () => assert.equal(await search.inputValue(), 'task 117'));
    },
    { lenses: LENSES },
  );
});

test('the report holds every card with its figures and runs no script', options, () =>
  two(async (view) => {
    await card(view, 'card-1').getByLabel('task', { exact: true }).selectOption('vflip');
    await view.page.getByRole('button', { name: 'Export Report' }).click();
    const exported = await view.waitFor('exported');
    assert.equal(exported['format'], 'html');
    assert.equal(exported['lens'], undefined);
    const html = String(exported['data']);
    assert.doesNotMatch(html, /<(script|img|iframe|object|embed|link|base)\b/i);
    // 9 matrices of the profile, 2 of the similarity and its tree.
    assert.equal(html.match(/<svg/g)?.length, 12);
    assert.ok(
      html.indexOf('Relative norm · vflip') < html.indexOf('Relative norm · rot90'),
      'what is shown comes first',
    );
    for (const text of [LENS.title, SIMILARITY.title, LENS.reading]) assert.ok(html.includes(text));
    const report = await view.page.context().newPage();
    await report.setContent(html);
    assert.equal(await report.locator('nav li').count(), 2);
    assert.ok(await report.locator('svg').first().isVisible());
    await report.close();
  }),
);

for (const theme of ['light', 'dark', 'contrast'] as const) {
  test(`a panel of cards, lenses and details does not scroll sideways, theme ${theme}`, options, () =>
    two(
      async (view) => {
        for (const width of [1500, 900, 420]) {
          await view.page.setViewportSize({ width, height: 800 });
          await soon(async () => {
            const overflow = await view.page.evaluate(() => {
              const area = document.querySelector('.cards');
              return [
                document.documentElement.scrollWidth - window.innerWidth,
                (area?.scrollWidth ?? 0) - (area?.clientWidth ?? 0),
              ];
            });
            assert.deepEqual(overflow, [0, 0], `${String(width)} pixels`);
          });
        }
      },
      { theme, panel: { lensesOpen: true } },
    ),
  );
}
