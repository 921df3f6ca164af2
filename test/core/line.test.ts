import fc from "fast-check";
import { expect, test } from "vitest";
import { Line } from "../../src/core/line.ts";

test("shows the oldest of those who have not left, in whatever order they leave", () => {
  const steps = fc.array(fc.oneof(fc.constant("join" as const), fc.nat(30)), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (all) => {
      const line = new Line<number>();
      const leaves: (() => void)[] = [];
      const waiting = new Set<number>();
      for (const step of all) {
        if (step === "join") {
          waiting.add(leaves.length);
          leaves.push(line.join(leaves.length));
        } else {
          // Also those who have left before: that changes nothing.
          leaves[step]?.();
          waiting.delete(step);
        }
        expect(line.first).toBe([...waiting][0]);
        expect(line.isEmpty).toBe(waiting.size === 0);
      }
    }),
  );
});
