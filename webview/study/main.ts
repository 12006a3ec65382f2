import type { FromResultPanel, StudyPanelState, ToResultPanel } from '../../src/protocol/panel';
import { connect } from '../host';
import { StudyPanel } from './panel';

const root = document.getElementById('root') ?? document.body.appendChild(document.createElement('main'));
const host = connect<ToResultPanel, FromResultPanel, StudyPanelState>((message) => panel.receive(message));
const panel = new StudyPanel(root, host);
host.send({ type: 'ready' });
