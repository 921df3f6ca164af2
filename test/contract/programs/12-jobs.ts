import { isOrchestratorError, JobStoppedError, ReliableOrchestrator } from "steer-llm-sdk";
import { is, type Eq } from "./00-eq.js";
import { triage } from "./02-triage.js";
const requests = [{ report: "It crashes" }, { report: "The button is blue" }];
try {
  for await (const done of new ReliableOrchestrator().runMany({ tool: triage, requests, giveUpAfterMs: 1_800_000 })) {
    if ("error" in done || done.output.status === "failed") continue;
    const c = done.output.content.evidenceBundle.summary.consensus;
    c?.severity satisfies "low" | "high" | undefined;
  }
} catch (error) {
  if (JobStoppedError.isInstance(error)) {
    is<Eq<typeof error.reason, "authentication" | "quota_exhausted" | "gave_up">>();
    is<Eq<typeof error.unsent, number>>();
  } else if (isOrchestratorError(error) && error.code === "JOB_STOPPED") error.reason;
  else throw error;
}
