/** A source text and the name it is reported under. */
export interface Source {
  readonly name: string;
  readonly text: string;
}

/** A half-open range of UTF-16 code units in a source. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}
