import type { Finding } from '../protocol/finding';
import { modelFinding, type ModelCode } from './finding-codes';

/** More findings of one code about one file help nobody; the rest is counted. */
const LIMIT_PER_CODE = 20;

/** Collects the findings of one file: the first twenty of each code as such, the others as a number. */
export class ModelFindings {
  private readonly first: Finding[] = [];
  private readonly list: Finding[] = [];
  private readonly counts = new Map<ModelCode, number>();

  constructor(private readonly path: string) {}

  /** `at` is the tensor or key concerned. */
  add(code: ModelCode, message: string, at?: string): void {
    const count = (this.counts.get(code) ?? 0) + 1;
    this.counts.set(code, count);
    if (count <= LIMIT_PER_CODE) this.list.push(modelFinding(code, this.path, message, at));
  }

  /** A finding that stands before all others. */
  addFirst(code: ModelCode, message: string): void {
    this.first.push(modelFinding(code, this.path, message));
  }

  /** Everything found, and one more finding per code that says how many of it were left out. */
  all(): readonly Finding[] {
    const more = [...this.counts]
      .filter(([, count]) => count > LIMIT_PER_CODE)
      .map(([code, count]) =>
        modelFinding(
          code,
          this.path,
          `${(count - LIMIT_PER_CODE).toLocaleString('en-US')} more like this are not shown.`,
        ),
      );
    return [...this.first, ...this.list, ...more];
  }
}
