/** What a study says about a data set besides its path: how its arrays meet the inputs of the graph, and how they are read. */
export interface DataOptions {
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
  /** Labels are the inputs themselves: position t is scored against label t + 1. */
  readonly shift?: boolean;
  /** Number with which samples of different lengths are filled up. */
  readonly pad?: number;
  /** The field or column with the texts. */
  readonly text?: string;
  /** The field or column with the second texts of pairs. */
  readonly pair?: string;
  /** Path of the tokenizer.json, absolute; looked for beside the data and the model unless given. */
  readonly tokenizer?: string;
  /** Path of the preprocessor_config.json for images, absolute; looked for beside the data and the model unless given. */
  readonly preprocessor?: string;
  /** The most tokens that a sample has. */
  readonly length?: number;
}
