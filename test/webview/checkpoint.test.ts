import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import type { CheckpointView } from '../../src/protocol/checkpoint';
import {
  buildViews,
  launchBrowser,
  NO_CHROMIUM,
  openView,
  soon,
  type OpenView,
  type OpenViewOptions,
} from './page';
import { sampleCheckpoint, sampleDetail } from './sample-checkpoints';

const options = { skip: NO_CHROMIUM };
let browser: Browser | undefined;

before(async () => {
  if (NO_CHROMIUM) return;
  buildViews();
  browser = await launchBrowser();
});
after(() => browser?.close());

async function withCheckpoint(
  checkpoint: CheckpointView,
  steps: (view: OpenView) => Promise<void>,
  how: OpenViewOptions & { readonly select?: string } = {},
): Promise<void> {
  assert.ok(browser);
  const view = await openView(browser, 'checkpoint', how);
  try {
    await view.send({ type: 'checkpoint', view: checkpoint, ...(how.select ? { select: how.select } : {}) });
    await view.waitFor('drawn');
    await steps(view);
    assert.deepEqual(view.complaints, []);
  } finally {
    await view.close();
  }
}

const SMALL = sampleCheckpoint(120);
const row = (view: OpenView, index: number) => view.page.locator('.data-body .data-row').nth(index);
const nameOf = async (view: OpenView, index: number) =>
  row(view, index).locator('.data-cell').first().innerText();

test('the header says what the checkpoint is', options, () =>
  withCheckpoint(SMALL, async ({ page }) => {
    const text = await page.locator('.checkpoint-header').innerText();
    for (const part of [
      'base',
      'safetensors',
      '120 tensors',
      'llama, LlamaForCausalLM',
      'BF16',
      'mlp.down',
    ]) {
      assert.ok(text.includes(part), part);
    }
  }),
);

test('200,000 tensors are listed with a few rows in the page, and the last is one key away', options, () =>
  withCheckpoint(sampleCheckpoint(200_000), async (view) => {
    const { page } = view;
    const table = page.getByRole('grid', { name: 'Tensors' });
    assert.equal(await table.getAttribute('aria-rowcount'), '200001');
    assert.ok((await page.locator('.data-row').count()) < 80);
    await table.focus();
    await page.keyboard.press('End');
    const last = page.locator('.data-row.current');
    await last.waitFor();
    assert.equal(await last.getAttribute('aria-rowindex'), '200001');
    await soon(async () => {
      const inside = await page.evaluate(() => {
        const grid = document.querySelector('.data-table')?.getBoundingClientRect();
        const current = document.querySelector('.data-row.current')?.getBoundingClientRect();
        return grid && current && current.top >= grid.top && current.bottom <= grid.bottom + 1;
      });
      assert.equal(inside, true);
      assert.ok((await page.locator('.data-row').count()) < 80);
    });
    await page.getByRole('columnheader', { name: 'Name' }).getByRole('button').click();
    await table.focus();
    await page.keyboard.press('End');
    await page.locator('.data-row.current', { hasText: 'model.layers.22222.' }).waitFor();
  }),
);

test('names sort in natural order and back', options, () =>
  withCheckpoint(SMALL, async (view) => {
    const head = view.page.getByRole('columnheader', { name: 'Name' });
    await head.getByRole('button').click();
    await soon(async () => {
      assert.equal(await head.getAttribute('aria-sort'), 'ascending');
      assert.match(await nameOf(view, 17), /layers\.1\./);
      assert.match(await nameOf(view, 18), /layers\.2\./);
    });
    await head.getByRole('button').click();
    await soon(async () => {
      assert.equal(await head.getAttribute('aria-sort'), 'descending');
      assert.match(await nameOf(view, 0), /layers\.13\./);
    });
  }),
);

test('a text filter keeps matching names and counts them', options, () =>
  withCheckpoint(SMALL, async (view) => {
    await view.page.getByLabel('Filter tensors by name').fill('MLP.up');
    await view.page.getByText('13 of 120').waitFor();
    await soon(async () => assert.match(await nameOf(view, 0), /mlp\.up_proj/));
    await view.page.getByLabel('Filter tensors by name').fill('');
    await view.page.getByText('120 of 120').waitFor();
  }),
);

test('a regular expression filters, a broken or endless one is explained and changes nothing', options, () =>
  withCheckpoint(SMALL, async (view) => {
    const { page } = view;
    const box = page.getByLabel('Filter tensors by name');
    await page.getByRole('button', { name: 'Use a regular expression' }).click();
    await box.fill('layers\\.[12]\\..*norm');
    await page.getByText('4 of 120').waitFor();
    await box.fill('layers\\.[12');
    await page.locator('.filter-error').waitFor();
    await soon(async () => {
      assert.equal(await box.getAttribute('aria-invalid'), 'true');
      assert.equal(await page.locator('.data-body .data-row').count(), 4);
    });
    await box.fill('(a+)+$');
    await page.getByText('matching could take forever').waitFor();
  }),
);

