/** The extension at the other end of the message channel. */
export interface Host<Out, State> {
  send(message: Out): void;
  getState(): State | undefined;
  setState(state: State): void;
}

/** Connects to the extension host; may be called once per page, as VS Code demands. */
export function connect<In, Out, State>(receive: (message: In) => void): Host<Out, State> {
  const api = acquireVsCodeApi<State>();
  window.addEventListener('message', (event: MessageEvent<In>) => receive(event.data));
  return {
    send: (message) => api.postMessage(message),
    getState: () => api.getState(),
    setState: (state) => {
      api.setState(state);
    },
  };
}
