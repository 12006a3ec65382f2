import type { CheckpointView } from '../../src/protocol/checkpoint';
import type { FromCheckpointEditor, ToCheckpointEditor } from '../../src/protocol/panel';
import type { Problem } from '../../src/protocol/result';
import { element } from '../dom';
import { onEscape } from '../escape';
import type { Host } from '../host';
import { problemView } from '../problem-view';
import { createTensorRequests } from '../tensor-requests';
import { onThemeChange } from '../theme';
import { checkpointHeader } from './header';
import { createTensorPane } from './tensor-pane';
import { createTensorTable, type TensorTable } from './tensor-table';

/** What survives hiding the editor and reloading the window. */
export interface CheckpointEditorState {
  readonly tensor?: string;
}

/** The read-only editor of a checkpoint: header, tensor table, and a pane for one tensor. */
export class CheckpointEditor {
  private readonly requests = createTensorRequests();
  private readonly body = element('div', { class: 'checkpoint-body' });
  private view: CheckpointView | null = null;
  private table: TensorTable | null = null;
  private opened: number | null = null;
  private toldDrawn = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly host: Host<FromCheckpointEditor, CheckpointEditorState>,
  ) {
    root.className = 'checkpoint-editor';
    root.replaceChildren(element('p', { class: 'empty', text: 'Reading the directory of the checkpoint …' }));
    onThemeChange(() => this.recolour());
    onEscape(() => {
      if (this.opened !== null) this.closeTensor();
    });
  }

  /** Takes a message of the extension. */
  receive(message: ToCheckpointEditor): void {
    switch (message.type) {
      case 'checkpoint':
        return this.show(message.view, message.select ?? this.host.getState()?.tensor);
      case 'failed':
        return this.fail(message.problem);
      case 'select':
        return this.table?.select(message.tensor);
      case 'tensor':
        return this.requests.answer(message.request, message.detail);
    }
  }

  private show(view: CheckpointView, selected: string | undefined): void {
    this.view = view;
    this.opened = null;
    this.toldDrawn = false;
    this.table = createTensorTable({
      tensors: view.tensors,
      open: (index) => this.openTensor(index),
      drawn: (rows) => this.tellDrawn(rows),
    });
    this.body.replaceChildren(this.table.element);
    this.body.classList.remove('with-pane');
    this.root.replaceChildren(
      checkpointHeader(view, (message) => this.host.send(message)),
      this.body,
    );
    if (selected !== undefined) this.table.select(selected);
  }

  private fail(problem: Problem): void {
    this.view = null;
    this.table = null;
    const showLog = () => this.host.send({ type: 'command', command: 'showLog' });
    this.root.replaceChildren(problemView(problem, { showLog }));
  }

  /** The table draws with every scroll; the host hears of it once the editor is in the page. */
  private tellDrawn(rows: number): void {
    if (this.toldDrawn || !this.root.contains(this.body) || rows === 0) return;
    this.toldDrawn = true;
    this.host.send({ type: 'drawn', rows });
  }

  private openTensor(index: number): void {
    const { view } = this;
    const tensor = view?.tensors.name[index];
    if (!view || tensor === undefined) return;
    this.opened = index;
    this.host.setState({ tensor });
    const pane = createTensorPane(view, index, () => this.closeTensor());
    this.body.querySelector('.tensor-pane')?.remove();
    this.body.append(pane.element);
    this.body.classList.add('with-pane');
    this.requests.ask(
      (request) => this.host.send({ type: 'tensor', request, tensor }),
      (detail) => pane.answer(detail),
    );
  }

  private closeTensor(): void {
    this.opened = null;
    this.host.setState({});
    this.body.querySelector('.tensor-pane')?.remove();
    this.body.classList.remove('with-pane');
    this.body.querySelector<HTMLElement>('.data-table')?.focus();
  }

  private recolour(): void {
    if (this.opened !== null) this.openTensor(this.opened);
  }
}
