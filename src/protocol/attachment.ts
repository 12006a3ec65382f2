import type { Problem } from './result';

/** Whether a file fits; `unknown` where finding out would take reading more than can be waited for. */
export type Fit = 'yes' | 'no' | 'unknown';

/** An ONNX file of the workspace, as a graph for the base of a study. */
export interface GraphCandidate {
  readonly path: string;
  readonly fit: Fit;
  /** Why: which weights are which tensors, or what keeps the file from being the graph. */
  readonly reason: string;
}

/** A data set of the workspace, as input of a graph. */
export interface DataCandidate {
  /** What it would be called in the study: the task whose name is in that of the file, else the name of the file. */
  readonly name: string;
  readonly path: string;
  readonly fit: Fit;
  /** Why: samples and what they feed, or what is missing. */
  readonly reason: string;
  /** Worth choosing unasked: it fits, and it is the first of all, or that of a task. */
  readonly proposed: boolean;
}

/** How to make the ONNX export of a model. */
export interface ExportCommand {
  /** `optimum-cli` is a line for a shell, `torch` a piece of Python to complete. */
  readonly tool: 'optimum-cli' | 'torch';
  readonly text: string;
  /** What the command rests on and leaves open; one sentence. */
  readonly note: string;
}

/** What is to be written into a study. Paths are absolute. */
export interface Attachment {
  readonly graph?: string;
  readonly data: readonly { readonly name: string; readonly path: string }[];
}

/** Whether attaching a graph and data to the study is what to do about a problem. */
export function needsAttachment({ code }: Problem): boolean {
  return code === 'study-needs-graph' || code === 'study-needs-data';
}
