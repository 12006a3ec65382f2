import {
  CodeActionKind,
  CodeActionRequest,
  CodeLensRequest,
  CompletionRequest,
  DefinitionRequest,
  DocumentLinkRequest,
  DocumentSymbolRequest,
  FoldingRangeRequest,
  ReferencesRequest,
  type RemoteClient,
  type ServerCapabilities,
} from 'vscode-languageserver/node';
import { ADAPTERS, CODE, INDEXES, MANIFESTS, OWN } from './selectors';

const COMPLETION = { triggerCharacters: [' ', '/'] };
const CODE_ACTION = { codeActionKinds: [CodeActionKind.QuickFix] };

/** What the server can do, for an editor that cannot be told for which documents. */
export const STATIC_FEATURES: Partial<ServerCapabilities> = {
  completionProvider: COMPLETION,
  codeActionProvider: CODE_ACTION,
  codeLensProvider: {},
  definitionProvider: true,
  documentLinkProvider: {},
  documentSymbolProvider: true,
  foldingRangeProvider: true,
  referencesProvider: true,
};

/**
 * Tells the editor which documents to ask about: it opens far more than it needs to ask about, and whoever folds a document
 * takes the folding of others away.
 */
export async function registerFeatures(client: RemoteClient): Promise<void> {
  await Promise.all([
    client.register(CompletionRequest.type, { documentSelector: OWN, ...COMPLETION }),
    client.register(CodeActionRequest.type, { documentSelector: OWN, ...CODE_ACTION }),
    client.register(CodeLensRequest.type, { documentSelector: MANIFESTS }),
    client.register(DefinitionRequest.type, { documentSelector: [...INDEXES, ...ADAPTERS] }),
    client.register(DocumentLinkRequest.type, { documentSelector: [...MANIFESTS, ...CODE] }),
    client.register(DocumentSymbolRequest.type, { documentSelector: MANIFESTS }),
    client.register(FoldingRangeRequest.type, { documentSelector: MANIFESTS }),
    client.register(ReferencesRequest.type, { documentSelector: [...MANIFESTS, ...INDEXES] }),
  ]);
}
