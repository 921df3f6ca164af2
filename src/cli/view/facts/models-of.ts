import { calibrationKeyOf } from "../../../calibration/calibration-key.ts";
import type { EvidenceBundle } from "../../../contract/bundle.ts";

/** The models that gave valid answers; where there is no such answer, those that were asked. */
export function modelsOf(bundle: EvidenceBundle): string {
  return calibrationKeyOf(bundle).model || bundle.meta.model;
}
