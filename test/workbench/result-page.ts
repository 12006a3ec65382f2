import type { FrameLocator, Locator } from 'playwright-core';
import type { Window } from './vscode';

/** What a result panel shows, as a user finds it. */
export class ResultPage {
  private readonly frame: FrameLocator;

  constructor(private readonly window: Window) {
    this.frame = window.webview();
  }

  /** Opens the panel of the sample study by the palette, and waits until its first figure is drawn. */
  async open(): Promise<void> {
    await this.window.command('Deltalens: Open Study', 'vit-digits.study.yaml');
    await this.heatmap.waitFor();
  }

  get heatmap(): Locator {
    return this.frame.getByRole('application').first();
  }

  get tooltip(): Locator {
    return this.frame.locator('.tooltip');
  }

  /** The pane with the tensors behind a cell. */
  get details(): Locator {
    return this.frame.getByRole('complementary');
  }

  get metric(): Locator {
    return this.frame.getByRole('combobox', { name: 'metric' });
  }

  button(name: string | RegExp): Locator {
    return this.frame.getByRole('button', { name });
  }

  /** The card at a place of the panel. */
  card(index: number): Locator {
    return this.frame.locator('.card').nth(index);
  }

  /** Adds a lens by typing its id into the search field of the list. */
  async addLens(id: string): Promise<void> {
    const search = this.frame.getByRole('combobox', { name: 'Search lenses' });
    if (!(await search.isVisible())) await this.frame.getByRole('button', { name: 'Lenses' }).click();
    await search.fill(id);
    await search.press('Enter');
  }

  /** Chooses a format from the Export menu of the first card. */
  async exportAs(format: string): Promise<void> {
    await this.frame.getByRole('button', { name: 'Export', exact: true }).first().click();
    await this.frame.getByRole('menuitem', { name: format }).click();
  }

  /** Middle of the cells, in pixels of the canvas: a layer's attention or MLP in any transformer. */
  async middle(): Promise<{ x: number; y: number }> {
    const box = await this.heatmap.locator('canvas').boundingBox();
    if (!box) throw new Error('the heatmap has no canvas');
    return { x: Math.floor(box.width / 2), y: Math.floor(box.height / 2) };
  }

  /** Heading and first number of the tooltip over the middle cell. */
  async readMiddle(): Promise<{ heading: string; value: number }> {
    await this.heatmap.locator('canvas').hover({ position: await this.middle() });
    const heading = await this.tooltip.locator('strong').innerText();
    const value = await this.tooltip.locator('div span').nth(1).innerText();
    return { heading, value: Number(value) };
  }

  async clickMiddle(): Promise<void> {
    await this.heatmap.locator('canvas').click({ position: await this.middle() });
  }

  /** Colours of the canvas, each once: what the cells are painted with. */
  colours(): Promise<readonly number[]> {
    return this.heatmap.locator('canvas').evaluate((element) => {
      const canvas = element as HTMLCanvasElement;
      const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data;
      return pixels ? [...new Set(new Uint32Array(pixels.buffer))].sort((a, b) => a - b) : [];
    });
  }

  /** Colour of the text of the page, and the class by which VS Code names the kind of theme. */
  theme(): Promise<{ kind: string; text: string }> {
    return this.frame.locator('body').evaluate((body) => ({
      kind: /vscode-(light|dark|high-contrast(-light)?)/.exec(body.getAttribute('class') ?? '')?.[0] ?? '',
      text: getComputedStyle(body).color,
    }));
  }
}
