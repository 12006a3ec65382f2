import { cancelled, success, type Result } from '../protocol/result';
import type { Dense } from '../tensor/linear/dense';
import type { CompositionBoard } from './composition-board';
import { circuitComponents } from './head-circuit';
import { pause } from './pause';
import { COMPOSITIONS, compositionScores, type LayerReader } from './head-readers';
import { ovCircuit } from './head-weights';

/** What the heads of one block write: the largest components of each W_OV, one unit direction a row. */
interface Written {
  readonly stream: string;
  readonly firstHead: number;
  readonly directions: Dense;
  /** Head inside its block, component and its share of energy, for each direction. */
  readonly owners: readonly { readonly head: number; readonly component: number; readonly energy: number }[];
}

/** What earlier heads have written into the residual stream, for later ones to read. Blocks come in network order. */
export class ResidualStream {
  private readonly written: Written[] = [];

  constructor(
    private readonly board: CompositionBoard,
    /** Components of each W_OV that are followed. */
    private readonly components: number,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Reads with the heads of a block what all earlier ones of the same stream wrote, then writes what they write. Blocks
   * share a stream that have the same text for it. Fails with `cancelled`.
   */
  async pass(stream: string, firstHead: number, reader: LayerReader): Promise<Result<null>> {
    const hidden = reader.weights.query.columns;
    for (const written of this.written) {
      if (written.stream !== stream || written.directions.columns !== hidden) continue;
      await pause();
      if (this.signal.aborted) return cancelled();
      this.read(written, firstHead, reader);
    }
    this.written.push(this.write(stream, firstHead, reader));
    return success(null);
  }

  private read(written: Written, firstHead: number, reader: LayerReader): void {
    const { directions, owners } = written;
    const scores = compositionScores(reader, directions);
    for (const kind of COMPOSITIONS) {
      reader.heads.forEach(({ random }, late) => {
        const { mean, deviation } = random[kind];
        const own = scores[kind].subarray(late * owners.length, (late + 1) * owners.length);
        for (const at of strongestByHead(owners, own)) {
          const owner = owners[at];
          const score = own[at] ?? NaN;
          if (!owner) continue;
          this.board.add({
            kind,
            early: written.firstHead + owner.head,
            late: firstHead + late,
            component: owner.component,
            energy: owner.energy,
            score,
            ratio: score / Math.sqrt(mean),
            deviations: (score ** 2 - mean) / deviation,
          });
        }
      });
    }
  }

  private write(stream: string, firstHead: number, { weights, heads }: LayerReader): Written {
    const owners: { head: number; component: number; energy: number }[] = [];
    const parts: Float64Array[] = [];
    heads.forEach(({ ov, ovSquares }, head) => {
      const { values, left } = circuitComponents(ovCircuit(weights, head), ov, this.components);
      for (let component = 0; component < left.rows; component++) {
        owners.push({ head, component, energy: (values[component] ?? NaN) ** 2 / ovSquares });
      }
      parts.push(left.values);
    });
    const columns = weights.output.columns;
    const values = new Float64Array(owners.length * columns);
    let at = 0;
    for (const part of parts) {
      values.set(part, at);
      at += part.length;
    }
    return { stream, firstHead, owners, directions: { rows: owners.length, columns, values } };
  }
}

/** Of each head's directions the one with the largest score. */
function strongestByHead(owners: Written['owners'], scores: Float64Array): Iterable<number> {
  const best = new Map<number, number>();
  owners.forEach(({ head }, at) => {
    const before = best.get(head);
    if (before === undefined || (scores[at] ?? NaN) > (scores[before] ?? NaN)) best.set(head, at);
  });
  return best.values();
}
