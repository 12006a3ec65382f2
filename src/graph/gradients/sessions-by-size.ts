import { success, type Result } from '../../protocol/result';
import type { GraphSession } from '../session';
import type { TensorValue } from '../tensor-value';

/** Sessions for different input sizes that are kept. */
const MOST_SESSIONS = 8;

/** Sessions of one graph, one for every type and shape of inputs; the oldest go where there are many. */
export class SessionsBySize<S extends { readonly session: GraphSession }> {
  private readonly sessions = new Map<string, S>();

  /** The session for inputs like these; made by `open` where there is none yet, and fails as that does. */
  async for(inputs: ReadonlyMap<string, TensorValue>, open: () => Promise<Result<S>>): Promise<Result<S>> {
    const key = [...inputs].map(([name, { type, shape }]) => `${name}:${type}[${shape.join()}]`).join();
    const known = this.sessions.get(key);
    if (known !== undefined) return success(known);
    const opened = await open();
    if (!opened.ok) return opened;
    const [oldest] = this.sessions;
    if (oldest !== undefined && this.sessions.size >= MOST_SESSIONS) {
      await oldest[1].session.release();
      this.sessions.delete(oldest[0]);
    }
    this.sessions.set(key, opened.value);
    return opened;
  }

  /** Gives the runtime's memory back. */
  async release(): Promise<void> {
    for (const { session } of this.sessions.values()) await session.release();
    this.sessions.clear();
  }
}