test('keys walk the table, Enter reads the tensor and Escape closes it', options, () =>
  withCheckpoint(SMALL, async (view) => {
    const { page } = view;
    await page.getByLabel('Filter tensors by name').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await soon(async () => {
      const id = await page.getByRole('grid').getAttribute('aria-activedescendant');
      assert.equal(await page.locator(`#${String(id)}`).getAttribute('aria-rowindex'), '3');
    });
    assert.equal((await view.sent('tensor')).length, 0);
    await page.keyboard.press('Enter');
    const asked = await view.waitFor('tensor');
    assert.equal(asked['tensor'], SMALL.tensors.name[1]);
    await view.send({
      type: 'tensor',
      request: asked['request'],
      detail: { ok: true, value: sampleDetail('x') },
    });
    const pane = page.locator('.tensor-pane');
    await pane.locator('.histogram svg').first().waitFor();
    const text = await pane.innerText();
    for (const part of [
      'mean',
      '0.00012',
      'std',
      '0.0123',
      'norm',
      '1.53',
      'NaN at [0, 3] · -Inf at [1, 7] · 1 more',
    ]) {
      assert.ok(text.includes(part), part);
    }
    assert.deepEqual(await view.state(), { tensor: SMALL.tensors.name[1] });
    await page.keyboard.press('Escape');
    await pane.waitFor({ state: 'detached' });
    assert.deepEqual(await view.state(), {});
  }),
);

test('the histogram switches to logarithmic counts: small bins grow', options, () =>
  withCheckpoint(SMALL, async (view) => {
    const { page } = view;
    await row(view, 0).click();
    const asked = await view.waitFor('tensor');
    await view.send({
      type: 'tensor',
      request: asked['request'],
      detail: { ok: true, value: sampleDetail('x') },
    });
    const height = async () =>
      Number(await page.locator('.histogram').first().locator('rect.bar').nth(3).getAttribute('height'));
    await page.locator('.histogram').first().waitFor();
    const before = await height();
    await page.getByRole('button', { name: 'Log counts' }).first().click();
    await soon(async () => assert.ok((await height()) > 2 * before));
  }),
);

test(
  'a tensor named by the host is scrolled to and opened, also through a filter that hides it',
  options,
  () => {
    const wanted = SMALL.tensors.name[100] ?? '';
    return withCheckpoint(
      SMALL,
      async (view) => {
        const { page } = view;
        assert.equal((await view.waitFor('tensor'))['tensor'], wanted);
        await page.locator('.data-row.current', { hasText: wanted }).waitFor();
        await page.getByLabel('Filter tensors by name').fill('nothing like it');
        await page.getByText('0 of 120').waitFor();
        await view.send({ type: 'select', tensor: SMALL.tensors.name[7] });
        await page.locator('.data-row.current', { hasText: SMALL.tensors.name[7] ?? '' }).waitFor();
        await page.getByText('120 of 120').waitFor();
      },
      { select: wanted },
    );
  },
);

test('an adapter shows its configuration and leads to its base', options, () => {
  const adapter = {
    kind: 'rsLoRA',
    rank: '16',
    alpha: '32',
    scale: '8',
    targets: ['q_proj', 'v_proj'],
    baseName: 'charlm',
    layout: 'PEFT',
    basePath: '/models/charlm',
  };
  return withCheckpoint(sampleCheckpoint(8, { kind: 'adapter', adapter }), async (view) => {
    const text = await view.page.locator('.card').first().innerText();
    for (const part of ['rsLoRA adapter', '16', '32', 'q_proj, v_proj', 'charlm'])
      assert.ok(text.includes(part), part);
    await view.page.getByRole('button', { name: 'Open Base' }).click();
    assert.equal((await view.waitFor('open'))['path'], '/models/charlm');
  });
});

test('a shard leads to the whole model, and commands reach the host', options, () =>
  withCheckpoint(
    sampleCheckpoint(8, { shardOf: { indexPath: '/m/model.safetensors.index.json', shards: 12 } }),
    async (view) => {
      await view.page.getByText('One of 12 shards').waitFor();
      await view.page.getByRole('button', { name: 'Open the Whole Model' }).click();
      assert.equal((await view.waitFor('open'))['path'], '/m/model.safetensors.index.json');
      await view.page.getByRole('button', { name: 'Compare with Base…' }).click();
      assert.equal((await view.waitFor('command'))['command'], 'compareWithBase');
    },
  ),
);

test('long metadata is shortened until asked for', options, () =>
  withCheckpoint(SMALL, async ({ page }) => {
    await page.getByText('Metadata and files').click();
    const value = page.locator('.metadata dd').nth(1);
    assert.ok((await value.locator('.path').innerText()).length < 250);
    await value.getByRole('button').click();
    await soon(async () => assert.equal(await value.locator('.path').innerText(), SMALL.metadata['config']));
  }),
);

test('a checkpoint that cannot be read says why and leads to the log', options, async () => {
  assert.ok(browser);
  const view = await openView(browser, 'checkpoint');
  try {
    await view.send({
      type: 'failed',
      problem: { code: 'bad-header', message: 'The header is not JSON.', action: 'Save it again.' },
    });
    await view.page.getByRole('alert').getByText('The header is not JSON.').waitFor();
    await view.page.getByRole('button', { name: 'Show Log' }).click();
    assert.equal((await view.waitFor('command'))['command'], 'showLog');
  } finally {
    await view.close();
  }
});

for (const width of [400, 1400]) {
  test(`the editor does not scroll sideways in a window ${String(width)} pixels wide`, options, () =>
    withCheckpoint(
      SMALL,
      async (view) => {
        await row(view, 2).click();
        await view.page.locator('.tensor-pane').waitFor();
        await soon(async () => {
          const overflow = await view.page.evaluate(
            () => document.documentElement.scrollWidth - window.innerWidth,
          );
          assert.equal(overflow, 0);
        });
      },
      { width },
    ),
  );
}
