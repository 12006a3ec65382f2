import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { resultToJson } from '../../src/figure/json';
import type { LensResult, Matrix } from '../../src/protocol/artifact';
import { unpackNumbers } from '../../src/protocol/numbers';
import { formatNumber, fullNumber } from '../../src/figure/number-text';
import type { ResultViewState, StudyCard } from '../../src/protocol/panel';
import { buildViews, launchBrowser, NO_CHROMIUM, soon, type OpenView } from './page';
import { sampleDetail } from './sample-checkpoints';
import { LENS, profileResult, result as emptyResult, similarityResult } from './sample-results';
import { cardOf, withStudy, type StudyPage, type StudyPageOptions } from './study-page';

const TASKS = ['rot90', 'invert', 'vflip', 'mirror', 'noise', 'shift'];
const PROFILE = profileResult({ tasks: TASKS });
const options = { skip: NO_CHROMIUM };

let browser: Browser | undefined;

before(async () => {
  if (NO_CHROMIUM) return;
  buildViews();
  browser = await launchBrowser();
});
after(() => browser?.close());

/** Opens a panel with one card, shows a result in it, runs the steps, and checks that the page never complained. */
async function withResult(
  result: LensResult,
  steps: (view: StudyPage) => Promise<void>,
  how: StudyPageOptions & { readonly view?: ResultViewState } = {},
): Promise<void> {
  const tasks = result.inputs.map(({ name }) => name);
  const card = cardOf('card-1', result.lens, { view: how.view ?? {} });
  await withStudy(
    browser,
    [card],
    tasks,
    async (page) => {
      await page.give('card-1', result);
      await steps(page);
    },
    { lenses: [{ ...LENS, id: result.lens }], ...how },
  );
}

/** What the page has last told of its only card's view. */
async function viewOf(page: StudyPage): Promise<ResultViewState | undefined> {
  return (await page.remembered()).cards[0]?.view;
}

function matrixOf(result: LensResult, id: string): Matrix {
  const matrix = result.artifacts.find((artifact) => artifact.id === id);
  assert.ok(matrix?.kind === 'matrix');
  return matrix;
}

function valueAt(matrix: Matrix, row: number, column: number): number | null {
  return unpackNumbers(matrix.values)[row * matrix.columns.length + column] ?? null;
}

/** Middle of a cell in the page, for a matrix shown whole. */
async function cellPoint(
  { page }: OpenView,
  matrix: Matrix,
  row: number,
  column: number,
): Promise<{ x: number; y: number }> {
  const box = await page.locator('.heatmap canvas').first().boundingBox();
  assert.ok(box);
  const x = box.x + ((column + 0.5) * box.width) / matrix.columns.length;
  return { x, y: box.y + ((row + 0.5) * box.height) / matrix.rows.length };
}

/** Colour in the upper part of a cell, beside its text. */
async function cellColour(view: OpenView, matrix: Matrix, row: number, column: number): Promise<string> {
  const share = { x: (column + 0.25) / matrix.columns.length, y: (row + 0.18) / matrix.rows.length };
  return view.page.evaluate(({ x, y }) => {
    const canvas = document.querySelector<HTMLCanvasElement>('.heatmap canvas');
    const pixel = canvas
      ?.getContext('2d')
      ?.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data;
    return [...(pixel ?? [])].join(' ');
  }, share);
}

test('the pointer over a cell shows its row, column, task and value in six digits', options, () =>
  withResult(PROFILE, async (view) => {
    const matrix = matrixOf(PROFILE, 'relative:rot90');
    const { x, y } = await cellPoint(view, matrix, 4, 2);
    await view.page.mouse.move(x, y);
    await soon(async () => {
      const text = await view.page.locator('.tooltip').innerText();
      assert.match(text, /layer 4 · attention\.value/);
      assert.ok(text.includes(formatNumber(valueAt(matrix, 4, 2))));
      assert.match(text, /task\s+rot90/);
    });
  }),
);

