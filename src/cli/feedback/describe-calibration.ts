import type { StoredCalibration } from "../../calibration/stored-calibration.ts";
import { fewestLabels } from "../../evidence/calibration.ts";
import { counted } from "../progress/format.ts";

/** What a calibration is worth, in a sentence. */
export function describeCalibration({ labels, calibration }: StoredCalibration): string {
  const { calibrationError } = calibration.toJSON();
  if (!calibrationError) {
    return `${counted(labels.length, "label")} of the ${fewestLabels} that it takes: until then, confidence comes from the answers alone.`;
  }
  const [before, after] = [calibrationError.before, calibrationError.after].map((error) => (error * 100).toFixed(1));
  return `From ${counted(labels.length, "label")}. Calibration error ${before} points before, ${after} after (cross-validated).`;
}
