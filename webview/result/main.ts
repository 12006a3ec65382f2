import type { FromResultPanel, ResultPanelState, ToResultPanel } from '../../src/protocol/panel';
import { connect } from '../host';
import { ResultPanel } from './panel';

const root = document.getElementById('root') ?? document.body.appendChild(document.createElement('main'));
const host = connect<ToResultPanel, FromResultPanel, ResultPanelState>((message) => panel.receive(message));
const panel = new ResultPanel(root, host);
host.send({ type: 'ready' });
