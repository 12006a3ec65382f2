import { SplitMix64 } from '../../tensor/split-mix';
import { openSensitivity, traceValues, type SensitivitySession } from '../../graph/gradients/sensitivity';
import type { TracedGraph } from '../../graph/trace';
import type { StudyNetwork } from '../../graph/study-network';
import type { StudySamples } from '../../graph/study-samples';
import {
  emptyArray,
  numbersOf,
  tensorValue,
  type TensorValue,
  type ValueArray,
} from '../../graph/tensor-value';
import { success, type Result } from '../../protocol/result';
import type { BoundWeights } from '../../graph/bind/bind-weights';
import type { Dense } from '../../tensor/linear/dense';
import { normal } from './second-view';
import type { Pool } from './pooling';

/** What is differentiated. */
export interface JacobianRequest {
  /** Values of the graph whose pooled features are the outputs. */
  readonly values: readonly string[];
  /** Input of the graph, or an inner value, by which they are differentiated. */
  readonly source: string;
  readonly pool: Extract<Pool, 'cls' | 'mean'>;
  /** At most so many rows: random mixtures of the features where there are more of these. */
  readonly probes: number;
}

/** Part of a Jacobian: `rows` products of rows with it. */
export interface LocalJacobian {
  readonly matrix: Dense;
  /** Whether the rows are those of the features themselves, not mixtures. */
  readonly whole: boolean;
  readonly features: number;
}

/** A model at a sample. */
export interface JacobianPoint {
  readonly weights: BoundWeights;
  readonly samples: StudySamples;
  /** Of the chosen samples. */
  readonly index: number;
}

/**
 * Jacobians of the pooled features of values at single samples. Every row of a run is a copy of the sample with another
 * probe, so a Jacobian is one run of the graph backwards. Sessions serve all models; those for samples of another size
 * take the place of the ones before.
 */
export class LocalJacobians {
  private sizes = '';
  private traced: TracedGraph | null = null;
  private readonly sessions = new Map<string, SensitivitySession>();

  constructor(
    private readonly study: StudyNetwork,
    private readonly request: JacobianRequest,
  ) {}

  /** The Jacobian of a value. Fails as sessions and samples do. */
  async at(value: string, { weights, samples, index }: JacobianPoint): Promise<Result<LocalJacobian>> {
    const first = samples.batch === null ? index : index - (index % samples.batch);
    const feeds = await samples.feeds(first, samples.batch ?? 1);
    if (!feeds.ok) return feeds;
    const one = new Map([...feeds.value].map(([name, each]) => [name, sampleOf(each, index - first)]));
    const session = await this.sessionFor(value, one, weights, samples.batch ?? this.request.probes);
    return session.ok ? this.rows(session.value, one, weights) : session;
  }

  /** Gives the runtime's memory back. */
  async release(): Promise<void> {
    for (const { session } of this.sessions.values()) await session.release();
    this.sessions.clear();
    this.traced = null;
  }

  private async sessionFor(
    value: string,
    one: ReadonlyMap<string, TensorValue>,
    weights: BoundWeights,
    rows: number,
  ): Promise<Result<SensitivitySession>> {
    const sizes = [rows, ...[...one.values()].map(({ shape }) => shape.join())].join(';');
    if (sizes !== this.sizes) await this.release();
    this.sizes = sizes;
    const known = this.sessions.get(value);
    if (known) return success(known);
    const { values, source } = this.request;
    if (this.traced === null) {
      const feeds = new Map([...weights, ...repeated(one, rows)]);
      const traced = await traceValues(this.study.network.map.graph, feeds, values);
      if (!traced.ok) return traced;
      this.traced = traced.value;
    }
    const opened = await openSensitivity(this.traced, value, source, new Set(weights.keys()));
    if (opened.ok) this.sessions.set(value, opened.value);
    return opened;
  }

  private async rows(
    { session, probe, probeShape, product }: SensitivitySession,
    one: ReadonlyMap<string, TensorValue>,
    weights: BoundWeights,
  ): Promise<Result<LocalJacobian>> {
    const layout = layoutOf(probeShape);
    const wanted = Math.min(this.request.probes, layout.features);
    const whole = wanted === layout.features;
    const random = new SplitMix64(1);
    const found: Float64Array[] = [];
    const batch = repeated(one, layout.rows);
    for (let first = 0; first < wanted; first += layout.rows) {
      const count = Math.min(layout.rows, wanted - first);
      const values = new Float64Array(probeShape.reduce((size, each) => size * each, 1));
      for (let row = 0; row < count; row++) {
        for (let feature = 0; feature < layout.features; feature++) {
          const weight = whole ? Number(feature === first + row) : normal(random) / Math.sqrt(wanted);
          if (weight !== 0) this.weigh(values, layout, row, feature, weight);
        }
      }
      const given = new Map([...weights, ...batch, [probe, tensorValue('float32', probeShape, values)]]);
      const run = await session.run(given);
      if (!run.ok) return run;
      const gradient = run.value.get(product);
      const numbers = gradient ? numbersOf(gradient) : new Float64Array();
      const width = numbers.length / layout.rows;
      for (let row = 0; row < count; row++) found.push(numbers.slice(row * width, (row + 1) * width));
    }
    return success({ matrix: stacked(found), whole, features: layout.features });
  }

  /** Puts the weight of a pooled feature where its tokens are. */
  private weigh(values: Float64Array, layout: Layout, row: number, feature: number, weight: number): void {
    const { tokens, features, alongToken, alongFeature } = layout;
    const summed = this.request.pool === 'mean' ? tokens : 1;
    for (let token = 0; token < summed; token++) {
      values[row * tokens * features + token * alongToken + feature * alongFeature] = weight / summed;
    }
  }
}

function stacked(rows: readonly Float64Array[]): Dense {
  const columns = rows[0]?.length ?? 0;
  const values = new Float64Array(rows.length * columns);
  rows.forEach((row, at) => values.set(row, at * columns));
  return { rows: rows.length, columns, values };
}

interface Layout {
  readonly rows: number;
  readonly tokens: number;
  readonly features: number;
  readonly alongToken: number;
  readonly alongFeature: number;
}

function layoutOf(shape: readonly number[]): Layout {
  const [rows = 1, second = 1, third = 1, fourth = 1] = shape;
  if (shape.length === 4) {
    const tokens = third * fourth;
    return { rows, tokens, features: second, alongToken: 1, alongFeature: tokens };
  }
  const [tokens, features] = shape.length === 3 ? [second, third] : [1, second];
  return { rows, tokens, features, alongToken: features, alongFeature: 1 };
}

/** One sample of a batch. */
function sampleOf({ type, shape, data }: TensorValue, index: number): TensorValue {
  const size = data.length / Math.max(1, shape[0] ?? 1);
  return { type, shape: [1, ...shape.slice(1)], data: data.slice(index * size, (index + 1) * size) };
}

function repeated(one: ReadonlyMap<string, TensorValue>, rows: number): Map<string, TensorValue> {
  return new Map(
    [...one].map(([name, { type, shape, data }]) => {
      const all = emptyArray(type, data.length * rows);
      for (let row = 0; row < rows; row++) copyInto(all, data, row * data.length);
      return [name, { type, shape: [rows, ...shape.slice(1)], data: all }];
    }),
  );
}

/** Both are of the same element type. */
function copyInto(all: ValueArray, data: ValueArray, at: number): void {
  if (all instanceof BigInt64Array || all instanceof BigUint64Array) {
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) all.set(data, at);
  } else if (!(data instanceof BigInt64Array || data instanceof BigUint64Array)) all.set(data, at);
}
