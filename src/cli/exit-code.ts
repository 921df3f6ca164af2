/** What the command's exit code says. The guide lists the same codes. */
export const exitCode = {
  /** Every input has its answer. */
  done: 0,
  /** Some inputs failed; the others have their answers. */
  someFailed: 1,
  /** The command line, a file or an input cannot be used. */
  unusable: 2,
  /** The ceiling of the job was reached before its last input. */
  budgetSpent: 3,
  /** A fault of the command itself. */
  internal: 70,
  /** Ctrl-C. */
  interrupted: 130,
  /** The reader of the output went away. */
  brokenPipe: 141,
  /** SIGTERM. */
  terminated: 143,
} as const;
