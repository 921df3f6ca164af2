/** One request of a job. */
export interface Input {
  /** From 0, among the inputs of the job. */
  readonly index: number;
  readonly request: unknown;
  /** Where it stands, for people: `reports.jsonl:17`. */
  readonly place: string;
}

/** Where the inputs of a job come from. */
export interface InputSource {
  /** For people: a file's path, `stdin` or `--input`. */
  readonly name: string;
  /** Whether it can be read more than once: files can, pipes cannot. */
  readonly isRepeatable: boolean;
  read(): AsyncIterable<Input>;
}

/** Reads one format. What it yields has no index yet. */
export type InputReader = (
  chunks: AsyncIterable<Uint8Array>,
  name: string,
) => AsyncIterable<{ readonly request: unknown; readonly place: string }>;
