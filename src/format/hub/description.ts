import type { FormatDescription } from '../../protocol/requests';

/** What the Hugging Face Hub is opened by, and how; not a container, but listed with them. */
export const HUB_DESCRIPTION: FormatDescription = {
  id: 'hf',
  title: 'Hugging Face Hub',
  endings: ['hf://owner/name', 'hf://owner/name@revision/file'],
  supports: [
    'models in any format that can be opened, headers first and tensors as they are read',
    'branches, tags and commits; gated and private models with a token; files in Git, Git LFS and Xet',
    'HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE; copies of what was opened, without a connection',
  ],
};
