// All that is used of the library by which the server is spoken with, in a bundle of its own: it is most of the extension's code, and
// activation would parse what is needed only when the server starts.
export {
  CloseAction,
  ErrorAction,
  FileChangeType,
  LanguageClient,
  RevealOutputChannelOn,
  State,
  TransportKind,
} from 'vscode-languageclient/node';
