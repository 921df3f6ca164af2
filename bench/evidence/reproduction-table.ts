import type { DataSet } from "./data-set.ts";
import { peers } from "./peers.ts";
import { ourRow, ourRules, type StoppingRow } from "./stopping-rows.ts";
import { measureStopping } from "./stopping-table.ts";
import { percent, type Table } from "./table.ts";

/** Recorded runs whose results are known, to see that this benchmark measures the same. */
export const reproduced = "gsm8k-gpt4omini-40";
const known = { samples: 6.29, right: 0.9425 };
const close = { samples: 0.05, right: 0.001 };

/** Adaptive-Consistency at 0.95, at most 40 samples: by the peer as written here, and by our rule of the same formula. */
export function reproductionTable(set: DataSet, orders: number): Table {
  const beta = ourRules.find(({ options }) => options.rule === "beta");
  const rows = [peers[0], beta && ourRow(beta)].filter((row): row is StoppingRow => row !== undefined);
  return {
    title: `${set.name}: Adaptive-Consistency, known and measured`,
    note: "At 0.95 with at most 40 samples.",
    columns: ["by", "samples known", "measured", "right % known", "measured", "reproduced"],
    rows: rows.map((row) => {
      const { samples, right } = measureStopping(set, row, 40, orders);
      const isClose =
        Math.abs(samples - known.samples) <= close.samples && Math.abs(right - known.right) <= close.right;
      const cells = [known.samples, samples.toFixed(3), percent(known.right), percent(right)];
      return [row.name, ...cells, isClose ? "yes" : "no"];
    }),
  };
}
