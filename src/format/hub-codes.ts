import { errorCode, informationCode } from '../protocol/code-table';

/** Codes of the Hugging Face Hub. */
export const HUB_CODES = {
  'hub-address': errorCode(
    'An address of the Hugging Face Hub cannot be read.',
    'Write hf://owner/name, hf://owner/name@revision or hf://owner/name/file.safetensors.',
  ),
  'hub-offline': errorCode(
    'The Hugging Face Hub does not answer.',
    'Check the connection and HF_ENDPOINT, then run it again: what has come is kept.',
  ),
  'hub-from-copy': informationCode(
    'A model of the Hub is shown as it was when it was opened last, since the Hub was not asked.',
    'Open it again with a connection, or without HF_HUB_OFFLINE, to see whether there is a newer commit.',
  ),
  'hub-ask': errorCode(
    'More would be fetched from the Hub than may be without asking.',
    'Say Fetch when you are asked, or change the setting "deltalens.hub.askAbove".',
  ),
  'hub-denied': errorCode(
    'The Hub refuses a model without a token, or with this one.',
    'For a gated model ask for access on its page; then log in: huggingface-cli login, HF_TOKEN, or "Deltalens: Set Hub Token".',
  ),
  'hub-missing': errorCode(
    'There is no such model, revision or file on the Hub.',
    'Check the address. A private model needs a token: HF_TOKEN, or "Deltalens: Set Hub Token".',
  ),
  'hub-choice': errorCode(
    'A model on the Hub holds no checkpoint that is known, or several.',
    'Name the file: hf://owner/name/file.',
  ),
  'hub-failed': errorCode(
    'The Hub answers something unexpected.',
    'Run it again later, or download the file.',
  ),
  'hub-range-ignored': errorCode(
    'The server sends more, or other bytes than were asked for.',
    'Set HF_ENDPOINT to a server that answers ranges, or download the file.',
  ),
  'hub-changed': errorCode('A file of the Hub is another than when it was opened.', 'Open it again.'),
  'hub-copy': errorCode(
    'A part of a copy of a file of the Hub is not here, and cannot be fetched.',
    'Open the model by its address again.',
  ),
} as const;
