/** Scheme of the documents that show checkpoints as text; their path is the checkpoint's, with an ending. */
export const MANIFEST_SCHEME = 'deltalens-manifest';
export const MANIFEST_ENDING = '.manifest';
/** As in `package.json`. */
export const MANIFEST_LANGUAGE = 'checkpoint-manifest';
