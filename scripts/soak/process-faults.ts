/** Collects signs of an unhealthy process: unhandled rejections and warnings. */
export class ProcessFaults {
  readonly seen: string[] = [];

  constructor() {
    process.on("unhandledRejection", (reason) => this.seen.push(`unhandled rejection: ${String(reason)}`));
    process.on("warning", ({ name, message }) => {
      // That a part of Node is experimental says nothing of what uses it.
      if (name !== "ExperimentalWarning") this.seen.push(`warning: ${name}: ${message}`);
    });
  }
}