test('an undefined cell says so and is not drawn like a zero', options, () =>
  withResult(PROFILE, async (view) => {
    const matrix = matrixOf(PROFILE, 'relative:rot90');
    assert.equal(valueAt(matrix, 11, 7), null);
    assert.equal(valueAt(matrix, 0, 6), 0);
    const { x, y } = await cellPoint(view, matrix, 11, 7);
    await view.page.mouse.move(x, y);
    await view.page.locator('.tooltip', { hasText: 'undefined' }).waitFor();
    assert.notEqual(await cellColour(view, matrix, 11, 7), await cellColour(view, matrix, 0, 6));
    assert.match(await view.page.locator('.legend').innerText(), /undefined/);
  }),
);

test('a click opens the tensors of the cell with their statistics and histograms', options, () =>
  withResult(PROFILE, async (view) => {
    const matrix = matrixOf(PROFILE, 'relative:rot90');
    const { x, y } = await cellPoint(view, matrix, 2, 5);
    await view.page.mouse.click(x, y);
    const pane = view.page.locator('.details');
    assert.match(await pane.innerText(), /layer 2 · mlp\.down/);
    await view.waitFor('tensor', 2);
    assert.deepEqual(await pane.locator('.tensor-name').allInnerTexts(), [
      'model.layers.2.mlp.down.weight',
      'model.layers.2.mlp.down.bias',
    ]);
    const asked = await view.sent('tensor');
    assert.deepEqual(
      asked.map(({ task, tensor }) => [task, tensor]),
      [
        ['rot90', 'model.layers.2.mlp.down.weight'],
        ['rot90', 'model.layers.2.mlp.down.bias'],
      ],
    );
    const value = sampleDetail('x');
    await view.send({ type: 'tensor', request: asked[0]?.['request'], detail: { ok: true, value } });
    await pane.getByText('Fine-tuned θ').first().waitFor();
    assert.equal(await pane.locator('.histogram').count(), 2);
    assert.match(await pane.innerText(), /2 NaN, 1 ±Inf/);
    const ofBase = { ...value, statisticsOf: 'base' };
    await view.send({ type: 'tensor', request: asked[1]?.['request'], detail: { ok: true, value: ofBase } });
    await pane.getByText('Base θ₀').first().waitFor();
    await pane.getByText('Reveal in Checkpoint').first().click();
    assert.equal((await view.waitFor('reveal'))['tensor'], 'model.layers.2.mlp.down.weight');
    const chosen = { selected: { row: 2, column: 5 }, facets: { task: 'rot90' } };
    await soon(async () => assert.deepEqual(await viewOf(view), chosen));
  }),
);

test('a tensor that cannot be read shows why', options, () =>
  withResult(PROFILE, async (view) => {
    const { x, y } = await cellPoint(view, matrixOf(PROFILE, 'relative:rot90'), 1, 1);
    await view.page.mouse.click(x, y);
    const asked = await view.waitFor('tensor');
    const problem = { code: 'file-missing', message: '/models/rot90 is gone.', action: 'Put it back.' };
    await view.send({ type: 'tensor', request: asked['request'], detail: { ok: false, problem } });
    await view.page.getByText('/models/rot90 is gone.').waitFor();
    await view.page.getByText('Put it back.').waitFor();
  }),
);

test('arrow keys move a cursor that is spoken, Enter opens, Escape closes', options, () =>
  withResult(PROFILE, async (view) => {
    const matrix = matrixOf(PROFILE, 'relative:rot90');
    const { page } = view;
    await page.locator('.heatmap').focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowRight'])
      await page.keyboard.press(key);
    const spoken = (text: string) =>
      page.locator('[aria-live]').filter({ hasText: text }).waitFor({ state: 'attached' });
    await spoken(`layer 3, attention.key: relative norm ${formatNumber(valueAt(matrix, 3, 1))}`);
    await page.keyboard.press('End');
    await spoken('layer 3, norm.mlp');
    await page.keyboard.press('Control+End');
    await spoken('layer 11, norm.mlp: relative norm undefined');
    await page.keyboard.press('Enter');
    await page.locator('.details').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.details').waitFor({ state: 'detached' });
  }),
);

