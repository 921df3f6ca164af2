import { describe, expect, it } from "vitest";
import { compose, type Layer } from "../../src/core/compose.ts";

type Log = string[];

const around =
  (name: string): Layer<Log, string> =>
  async (log, next) => {
    log.push(`${name} in`);
    const result = await next();
    log.push(`${name} out`);
    return `${name}(${result})`;
  };

describe("composed layers", () => {
  it("stand around the core, the first outermost, and see the same context", async () => {
    const log: Log = [];
    const run = compose([around("a"), around("b")], async (context) => {
      context.push("core");
      return "x";
    });
    expect(await run(log)).toBe("a(b(x))");
    expect(log).toEqual(["a in", "b in", "core", "b out", "a out"]);
  });

  it("may answer in place of what they surround, or try it again", async () => {
    const answering: Layer<Log, string> = async () => "cached";
    expect(await compose([answering], async () => expect.unreachable())([])).toBe("cached");
    const twice: Layer<Log, string> = (_, next) => next().catch(() => next());
    const log: Log = [];
    const failingOnce = async (context: Log) => {
      if (context.push("core") === 1) throw new Error("once");
      return "done";
    };
    expect(await compose([twice], failingOnce)(log)).toBe("done");
    expect(log).toEqual(["core", "core"]);
  });

  it("pass errors outwards, and none at all is the core", async () => {
    const error = new Error("x");
    const failing = compose([around("a")], () => Promise.reject(error));
    await expect(failing([])).rejects.toBe(error);
    expect(await compose([], async (context: number) => context + 1)(1)).toBe(2);
  });

  it("can run many times at once", async () => {
    const run = compose<Log, string>([around("a")], async (context) => context.join());
    const results = await Promise.all([run(["1"]), run(["2"])]);
    expect(results).toEqual(["a(1,a in)", "a(2,a in)"]);
  });
});
