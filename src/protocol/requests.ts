import type { LensResult } from './artifact';
import type { Attachment, DataCandidate, ExportCommand, GraphCandidate } from './attachment';
import type { CheckpointView, TensorDetail } from './checkpoint';
import type { CompletionEntry } from './completion';
import type { PlaceNode, WorkspaceContents } from './explorer';
import type { Finding, TextRange } from './finding';
import type { LensDescription } from './lens';
import type { Result } from './result';
import type { RunSpec, StudySpec } from './study';
import type { StudyFacts } from './study-facts';
import type { WriteReport, WriteSpec } from './write';

/** A place in the manifest of a checkpoint. */
export interface TensorPlace {
  /** Absolute path of the checkpoint. */
  readonly path: string;
  readonly range: TextRange;
}

/** A checkpoint or adapter that a text of a document leads to. */
export interface NamedCheckpoint {
  /** Absolute path of the file or folder. */
  readonly path: string;
  /** The file to open: of a folder, that which stands for what it holds. */
  readonly file: string;
}

export interface FormatDescription {
  readonly id: string;
  readonly title: string;
  readonly endings: readonly string[];
  readonly supports: readonly string[];
}

/**
 * Every request that crosses from the extension to the server, and unchanged from the server to its compute process.
 * Each answers with a {@link Result}; an exception is a bug.
 */
