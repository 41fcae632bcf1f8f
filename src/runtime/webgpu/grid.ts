// The workgroups of a dispatch, one for each chunk: in two dimensions where there are more than one dimension takes. What then is too many
// finds either the end of the table or an entry without elements.

export interface Grid {
  readonly x: number;
  readonly y: number;
}

/** As few workgroups as there can be for `chunks`, at most `most` in a dimension. */
export function gridOf(chunks: number, most: number): Grid {
  const y = Math.max(1, Math.ceil(chunks / most));
  return { x: Math.ceil(chunks / y), y };
}

/** Most workgroups too many in a grid for at most so many chunks. */
export function mostIdle(chunks: number, most: number): number {
  return Math.ceil(chunks / most);
}