test('the facet switches change the figure, tell the host, and survive in the state', options, () =>
  withResult(PROFILE, async (view) => {
    const { page } = view;
    await page.getByLabel('metric').selectOption({ label: 'norm' });
    await page.getByLabel('task', { exact: true }).selectOption('mirror');
    await page.locator('h3', { hasText: 'norm · mirror' }).waitFor();
    await soon(async () => {
      assert.deepEqual(await viewOf(view), { facets: { metric: 'norm', task: 'mirror' } });
      assert.deepEqual(await view.state(), await view.remembered());
    });
  }),
);

test('what was chosen before comes back with the start message', options, () =>
  withResult(
    PROFILE,
    async (view) => {
      await view.page.locator('h3', { hasText: 'norm · vflip' }).waitFor();
      assert.equal(await view.page.getByLabel('colours').inputValue(), 'log');
      assert.match(await view.page.locator('.details').innerText(), /layer 2 · attention\.key/);
    },
    {
      view: {
        facets: { metric: 'norm', task: 'vflip' },
        colourScale: 'log',
        selected: { row: 2, column: 1 },
      },
    },
  ),
);

test('side by side shows every task over one colour scale', options, () =>
  withResult(PROFILE, async (view) => {
    const { page } = view;
    await page.getByRole('button', { name: 'Side by side' }).click();
    const drawn = await view.waitFor('drawn', 2);
    assert.equal(drawn['cells'], 6 * 12 * 8);
    await soon(async () => {
      assert.deepEqual(await page.locator('figcaption').allInnerTexts(), TASKS);
      assert.equal(await page.locator('.legend').count(), 1);
    });
  }),
);

test('a logarithmic scale recolours and says where zeros are; a diverging figure has none', options, () =>
  withResult(PROFILE, async (view) => {
    const matrix = matrixOf(PROFILE, 'relative:rot90');
    const before = await cellColour(view, matrix, 9, 1);
    await view.page.getByLabel('colours').selectOption('log');
    await view.waitFor('drawn', 2);
    await soon(async () => assert.notEqual(await cellColour(view, matrix, 9, 1), before));
    assert.match(await view.page.locator('.legend').innerText(), /zeros drawn at the low end/);
    await view.page.getByLabel('metric').selectOption('cosine');
    await soon(async () => assert.equal(await view.page.getByLabel('colours').isDisabled(), true));
  }),
);

test('a change of theme recolours cells without a message from the host', options, () =>
  withResult(PROFILE, async (view) => {
    const matrix = matrixOf(PROFILE, 'relative:rot90');
    const dark = await cellColour(view, matrix, 3, 2);
    await view.setTheme('light');
    await view.waitFor('drawn', 2);
    await soon(async () => assert.notEqual(await cellColour(view, matrix, 3, 2), dark));
    await view.page.evaluate(() => {
      for (let i = 1; i <= 5; i++)
        document.documentElement.style.setProperty(`--vscode-deltalens-sequential${String(i)}`, '#ff0000');
    });
    await view.waitFor('drawn', 3);
    await soon(async () => assert.equal(await cellColour(view, matrix, 3, 2), '255 0 0 255'));
  }),
);

for (const theme of ['light', 'dark', 'contrast'] as const) {
  test(`a switch that is on does not look like one that is off, theme ${theme}`, options, () =>
    withResult(
      PROFILE,
      async ({ page }) => {
        const look = (name: string) =>
          page.getByRole('button', { name, exact: true }).evaluate((button) => {
            const { backgroundColor, outlineStyle } = getComputedStyle(button);
            return `${backgroundColor} ${outlineStyle}`;
          });
        assert.notEqual(await look('Figure'), await look('Table'));
      },
      { theme },
    ),
  );
}

