import { exitCode } from "./exit-code.ts";

/** Something that whoever typed the command has to fix or to know: shown by its message alone, without a stack. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, options?: { cause?: unknown; exitCode?: number | undefined }) {
    super(message, options);
    this.name = "CommandError";
    this.exitCode = options?.exitCode ?? exitCode.unusable;
  }
}
