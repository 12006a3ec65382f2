/** One checkpoint or adapter that the workspace holds. */
export interface ExplorerEntry {
  /** File or folder to open. */
  readonly path: string;
  /** Short and unique within its family. */
  readonly name: string;
  readonly kind: 'base' | 'fine-tune' | 'adapter' | 'checkpoint';
  /** `bf16 · 623,744 parameters` and the like are made from these. */
  readonly dtypes: readonly string[];
  readonly parameters: number;
  readonly bytes: number;
  readonly tensors: number;
  /** Set when it cannot be read. */
  readonly problem?: string;
  /** `LoRA r8` */
  readonly adapterKind?: string;
  /** Absolute path of an adapter's base, where it was found. */
  readonly basePath?: string;
}

/** Checkpoints with the same tensor names and shapes, base first, then fine-tunes, then the adapters that name it. */
export interface Family {
  readonly id: string;
  readonly title: string;
  readonly entries: readonly ExplorerEntry[];
}

/** What the sidebar tree shows; found without reading any tensor. */
export interface WorkspaceContents {
  readonly families: readonly Family[];
  readonly studies: readonly { readonly path: string; readonly name: string }[];
  /** Set when there was more than the tree takes. */
  readonly truncated: boolean;
}

/** A layer, module or tensor below a checkpoint in the tree. */
export interface PlaceNode {
  readonly kind: 'layer' | 'module' | 'tensor';
  readonly label: string;
  /** Of the layer, module or tensor: the key to ask for its children with. */
  readonly key: string;
  readonly parameters: number;
  readonly bytes: number;
  readonly detail: string;
}