test('the table shows the numbers of the figure with all their digits, sorted on demand', options, () =>
  withResult(PROFILE, async (view) => {
    const matrix = matrixOf(PROFILE, 'relative:rot90');
    const { page } = view;
    await page.getByRole('button', { name: 'Table' }).click();
    const rows = page.locator('.data-body .data-row');
    await rows.nth(matrix.rows.length - 1).waitFor();
    // In one step, since a resize may draw the rows anew in between.
    const read = () =>
      rows.evaluateAll((found) =>
        found.map((row) => [...row.children].map((cell) => cell.textContent ?? '')),
      );
    const wanted = matrix.rows.map((row, i) => [
      row.label,
      ...matrix.columns.map((_, j) => {
        const value = valueAt(matrix, i, j);
        return value === null ? 'undefined' : fullNumber(value);
      }),
    ]);
    await soon(async () => assert.deepEqual(await read(), wanted));
    await page.getByRole('button', { name: 'mlp.up' }).click();
    await soon(async () => {
      const column = (await read()).map((row) => Number(row[5]));
      assert.deepEqual(
        column,
        [...column].sort((a, b) => a - b),
      );
      assert.equal(await page.locator('[aria-sort=ascending]').innerText(), 'mlp.up');
    });
    await page.getByLabel('table', { exact: true }).selectOption('tensors');
    await rows.first().filter({ hasText: 'model.layers.0.attention.query.weight' }).waitFor();
  }),
);

test('a pair of tasks opens its cosines per layer; the dendrogram stands beside its order', options, () =>
  withResult(similarityResult(TASKS), async (view) => {
    const { page } = view;
    assert.equal(await page.locator('.dendrogram path').count(), TASKS.length - 1);
    const labels = await page.locator('.row-labels tspan').allTextContents();
    assert.deepEqual(labels, ['rot90', 'vflip', 'noise', 'invert', 'mirror', 'shift']);
    const all = matrixOf(similarityResult(TASKS), 'all');
    const { x, y } = await cellPoint(view, all, 1, 4);
    await page.mouse.click(x, y);
    const pane = page.locator('.details');
    assert.match(await pane.innerText(), /vflip · mirror/);
    assert.deepEqual(await pane.locator('.pair-name').allInnerTexts(), ['whole model', 'layer 0']);
    assert.deepEqual(await pane.locator('.pair-value').allInnerTexts(), ['-0.12', '-0.12']);
    await page.getByLabel('order').selectOption('given');
    await view.waitFor('drawn', 2);
    await page.locator('.dendrogram path').first().waitFor({ state: 'detached' });
  }),
);

test('exports hold what is on screen', options, () =>
  withResult(PROFILE, async (view) => {
    const { page } = view;
    await page.getByLabel('task', { exact: true }).selectOption('invert');
    for (const format of ['SVG', 'PNG', 'CSV', 'JSON']) {
      await page.getByRole('button', { name: 'Export', exact: true }).click();
      await page.getByRole('menuitem', { name: format }).click();
    }
    await view.waitFor('exported', 4);
    const exported = new Map((await view.sent('exported')).map((message) => [message['format'], message]));
    assert.equal(exported.get('svg')?.['name'], 'delta-profile-digits-relative-invert.svg');
    const svg = String(exported.get('svg')?.['data']);
    const counts = await page.evaluate((text) => {
      const parsed = new DOMParser().parseFromString(text, 'image/svg+xml');
      return [parsed.querySelectorAll('parsererror').length, parsed.querySelectorAll('rect.cell').length];
    }, svg);
    assert.deepEqual(counts, [0, 96]);
    assert.match(svg, /Relative norm · invert/);
    const png = Buffer.from(String(exported.get('png')?.['data']), 'base64');
    assert.equal(png.subarray(1, 4).toString('latin1'), 'PNG');
    const declared = /width="(\d+)" height="(\d+)"/.exec(svg);
    assert.deepEqual(
      [png.readUInt32BE(16), png.readUInt32BE(20)],
      [2 * Number(declared?.[1]), 2 * Number(declared?.[2])],
    );
    const csv = String(exported.get('csv')?.['data']).split('\r\n');
    assert.equal(csv.length, 14);
    const matrix = matrixOf(PROFILE, 'relative:invert');
    assert.equal(Number(csv[3]?.split(',')[1]), valueAt(matrix, 2, 0));
    assert.equal(exported.get('json')?.['data'], resultToJson(PROFILE));
  }),
);

