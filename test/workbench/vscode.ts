import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium, errors, type Browser, type FrameLocator, type Locator, type Page } from 'playwright-core';
import { root } from '../../scripts/run.mjs';
import { vsixFile } from '../../scripts/vsix.mjs';
import { CHROMIUM_FLAGS, findChromium } from '../../tools/vscode/places.mjs';
import { linkExtension, runServerCommand, startServer, writeSettings } from '../../tools/vscode/server.mjs';
import { warmWebviews } from '../../tools/vscode/webviews.mjs';

/** What a window opens on: settings beside the quiet ones, and the size of the window in pixels. */
export interface WindowOptions {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly width?: number;
  readonly height?: number;
  /** Keeps the workspace setting that opens the sample study. */
  readonly openStudy?: boolean;
}

// A window that starts while others are at work takes most of a minute; a step may be tried again from its beginning.
const PATIENCE_MS = 120_000;
const ATTEMPT_MS = 10_000;

/** Heard by scripts/test-files.mjs, which runs several files: what it is given is called when the last one is done. */
const SHARE = 'share-until-the-end';
const shared = new Map<string, Promise<VSCode>>();

/**
 * One VS Code with Deltalens in it, and a browser; `DELTALENS_PACKAGED=1` installs the package instead of loading the
 * repository. Starting a window costs more than all that a test does in it, so tests of a file share one; a fresh one has a
 * fresh browser profile (so a fresh window state). All are on one copy of the samples.
 */
export class VSCode {
  private window: Window | undefined;

  private constructor(
    private readonly folder: string,
    private readonly server: Awaited<ReturnType<typeof startServer>>,
    private readonly browser: Browser,
    private readonly options: WindowOptions,
  ) {}

  /**
   * Starts a server and a browser; takes about a second. Where several files run in this process, those with the same options
   * share them, and the workspace.
   */
  static start(options: WindowOptions = {}): Promise<VSCode> {
    const key = JSON.stringify(options);
    let code = shared.get(key);
    if (code === undefined) {
      code = VSCode.startNew(options);
      const ending = code.then((started) => () => started.end());
      if ((process as NodeJS.EventEmitter).emit(SHARE, async () => (await ending)())) shared.set(key, code);
    }
    return code;
  }

