import type { DocumentSelector } from 'vscode-languageserver/node';
import { CODE_DOCUMENTS, CODE_LANGUAGES, OWN_DOCUMENTS } from '../protocol/documents';
import { MANIFEST_LANGUAGE, MANIFEST_SCHEME } from '../protocol/manifest';

const onDisk = (pattern: string) => ({ scheme: 'file', pattern });

/** Documents with rules of their own. */
export const OWN: DocumentSelector = OWN_DOCUMENTS.map(onDisk);
export const INDEXES: DocumentSelector = [onDisk('**/*.safetensors.index.json')];
export const ADAPTERS: DocumentSelector = [onDisk('**/adapter_config.json')];
export const MANIFESTS: DocumentSelector = [{ scheme: MANIFEST_SCHEME, language: MANIFEST_LANGUAGE }];
/** Documents that may name checkpoints. */
export const CODE: DocumentSelector = [
  ...CODE_LANGUAGES.map((language) => ({ scheme: 'file', language })),
  ...CODE_DOCUMENTS.map(onDisk),
];