test('the host can ask for an export and for the table', options, () =>
  withResult(PROFILE, async (view) => {
    await view.send({ type: 'export', format: 'csv' });
    assert.match(String((await view.waitFor('exported'))['data']), /^layer,attention\.query/);
    await view.send({ type: 'toggleTable' });
    await view.page.locator('.data-table').waitFor();
    await view.send({ type: 'export', format: 'csv' });
    assert.match(String((await view.waitFor('exported', 2))['data']), /^layer,attention\.query/);
  }),
);

test('progress can be cancelled, and a failure says what to do', options, () =>
  withStudy(browser, [cardOf('card-1')], TASKS, async (view) => {
    const { page } = view;
    await view.send({ type: 'progress', card: 'card-1', fraction: 0.25, message: 'Reading rot90' });
    await page.getByText('Reading rot90 · 25 %').waitFor();
    assert.equal(await page.getByRole('progressbar').getAttribute('aria-valuenow'), '25');
    await page.getByRole('button', { name: 'Cancel' }).click();
    assert.equal((await view.waitFor('cancel'))['card'], 'card-1');
    const problem = {
      code: 'file-truncated',
      message: 'model.safetensors is 9 bytes short.',
      action: 'Copy it again.',
    };
    await view.send({ type: 'failed', card: 'card-1', problem });
    await page.getByRole('alert').getByText('model.safetensors is 9 bytes short.').waitFor();
    await page.getByRole('progressbar').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Show Log' }).click();
    await view.waitFor('showLog');
    await page.getByRole('button', { name: 'Run Again' }).click();
    assert.equal((await view.waitFor('run', 2))['again'], true);
  }),
);

test('a second run can be cancelled as well', options, () =>
  withStudy(browser, [cardOf('card-1')], TASKS, async (view) => {
    const problem = { code: 'cancelled', message: 'Cancelled.', action: 'Run it again.' };
    for (const run of [1, 2]) {
      await view.send({
        type: 'progress',
        card: 'card-1',
        fraction: 0.1,
        message: `Run ${String(run)}`,
      });
      await view.page.getByText(`Run ${String(run)} · 10 %`).waitFor();
      await view.page.getByRole('button', { name: 'Cancel' }).click();
      await view.waitFor('cancel', run);
      await view.send({ type: 'failed', card: 'card-1', problem });
      await view.page.locator('.problem-message', { hasText: 'Cancelled.' }).waitFor();
    }
  }),
);

test('the form checks parameters before it runs with them', options, () =>
  withResult(PROFILE, async (view) => {
    const { page } = view;
    await page.getByText('Parameters', { exact: true }).click();
    await page.getByLabel('Bins').fill('1000');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText('Give a whole number ≥ 2 and ≤ 512.').waitFor();
    assert.equal((await view.sent('run')).length, 1);
    await page.getByLabel('Bins').fill('32');
    await page.getByLabel('Count biases').uncheck();
    await page.getByLabel('Norm', { exact: true }).selectOption('l1');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    const asked = (await view.waitFor('run', 2))['card'] as StudyCard;
    assert.deepEqual(asked.parameters, { bins: 32, biases: false, norm: 'l1' });
  }),
);

test('a result with nothing in it says so, with its findings', options, () => {
  const finding = {
    code: 'no-tensors',
    severity: 'warning' as const,
    path: '/x',
    message: 'No tensors match.',
    help: 'Check the base.',
  };
  return withResult({ ...emptyResult('delta-profile', TASKS, []), findings: [finding] }, async (view) => {
    await view.page.getByText('found nothing to show').waitFor();
    await view.page.getByText('No tensors match.').waitFor();
  });
});

