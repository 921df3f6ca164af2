/** Adds labels one by one: `labeller.ts FOLDER NAME COUNT`. */
import { CalibrationStore } from "../../../src/calibration/calibration-store.ts";
import { bundleOf } from "../../support/bundle-of.ts";

const [path = "", name = "", count = "0"] = process.argv.slice(2);
const store = new CalibrationStore({ path });
for (let index = 0; index < Number(count); index++) {
  await store.label([{ id: `${name}-${index}`, bundle: bundleOf(["a", "a"]), correct: true }]);
}
