import type { Finding } from '../../protocol/finding';
import type { ElementType } from '../../format/onnx/element-types';
import type { ValueInfo } from '../../format/onnx/types';
import type { DataArray, DataSet } from './data-set';
import type { DefaultFeed } from './default-feeds';
import type { LabelMatch } from './match-labels';

/** What an input of a graph is fed with. */
export interface InputMatch {
  readonly input: ValueInfo;
  /** The type it is fed in. */
  readonly type: ElementType;
  /** The axis of the input along which samples are stacked. */
  readonly batchAxis: number;
  readonly feed:
    | { readonly kind: 'rows' | 'constant'; readonly array: DataArray }
    | { readonly kind: 'default'; readonly value: DefaultFeed; readonly like: string };
}

/** How a data set feeds a graph. */
export interface DataMatch {
  readonly data: DataSet;
  /** Samples of the data set. */
  readonly samples: number;
  readonly inputs: readonly InputMatch[];
  readonly labels: LabelMatch | null;
  /** The number of samples that every run must have; `null` where the graph takes any. */
  readonly batch: number | null;
  /** The length that padded arrays must have; `null` where the graph takes any. */
  readonly length: number | null;
  readonly round: boolean;
  /** Arrays that feed nothing. */
  readonly unused: readonly string[];
  /** What was decided without being told. */
  readonly findings: readonly Finding[];
}
