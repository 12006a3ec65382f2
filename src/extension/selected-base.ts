import * as vscode from 'vscode';
import { Disposable } from './disposable';

const KEY = 'selectedBase';

/** The checkpoint that "Select as Base" chose; remembered per workspace. */
export class SelectedBase extends Disposable {
  private readonly change = this.register(new vscode.EventEmitter<void>());
  /** Fires when another base, or none, is selected. */
  readonly onChange = this.change.event;

  constructor(private readonly memory: vscode.Memento) {
    super();
    this.tellMenus();
  }

  get path(): string | undefined {
    return this.memory.get<string>(KEY);
  }

  async select(path: string | undefined): Promise<void> {
    await this.memory.update(KEY, path);
    this.tellMenus();
    this.change.fire();
  }

  private tellMenus(): void {
    void vscode.commands.executeCommand('setContext', 'deltalens.baseSelected', this.path !== undefined);
  }
}