test('names from files are shown as text, never as markup', options, () => {
  const hostile = '<img src=x onerror=alert(1)>';
  return withResult(
    profileResult({ tasks: [hostile, 'b'], layers: 2, rowLabel: () => hostile }),
    async (view) => {
      await view.page.locator('h3', { hasText: hostile }).waitFor();
      assert.equal(await view.page.locator('img').count(), 0);
    },
  );
});

const LARGE = profileResult({
  layers: 4000,
  modules: Array.from({ length: 60 }, (_, i) => `module ${String(i)}`),
  metrics: ['relative'],
});

test('a matrix of 4,000 × 60 cells zooms to single cells with wheel and keys, and pans', options, () =>
  withResult(LARGE, async (view) => {
    const { page } = view;
    const labels = () => page.locator('.row-labels tspan').allTextContents();
    assert.equal((await labels())[0], 'layer 0');
    assert.ok((await labels()).length < 60, 'labels are thinned');
    const box = await page.locator('.heatmap canvas').boundingBox();
    assert.ok(box);
    const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    await page.mouse.move(middle.x, middle.y);
    await page.waitForFunction(() => document.querySelector('.tooltip')?.textContent?.includes('layer'));
    const hovered = async () => Number(/layer (\d+)/.exec(await page.locator('.tooltip').innerText())?.[1]);
    const under = await hovered();
    for (let i = 0; i < 20; i++) await page.mouse.wheel(0, -300);
    await page.waitForFunction(() => document.querySelectorAll('.row-labels tspan').length < 30);
    await view.settled();
    await page.mouse.move(middle.x + 1, middle.y);
    await view.settled();
    const zoomed = await hovered();
    assert.ok(Math.abs(zoomed - under) <= 8, 'the cell under the pointer stays there');
    await page.mouse.down();
    await page.mouse.move(middle.x + 1, middle.y - 140, { steps: 5 });
    await page.mouse.up();
    await page.mouse.move(middle.x, middle.y);
    await soon(async () => assert.ok((await hovered()) >= zoomed + 4, 'dragging up shows later rows'));
    assert.equal(await page.locator('.details').count(), 0, 'a drag is no click');
    await page.locator('.heatmap').focus();
    await page.keyboard.press('0');
    await page.waitForFunction(() => document.querySelector('.row-labels tspan')?.textContent === 'layer 0');
  }),
);

test('undefined cells of a large matrix stay distinct when many share a pixel', options, () =>
  withResult(LARGE, async (view) => {
    const matrix = matrixOf(LARGE, 'relative:rot90');
    const column = (index: number, row: number) =>
      view.page.evaluate(
        ({ x, y }) => {
          const canvas = document.querySelector<HTMLCanvasElement>('.heatmap canvas');
          const pixels = canvas
            ?.getContext('2d')
            ?.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 20).data;
          return new Set(Array.from({ length: 20 }, (_, i) => pixels?.[i * 4 + 3])).size;
        },
        { x: (index + 0.5) / matrix.columns.length, y: row / matrix.rows.length },
      );
    assert.ok((await column(7, 3500)) > 1, 'hatched');
    assert.equal(await column(8, 3500), 1, 'opaque');
  }),
);

for (const width of [400, 1400]) {
  for (const [name, result, view] of [
    ['the heatmap', PROFILE, {}],
    ['the table', PROFILE, { view: 'table' }],
    ['side by side', PROFILE, { sideBySide: true }],
    ['a similarity', similarityResult(TASKS), {}],
  ] as const) {
    test(`${name} does not scroll sideways in a window ${String(width)} pixels wide`, options, () =>
      withResult(
        result,
        async ({ page }) =>
          soon(async () => {
            const overflow = await page.evaluate(() => {
              const area = document.querySelector('.figure-area');
              return [
                document.documentElement.scrollWidth - window.innerWidth,
                (area?.scrollWidth ?? 0) - (area?.clientWidth ?? 0),
              ];
            });
            assert.deepEqual(overflow, [0, 0]);
          }),
        { width, view },
      ),
    );
  }
}