  private static async startNew(options: WindowOptions): Promise<VSCode> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'workbench-'));
    const folders = { data: path.join(folder, 'vscode') };
    writeSettings(folders, options.settings);
    if (process.env.DELTALENS_PACKAGED === '1') install(folders, vsixFile());
    else linkExtension(folders, root);
    const samples = path.join(folder, 'samples');
    fs.cpSync(path.join(root, 'samples'), samples, { recursive: true });
    if (!options.openStudy) fs.rmSync(path.join(samples, '.vscode'), { recursive: true, force: true });
    const server = await startServer(folders);
    const browser = await chromium.launch({ executablePath: findChromium(), args: CHROMIUM_FLAGS });
    return new VSCode(folder, server, browser, options);
  }

  /** The workspace: a copy of the samples that tests may write to. */
  get workspace(): string {
    return path.join(this.folder, 'samples');
  }

  /** Runs steps in the window of the steps before, without their editors; in a fresh one where they failed. */
  async inWindow(steps: (window: Window) => Promise<void>): Promise<void> {
    const { window } = this;
    if (!window) return this.inFreshWindow(steps);
    await this.onceMoreWhereLate(steps, () =>
      this.run(window, async () => {
        await window.closeEditors();
        await steps(window);
      }),
    );
  }

  /** Runs steps in a window that has just been opened on the workspace. */
  async inFreshWindow(steps: (window: Window) => Promise<void>): Promise<void> {
    await this.onceMoreWhereLate(steps, () => this.inNewWindow(steps));
  }

  /**
   * What VS Code itself lost on a busy machine (a click, a focus) shows as something that never comes: such steps get one
   * more window, and the output tells. A wrong result is no such thing.
   */
  private async onceMoreWhereLate(
    steps: (window: Window) => Promise<void>,
    first: () => Promise<void>,
  ): Promise<void> {
    try {
      await first();
    } catch (error) {
      if (!(error instanceof errors.TimeoutError)) throw error;
      console.warn(`Once more in a fresh window, for what did not come in the first: ${error.message}`);
      await this.inNewWindow(steps);
    }
  }

  private async inNewWindow(steps: (window: Window) => Promise<void>): Promise<void> {
    await this.window?.close();
    this.window = undefined;
    const window = await this.open();
    await this.run(window, () => steps(window));
  }

  private async run(window: Window, steps: () => Promise<void>): Promise<void> {
    this.window = undefined;
    try {
      await steps();
    } catch (error) {
      await window.close();
      throw error;
    }
    this.window = window;
  }

  /** Opens a window on the workspace and waits until Deltalens is there. */
  private async open(): Promise<Window> {
    const { width = 1280, height = 800 } = this.options;
    const context = await this.browser.newContext({ viewport: { width, height }, acceptDownloads: true });
    context.setDefaultTimeout(PATIENCE_MS);
    const warm = await warmWebviews(context, this.server.host);
    const page = await context.newPage();
    await page.goto(`http://${this.server.host}/?folder=${encodeURI(this.workspace)}`);
    await page.waitForSelector('.monaco-workbench .part.activitybar');
    const window = new Window(page);
    // A checkpoint that is opened before the extension is known opens in the text editor.
    await window.activityIcon('Deltalens').waitFor();
    await warm.updated;
    return window;
  }

  /** Ends both and removes all they wrote, unless files to come share them. */
  async stop(): Promise<void> {
    if (shared.size === 0) await this.end();
  }

  private async end(): Promise<void> {
    await this.browser.close();
    await this.server.stop();
    // The server's own children end a little after it, and write until then.
    await fs.promises.rm(this.folder, { recursive: true, force: true, maxRetries: 15, retryDelay: 200 });
  }
}

/** Waits until `holds` does; fails after two minutes. For what no locator can wait for. */
export async function eventually(holds: () => Promise<boolean> | boolean): Promise<void> {
  if (await within(PATIENCE_MS, holds)) return;
  throw new errors.TimeoutError(`never came true: ${holds.toString()}`);
}

/** Whether `holds` does before so many milliseconds are over. */
export async function within(ms: number, holds: () => Promise<boolean> | boolean): Promise<boolean> {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return true;
}

/** Whether a step is done in time. */
async function succeeds(step: () => Promise<void>): Promise<boolean> {
  try {
    await step();
    return true;
  } catch {
    return false;
  }
}

function install(folders: { data: string }, vsix: string): void {
  const { code, output } = runServerCommand(folders, ['--install-extension', vsix, '--force']);
  if (code !== 0) throw new Error(`${vsix} could not be installed: ${output}`);
}

/** A window of VS Code, and the things in it that tests use. */
export class Window {
  constructor(readonly page: Page) {}

  activityIcon(title: string): Locator {
    return this.page.locator(`.activitybar a[aria-label^="${title}"]`);
  }

  /** The document inside the visible webview. */
  webview(): FrameLocator {
    const outer = this.page.locator('iframe.webview.ready:visible').last();
    return outer.contentFrame().locator('#active-frame').contentFrame();
  }

  /** A row of a tree: the file explorer's or the sidebar's, whichever is open. */
  treeItem(name: string | RegExp): Locator {
    return this.page.getByRole('treeitem', { name }).first();
  }

  tab(name: string | RegExp): Locator {
    return this.page.getByRole('tab', { name });
  }

  /** Opens the sidebar's view. */
  async openView(title: string): Promise<void> {
    const icon = this.activityIcon(title);
    const item = icon.locator('..');
    // A second click would close it. The icon's badge lies above it, hence the force.
    if (!/\bchecked\b/.test((await item.getAttribute('class')) ?? '')) await icon.click({ force: true });
  }

