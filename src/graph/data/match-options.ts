/** What a user says about how a data set meets a graph. */
export interface MatchOptions {
  /** Array by input of the graph, where the names differ. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** The array with the labels. */
  readonly labels?: string;
  /** The array of the shape of the labels that is 0 where they are to be ignored. */
  readonly mask?: string;
  /** Arrays that are the same for all samples. */
  readonly constant?: readonly string[];
  /** Values may be rounded to the floating-point type of an input. */
  readonly round?: boolean;
  /** Labels are the inputs themselves: position t is to be scored against label t + 1. */
  readonly shift?: boolean;
}
