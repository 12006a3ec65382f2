// Who may import whom (docs/architecture.md). The lint configuration, and the test that it really refuses, read this table.

/** room → rooms it may import from. Downward only; a room may always import itself. */
export const ROOMS = {
  protocol: [],
  figure: ['protocol'],
  tensor: ['protocol'],
  format: ['tensor', 'protocol'],
  model: ['format', 'tensor', 'protocol'],
  graph: ['model', 'format', 'tensor', 'protocol'],
  lens: ['graph', 'model', 'format', 'tensor', 'protocol'],
  merge: ['graph', 'model', 'format', 'tensor', 'protocol'],
  lint: ['merge', 'graph', 'model', 'format', 'tensor', 'protocol'],
  server: ['lens', 'merge', 'lint', 'graph', 'model', 'format', 'tensor', 'protocol'],
  cli: ['server', 'figure', 'lens', 'merge', 'lint', 'graph', 'model', 'format', 'tensor', 'protocol'],
  extension: ['protocol'],
  webview: ['figure', 'protocol'],
};

/** Packages and Node modules that a room must not touch, with the reason. */
const CLOSED = {
  protocol: ['node', 'vscode', 'packages'],
  figure: ['node', 'vscode'],
  lens: ['files', 'vscode'],
  merge: ['files', 'vscode'],
  tensor: ['vscode'],
  format: ['vscode'],
  model: ['vscode'],
  graph: ['vscode'],
  lint: ['vscode'],
  server: ['vscode'],
  cli: ['vscode'],
  extension: ['checkpoints'],
  webview: ['node', 'vscode'],
};

const KINDS = {
  node: { regex: '^node:', message: 'This room also runs in a webview: no Node modules.' },
  vscode: { regex: '^vscode$', message: 'Only src/extension knows VS Code.' },
  packages: { regex: '^[^.]', message: 'src/protocol imports nothing.' },
  files: {
    regex: '^node:(fs|child_process|worker_threads|net|http|https)',
    message: 'A lens or method is given a study; it never touches the file system.',
  },
  checkpoints: { regex: '^onnxruntime', message: 'The extension host computes nothing.' },
};

/** ESLint configurations, one per room. */
export function roomRules() {
  return Object.entries(ROOMS).map(([room, allowed]) => {
    const closed = Object.keys(ROOMS).filter((other) => other !== room && !allowed.includes(other));
    const patterns = (CLOSED[room] ?? []).map((kind) => KINDS[kind]);
    if (closed.length > 0) {
      patterns.push({
        regex: `^(\\./)*(\\.\\./)+(src/)?(${closed.join('|')})(/|$)`,
        message: `${room} may import only ${allowed.join(', ') || 'itself'} (docs/architecture.md).`,
      });
    }
    return {
      files: [room === 'webview' ? 'webview/**/*.ts' : `src/${room}/**/*.ts`],
      rules: { 'no-restricted-imports': ['error', { patterns }] },
    };
  });
}
