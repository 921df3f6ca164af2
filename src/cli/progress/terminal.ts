import pc from "picocolors";

/** Where people read. */
export interface Terminal {
  write(text: string): void;
  /** Whether what was written can be drawn over. */
  readonly isLive: boolean;
  /** Rows that fit. */
  readonly rows: number;
  readonly columns: number;
  readonly colors: ReturnType<typeof pc.createColors>;
}

/** What of a stream is read: `process.stdout` and `process.stderr` fit. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly rows?: number | undefined;
  readonly columns?: number | undefined;
  /** Whether the terminal can show them. */
  hasColors?(): boolean;
}

/** A terminal over a stream; plain lines and no colours where the stream is a pipe or a file. */
export function createTerminal(stream: TextStream, env: NodeJS.ProcessEnv = process.env): Terminal {
  const isTerminal = stream.isTTY === true;
  // A terminal that does not know its size says 0.
  return {
    write: (text) => void stream.write(text),
    isLive: isTerminal && env["TERM"] !== "dumb",
    get rows() {
      return stream.rows || 24;
    },
    get columns() {
      return stream.columns || 80;
    },
    colors: pc.createColors(
      !env["NO_COLOR"] && (!!env["FORCE_COLOR"] || (isTerminal && stream.hasColors?.() === true)),
    ),
  };
}
