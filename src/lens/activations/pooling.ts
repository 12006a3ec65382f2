/** How the tokens (or pixels) of a sample become features: the first or last token's, their mean, or every token a sample of its own. */
export type Pool = 'cls' | 'last' | 'mean' | 'tokens';

/** Rows of features that a batch of activations gives, one after the other. */
export interface PooledRows {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

/**
 * Pools activations of one batch: `samples × tokens × features`, `samples × features`, or of a convolution
 * `samples × channels × height × width`, whose pixels are its tokens. `null` for any other shape.
 */
export function pooled(data: ArrayLike<number>, shape: readonly number[], pool: Pool): PooledRows | null {
  const layout = layoutOf(shape);
  if (layout === null) return null;
  const { samples, tokens, features, alongToken, alongFeature } = layout;
  const taken = pool === 'tokens' ? tokens : 1;
  const values = new Float64Array(samples * taken * features);
  const summed = pool === 'mean' ? tokens : 1;
  const skipped = pool === 'last' ? tokens - 1 : 0;
  for (let sample = 0; sample < samples; sample++) {
    for (let row = 0; row < taken; row++) {
      for (let feature = 0; feature < features; feature++) {
        let sum = 0;
        for (let token = row + skipped; token < row + skipped + summed; token++) {
          sum += data[sample * tokens * features + token * alongToken + feature * alongFeature] ?? 0;
        }
        values[(sample * taken + row) * features + feature] = sum / summed;
      }
    }
  }
  return { rows: samples * taken, columns: features, values };
}

interface Layout {
  readonly samples: number;
  readonly tokens: number;
  readonly features: number;
  readonly alongToken: number;
  readonly alongFeature: number;
}

function layoutOf(shape: readonly number[]): Layout | null {
  const [samples = 0, second = 0, third = 0, fourth = 0] = shape;
  if (shape.length === 2)
    return { samples, tokens: 1, features: second, alongToken: second, alongFeature: 1 };
  if (shape.length === 3)
    return { samples, tokens: second, features: third, alongToken: third, alongFeature: 1 };
  if (shape.length !== 4) return null;
  const pixels = third * fourth;
  return { samples, tokens: pixels, features: second, alongToken: 1, alongFeature: pixels };
}
