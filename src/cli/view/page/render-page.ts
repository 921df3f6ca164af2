import type { StoredCalibration } from "../../../calibration/stored-calibration.ts";
import type { OpenedBundle } from "../open-bundle.ts";
export function renderPage(_opened: OpenedBundle, _calibration: StoredCalibration | undefined): string {
  return "";
}
