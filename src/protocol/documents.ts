/** Names of documents that have rules of their own, as glob patterns. */
export const OWN_DOCUMENTS: readonly string[] = [
  '**/adapter_config.json',
  '**/*.safetensors.index.json',
  '**/config.json',
  '**/*.study.yaml',
  '**/*.study.yml',
];

/** Languages, as editors call them, whose texts may name checkpoints. */
export const CODE_LANGUAGES: readonly string[] = ['python', 'yaml', 'json', 'jsonc', 'toml'];
/** Files of these languages that an editor may not know as such. */
export const CODE_DOCUMENTS: readonly string[] = ['**/*.toml'];
