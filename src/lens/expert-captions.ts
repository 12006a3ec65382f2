/** Tensor set and order of everything about experts. */
export const WEIGHTS =
  'All weights of an expert (gate, up, down) count as one vector; experts in the order of their numbers, layers in network order.';
/** What matching hidden units means. */
export const MATCHED =
  'Hidden units are put into the order in which two experts agree best (exact assignment); the order means nothing to the network. Never below the plain cosine, and above 0 even for unrelated experts: compare with "chance" in the table of layers.';