export interface Requests {
  /** The registry of lenses. */
  'deltalens/lenses': { params: Record<string, never>; value: readonly LensDescription[] };
  'deltalens/formats': { params: Record<string, never>; value: readonly FormatDescription[] };
  /** Finds checkpoints, adapters and studies below the workspace folders; reads headers only. */
  'deltalens/explore': { params: { readonly roots: readonly string[] }; value: WorkspaceContents };
  /** Children of a checkpoint, of a layer in it, or of a module in that layer. */
  'deltalens/places': {
    params: { readonly path: string; readonly layer?: string; readonly module?: string };
    value: readonly PlaceNode[];
  };
  'deltalens/inspect': {
    params: { readonly path: string; readonly roots: readonly string[] };
    value: CheckpointView;
  };
  /**
   * A checkpoint as a text document, one line a tensor; the same as one side of a comparison where `against`, another
   * checkpoint, is given. Written into the new file `into`, in UTF-8, where one is given: of 200,000 tensors it is 20 MB,
   * which would be packed and unpacked twice on the way between processes.
   */
  'deltalens/manifest': {
    params: {
      readonly path: string;
      readonly roots: readonly string[];
      readonly against?: string;
      readonly into?: string;
    };
    value: { readonly text: string };
  };
  /** Statistics of one tensor, and of its task vector where `base` is given. For an adapter's delta, `tensor` is the base's tensor name. */
  'deltalens/tensor': {
    params: {
      readonly path: string;
      readonly tensor: string;
      readonly base?: string;
      readonly bins?: number;
    };
    value: TensorDetail;
  };
  /** Reads a `*.study.yaml`: from its `text` where an editor has one that is not saved. */
  'deltalens/readStudy': { params: { readonly path: string; readonly text?: string }; value: StudySpec };
  /** Makes a study of a selection: finds the base among the paths or, for adapters, where their configuration says. */
  'deltalens/makeStudy': {
    params: { readonly paths: readonly string[]; readonly base?: string; readonly roots: readonly string[] };
    value: StudySpec;
  };
  /** What is in the files of a study, from their names and headers: tells which lenses fit it. */
  'deltalens/studyFacts': { params: { readonly study: StudySpec }; value: StudyFacts };
  /** ONNX files below the roots as graphs for the base of a study, those that fit first; reads names and shapes only. */
  'deltalens/findGraphs': {
    params: { readonly study: StudySpec; readonly roots: readonly string[] };
    value: readonly GraphCandidate[];
  };
  /** Data sets below the roots as inputs of `graph`, those that fit first. */
  'deltalens/findData': {
    params: { readonly study: StudySpec; readonly graph: string; readonly roots: readonly string[] };
    value: readonly DataCandidate[];
  };
  /** How to export the model at a path as ONNX. */
  'deltalens/exportCommand': { params: { readonly path: string }; value: ExportCommand };
  /**
   * The text of the study file at `path` with a graph and data sets written into `text`, its comments and order kept; the
   * text of a new one for `study` where there is none yet.
   */
  'deltalens/attach': {
    params: {
      readonly path: string;
      readonly text: string | null;
      readonly study: StudySpec;
      readonly attachment: Attachment;
    };
    value: { readonly text: string };
  };
  'deltalens/runLens': { params: { readonly run: RunSpec; readonly job: string }; value: LensResult };
  /** Writes a new checkpoint or adapter, whole or not at all; never over anything. */
  'deltalens/write': { params: { readonly write: WriteSpec; readonly job: string }; value: WriteReport };
  /** Findings of one document (its text as the editor holds it, else as on disk) or binary file, and of what it names. */
  'deltalens/lint': {
    params: { readonly path: string; readonly text?: string; readonly roots: readonly string[] };
    value: readonly Finding[];
  };
  /** Plain-text hover for one line of a document. */
  'deltalens/hover': {
    params: {
      readonly path: string;
      readonly line: string;
      readonly lineNumber: number;
      readonly character: number;
      readonly roots: readonly string[];
    };
    value: { readonly markdown: string; readonly range: TextRange } | null;
  };
  /** The tensors that a name in an index or an adapter configuration stands for, in their checkpoint's manifest. */
  'deltalens/definition': {
    params: { readonly path: string; readonly line: string; readonly character: number };
    value: readonly TensorPlace[];
  };
  /**
   * A tensor, by its name in the checkpoint at `path`, in the manifests of all checkpoints of the workspace that have it, and
   * of adapters that change it.
   */
  'deltalens/references': {
    params: { readonly path: string; readonly tensor: string };
    value: readonly TensorPlace[];
  };
  /**
   * For each of some texts of a document, the checkpoint or adapter in the workspace that it leads to from the document's
   * folder or a workspace folder; `missing`: a path in the workspace at which nothing is; `null`: anything else.
   */
  'deltalens/named': {
    params: {
      readonly document: string;
      readonly names: readonly string[];
      readonly roots: readonly string[];
    };
    value: readonly (NamedCheckpoint | 'missing' | null)[];
  };
  /** What a checkpoint or adapter is, in a few lines of Markdown; reads no values. */
  'deltalens/card': {
    params: { readonly path: string; readonly roots: readonly string[] };
    value: { readonly markdown: string };
  };
  /** What may be written at a place of a document, whose text is as the editor has it. */
  'deltalens/complete': {
    params: {
      readonly path: string;
      readonly text: string;
      readonly line: number;
      readonly character: number;
    };
    value: readonly CompletionEntry[];
  };
  /** Forgets all results of lenses that are kept, in memory and on disk; `bytes` were freed on disk. */
  'deltalens/clearCache': { params: Record<string, never>; value: { readonly bytes: number } };
  /** Version of onnxruntime, loading it: proves that the packaging works. */
  'deltalens/runtime': { params: Record<string, never>; value: { readonly onnxruntime: string } };
}

/** Any request may say that its user was asked, and may fetch as much from the Hub as it takes; see {@link HUB_ASK}. */
export interface FetchLeave {
  readonly mayFetch?: boolean;
}

/** The code of the problem that says "ask the user, then ask again with {@link FetchLeave}". */
export const HUB_ASK = 'hub-ask';

export type RequestName = keyof Requests;
export type RequestParams<N extends RequestName> = Requests[N]['params'];
export type RequestResult<N extends RequestName> = Result<Requests[N]['value']>;

/** How far a job is; sent at most ten times a second. */
export interface JobProgress {
  readonly job: string;
  /** 0..1 */
  readonly fraction: number;
  readonly message: string;
}

/** What the lens of a job has so far. */
export interface JobPartial {
  readonly job: string;
  readonly result: LensResult;
}

/** Notifications from the server to the extension. */
export interface Notifications {
  'deltalens/progress': JobProgress;
  'deltalens/partial': JobPartial;
  /** Checkpoints, adapters or studies appeared, changed or went: ask `deltalens/explore` again. */
  'deltalens/contentsChanged': Record<string, never>;
}
export type NotificationName = keyof Notifications;
