// The analysis server: speaks the language server protocol over IPC or stdio, and computes nothing itself.
import path from 'node:path';
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { AnalysisServer } from './analysis-server';
import { ComputeProcesses } from './compute-processes';

const connection = createConnection(ProposedFeatures.all);
const compute = new ComputeProcesses(path.join(__dirname, 'compute.js'), (message) =>
  connection.console.info(message),
);
new AnalysisServer(connection, compute).listen();

process.on('exit', () => compute.close());
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(0));
