import fs from 'node:fs/promises';
import path from 'node:path';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { isWeightsName } from '../protocol/checkpoint-names';
import type { WorkspaceContents } from '../protocol/explorer';
import type { Finding } from '../protocol/finding';
import { affectedBy, dependentsIn, folderOf, type Change, type Dependents } from './affected';
import type { Compute } from './compute-processes';
import { Debounce } from './debounce';
import { FindingStore } from './diagnostics';
import { isFollowed } from './documents';
import { isLinted } from './linted';
import { TaskQueue } from './task-queue';

const PAUSE_IN_TYPING_MS = 300;
/** Bytes of weights that are scanned unasked for NaN and ±Inf when a workspace opens; beyond it, headers only. */
const UNASKED_SCAN = 16 * 2 ** 30;
const MOST_UNASKED_CHECKS = 5000;

/** What the service needs of the connection it works for. */
export interface LintHost {
  readonly roots: () => readonly string[];
  /** The document an editor holds, if one does. */
  readonly document: (path: string) => TextDocument | undefined;
  readonly publish: (path: string, findings: readonly Finding[]) => void;
  readonly log: (message: string) => void;
}

interface CheckManner {
  readonly background: boolean;
  readonly headersOnly?: boolean;
}

/** Keeps what is known to be wrong with files up to date: decides what is checked when, and publishes what comes out. */
export class LintService {
  private readonly store = new FindingStore();
  private readonly foreground = new TaskQueue(4);
  private readonly background = new TaskQueue(1);
  private readonly edits = new Debounce(PAUSE_IN_TYPING_MS, (file) =>
    this.check(file, { background: false }),
  );
  /** Version of the text that the findings of an open document were found in. */
  private readonly versions = new Map<string, number>();
  /** Version of the text that was checked when a document was opened or saved. */
  private readonly asked = new Map<string, number | undefined>();
  private dependents: Dependents = { adapters: [], studies: [] };

  constructor(
    private readonly compute: Compute,
    private readonly host: LintHost,
  ) {}

  /** What is wrong with a document, as long as it is still the text that was checked. */
  current(file: string): readonly Finding[] {
    const document = this.host.document(file);
    return document && this.versions.get(file) === document.version ? this.store.of(file) : [];
  }

  /** What is known to be wrong with a file that no editor changes. */
  known(file: string): readonly Finding[] {
    return this.store.of(file);
  }

  /** A document was opened or saved: what an editor holds is what is on disk. */
  openedOrSaved(file: string): void {
    if (!isLinted(file)) return;
    this.edits.forget(file);
    this.asked.set(file, this.host.document(file)?.version);
    this.check(file, { background: false });
  }

  /** A document was edited, or opened: editors report both as a change of its contents. */
  edited(file: string): void {
    if (!isLinted(file) || this.liveText(file) === undefined) return;
    if (this.asked.get(file) !== this.host.document(file)?.version) this.edits.mention(file);
  }

  /** A document was closed: what counts is the file on disk again. */
  closed(file: string): void {
    this.openedOrSaved(file);
    this.versions.delete(file);
    this.asked.delete(file);
  }

  /** A file on disk changed, appeared or went; also a folder, when it went. */
  changedOnDisk(file: string, change: Change): void {
    const below = this.store.checked().filter((checked) => checked.startsWith(file + path.sep));
    for (const affected of [...affectedBy(file, change, this.dependents), ...below]) {
      if (!isLinted(affected)) continue;
      // Weights are large: nobody waits for their scan.
      this.check(affected, { background: isWeightsName(path.basename(affected)) });
    }
  }

  /** Remembers which files depend on which, and from then on checks the right ones when one changes. */
  learn(contents: WorkspaceContents): void {
    this.dependents = dependentsIn(contents);
  }

  /** Checks all that the workspace holds, one file after the other, in the order of the tree. */
  async checkAll(contents: WorkspaceContents): Promise<void> {
    let toScan = UNASKED_SCAN;
    let checks = 0;
    for (const file of await this.checkable(contents)) {
      if (++checks > MOST_UNASKED_CHECKS) {
        this.host.log(
          `More than ${String(MOST_UNASKED_CHECKS)} files: the rest is checked when opened or changed.`,
        );
        return;
      }
      const bytes = await sizeOf(file);
      if (bytes === null) continue;
      toScan -= isWeightsName(path.basename(file)) ? bytes : 0;
      this.check(file, { background: true, headersOnly: toScan < 0 });
    }
  }

  private async checkable(contents: WorkspaceContents): Promise<readonly string[]> {
    const folders = new Set(contents.families.flatMap((family) => family.entries).map(folderOf));
    const files = contents.studies.map((study) => study.path);
    for (const folder of folders) {
      const names = await fs.readdir(folder).catch(() => []);
      files.push(...names.map((name) => path.join(folder, name)).filter(isLinted));
    }
    return files;
  }

  private check(file: string, manner: CheckManner): void {
    this.background.cancel(file);
    const queue = manner.background ? this.background : this.foreground;
    queue.add(file, (signal) => this.run(file, manner, signal));
  }

  private async run(
    file: string,
    { background, headersOnly }: CheckManner,
    signal: AbortSignal,
  ): Promise<void> {
    const version = this.host.document(file)?.version;
    const text = this.liveText(file);
    if (text === undefined && (await sizeOf(file)) === null) {
      this.show(file, []);
      return;
    }
    const result = await this.compute.request(
      'deltalens/lint',
      { path: file, roots: this.host.roots(), ...(text === undefined ? {} : { text }) },
      { signal, background, ...(headersOnly ? { scanLimit: 0 } : {}) },
    );
    if (signal.aborted) return;
    if (!result.ok) {
      this.host.log(`${file} was not checked: ${result.problem.message}`);
      return;
    }
    // Places in a text that was checked from disk may not be those in the editor.
    if (version !== undefined && text !== undefined) this.versions.set(file, version);
    this.show(file, result.value);
  }

  private show(file: string, findings: readonly Finding[]): void {
    for (const touched of this.store.set(file, findings)) this.host.publish(touched, this.store.of(touched));
  }

  /** The text an editor holds, where it is followed through edits. */
  private liveText(file: string): string | undefined {
    const document = this.host.document(file);
    return document && isFollowed(document) ? document.getText() : undefined;
  }
}

async function sizeOf(file: string): Promise<number | null> {
  const stat = await fs.stat(file).catch(() => null);
  return stat && stat.size;
}
