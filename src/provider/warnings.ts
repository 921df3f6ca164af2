import type { SharedV4Warning } from "@ai-sdk/provider";

/** The warnings of a provider as sentences. */
export function describeWarnings(warnings: readonly SharedV4Warning[] | undefined): string[] {
  return (warnings ?? []).map(describeWarning);
}

function describeWarning(warning: SharedV4Warning): string {
  switch (warning.type) {
    case "unsupported":
      return `the provider does not support ${warning.feature}${withDetails(warning)}`;
    case "compatibility":
      return `the provider supports ${warning.feature} only in part${withDetails(warning)}`;
    case "deprecated":
      return `${warning.setting} is deprecated: ${warning.message}`;
    default:
      return warning.message;
  }
}

function withDetails({ details }: { details?: string | undefined }): string {
  return details ? `: ${details}` : "";
}
