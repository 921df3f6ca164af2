import type { EvidenceBundle } from "../../../contract/bundle.ts";
import { showShare } from "../../progress/format.ts";
import { showElapsed } from "../facts/show-elapsed.ts";
import { type Html, html } from "./html.ts";

const mostSeeds = 40;

/** Where the answers come from, and why there are no more of them. */
export function originList({ meta }: EvidenceBundle): Html {
  const seeds = meta.seeds.slice(0, mostSeeds).join(" ") + (meta.seeds.length > mostSeeds ? " …" : "");
  return html`<dl class="origin">
${fact("Source", meta.source)}
${fact("Models asked", meta.model)}
${fact("Why no more answers", meta.earlyStopReason ?? `all ${meta.k} were asked for`)}
${meta.escalations?.map(({ from, replicateIds, confidence }) => fact("Escalated", `from ${from} after ${replicateIds.join(" ")}, with a confidence of ${showShare(confidence)}`))}
${meta.schemaUri !== undefined && fact("Schema", meta.schemaUri)}
${meta.schemaFingerprint !== undefined && fact("Schema fingerprint", meta.schemaFingerprint)}
${fact("Time", showElapsed(meta.totalElapsedMs))}
${fact("Seeds", seeds)}
</dl>`;
}

function fact(name: string, value: string): Html {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}