  /** Waits until Deltalens knows what the workspace holds; menus and palette offer its commands from then on. */
  async explored(): Promise<void> {
    await this.openView('Deltalens');
    await this.treeItem(/^rot90/).waitFor();
  }

  /** Opens the palette and types into it. */
  palette(text: string): Promise<void> {
    return eventually(async () => {
      await this.page.keyboard.press('F1');
      return succeeds(() => this.input().fill(`>${text}`, { timeout: ATTEMPT_MS }));
    });
  }

  /** Runs a command by its title from the palette, and chooses a row of each pick list that it opens. */
  async command(title: string, ...rows: readonly string[]): Promise<void> {
    // VS Code closes palette and lists where something else takes the focus, as a webview does that was just drawn.
    await eventually(async () => {
      await this.page.keyboard.press('F1');
      return succeeds(async () => {
        await this.input().fill(`>${title}`, { timeout: ATTEMPT_MS });
        for (const row of [title, ...rows]) await this.row(row).click({ timeout: ATTEMPT_MS });
      });
    });
  }

  /** A row of the open palette or pick list. */
  row(text: string): Locator {
    return this.page.locator('.quick-input-list .monaco-list-row', { hasText: text }).first();
  }

  /** Types into an open pick list and takes the row, once it is the one that Enter would take. */
  async pickByTyping(text: string): Promise<void> {
    await this.input().fill(text);
    await this.page.locator('.quick-input-list .monaco-list-row.focused', { hasText: text }).waitFor();
    await this.page.keyboard.press('Enter');
  }

  /** The text field of the palette or a pick list. */
  input(): Locator {
    return this.page.locator('.quick-input-widget:visible input[type=text]');
  }

  /** Rows of folders are opened one by one, then the file. */
  async openFile(...names: readonly string[]): Promise<void> {
    await this.openView('Explorer');
    // A file of the same name may be in sight in a folder that was opened before.
    await this.command('Collapse Folders in Explorer');
    await this.page
      .locator('.explorer-folders-view [role=treeitem][aria-expanded=true]')
      .first()
      .waitFor({ state: 'detached' });
    for (const folder of names.slice(0, -1)) await this.unfold(folder);
    await this.treeItem(names.at(-1) ?? '').dblclick();
  }

  /** Opens a row of a tree unless it is open. */
  async unfold(name: string | RegExp): Promise<void> {
    const row = this.treeItem(name);
    await row.waitFor();
    // A tree that is drawn anew at this very moment swallows the click.
    await eventually(async () => {
      if ((await row.getAttribute('aria-expanded')) === 'true') return true;
      // Not the row itself: a click on a checkpoint opens it.
      await row.locator('.monaco-tl-twistie').click();
      await this.page.waitForTimeout(500);
      return (await row.getAttribute('aria-expanded')) === 'true';
    });
  }

  /** Chooses an entry of the context menu of a tree row. */
  async contextMenu(row: Locator, entry: string): Promise<void> {
    await row.click({ button: 'right' });
    const item = this.page.getByRole('menuitem', { name: entry });
    await item.waitFor();
    // VS Code takes a click soon after the menu has opened for the end of the click that opened it.
    await eventually(async () => {
      if (await item.isVisible()) await item.click();
      return !(await item.isVisible());
    });
  }

  /** Closes every editor and panel, and what lies above them. */
  async closeEditors(): Promise<void> {
    await this.page.keyboard.press('Escape');
    const tabs = this.page.locator('.editor-group-container .tab');
    if ((await tabs.count()) === 0) return;
    await this.command('View: Close All Editors');
    await tabs.first().waitFor({ state: 'detached' });
  }

  /** Reloads the window as a user does, and waits until it is there again. */
  async reload(): Promise<void> {
    const loaded = this.page.waitForEvent('load');
    await this.command('Developer: Reload Window');
    await loaded;
    await this.activityIcon('Deltalens').waitFor();
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
