// All that is used of @huggingface/hub, in a file of its own: it is loaded when the Hub is asked and not at start, and a bundler
// takes these calls of it and no more.
export { downloadFile, listFiles, modelInfo } from '@huggingface/hub';
