import type { FromCheckpointEditor, ToCheckpointEditor } from '../../src/protocol/panel';
import { connect } from '../host';
import { CheckpointEditor, type CheckpointEditorState } from './editor';

const root = document.getElementById('root') ?? document.body.appendChild(document.createElement('main'));
const host = connect<ToCheckpointEditor, FromCheckpointEditor, CheckpointEditorState>((message) =>
  editor.receive(message),
);
const editor = new CheckpointEditor(root, host);
host.send({ type: 'ready' });
