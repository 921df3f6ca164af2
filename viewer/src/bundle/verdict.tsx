import {
  answersOf,
  counted,
  hasConfidence,
  percent,
  showConfidence,
  showCount,
  showShare,
  showUsd,
} from "../../../src/cli/progress/format.ts";
import { isWithoutLabels, showBasis } from "../../../src/cli/view/confidence.ts";
import { showFailedCalls } from "../../../src/cli/view/facts.ts";
import { describeStop, isStoppedByRule } from "../../../src/cli/view/stop-reason.ts";
import type { RunDetail } from "../../../src/cli/view/viewer-data.ts";
import { cutLine, Figure } from "../parts.tsx";
import { Reading } from "../reading.tsx";

export interface ShownBundle {
  readonly detail: RunDetail;
  readonly bundle: NonNullable<RunDetail["bundle"]>;
}

/** The consensus, how sure it is, and why there are no more answers. */
export function Verdict({ detail, bundle }: ShownBundle) {
  return (
    <>
      <div class="verdict">
        <Consensus bundle={bundle} isRunning={detail.moments?.isRunning ?? false} />
        <Figures detail={detail} bundle={bundle} />
      </div>
      <Stop detail={detail} bundle={bundle} />
    </>
  );
}

function Consensus({ bundle: { summary }, isRunning }: Pick<ShownBundle, "bundle"> & { readonly isRunning: boolean }) {
  const { consensusJson, consensus, validCount, medoidId } = summary;
  return (
    <section class="card consensus">
      <h2>{isRunning ? "Consensus so far" : "Consensus"}</h2>
      {validCount === 0 ? (
        <p class="bad">{isRunning ? "No answer is valid yet." : "No answer is valid."}</p>
      ) : (
        <Reading value={consensusJson ?? consensus} />
      )}
      {medoidId !== undefined && (
        <p class="soft">As {cutLine(medoidId, 12)} gave it: the fields put together do not fit the schema.</p>
      )}
    </section>
  );
}

function Figures({ detail: { counts }, bundle }: ShownBundle) {
  const { summary, meta, costTotalUsd } = bundle;
  const { confidence, calibratedConfidence, stability, invalidCount, validCount, weakest, allRight } = summary;
  const asked = counts?.answers ?? bundle.replicates.length;
  const failedCalls = counts?.failedCalls ?? 0;
  const invalid = invalidCount - failedCalls;
  // Answers of a model that was given up for a stronger one do not vote.
  const earlier = meta.escalations?.reduce((sum, { replicateIds }) => sum + replicateIds.length, 0) ?? 0;
  const answers = asked - earlier - failedCalls;
  const faults = [
    ...(failedCalls > 0 ? [showFailedCalls(failedCalls)] : []),
    ...(invalid > 0 ? [`${showCount(invalid)} not valid`] : []),
    ...(earlier > 0 ? [`${counted(earlier, "answer")} of a weaker model before`] : []),
  ];
  const fields = counts?.fields ?? Object.keys(summary.fields).length;
  const contested = new Set(summary.disagreements.map(({ path }) => path)).size;
  const isSure = hasConfidence(summary);
  return (
    <dl class="figures">
      <Figure
        name="Confidence"
        value={showConfidence(summary)}
        share={isSure ? (calibratedConfidence ?? confidence) : undefined}
      >
        {validCount === 0
          ? undefined
          : isWithoutLabels(summary)
            ? `learnt from labels; ${showShare(confidence)} without them`
            : showBasis(summary)}
      </Figure>
      {validCount > 1 && asked - earlier < meta.k && (
        <Figure name="Stability" value={showShare(stability)} share={stability}>
          chance that the answers left would not change it
        </Figure>
      )}
      {fields > 1 && isSure && allRight !== undefined && (
        <Figure name="All fields right" value={showShare(allRight)} share={allRight}>
          {confidence === allRight
            ? "chance that no field is wrong"
            : "chance that no field is wrong; the confidence is the mean of the fields"}
        </Figure>
      )}
      {fields > 1 && validCount > 1 && (
        <Figure
          name="Agreed"
          value={
            <>
              {showCount(fields - contested)}
              <small> of {counted(fields, "field")}</small>
            </>
          }
        >
          {isSure && `the weakest has confidence ${showShare(weakest)}`}
        </Figure>
      )}
      <Figure
        name="Answers"
        value={
          <>
            {showCount(answers)}
            {meta.k > 0 && <small> of {showCount(meta.k)}</small>}
          </>
        }
      >
        {faults.length > 0
          ? faults.join(", ")
          : meta.source && meta.source !== "live" && answersOf(answers, meta.source)}
      </Figure>
      <Figure name="Cost" value={costTotalUsd === null ? "unknown" : showUsd(costTotalUsd)}>
        {asked < meta.k &&
          isStoppedByRule(meta) &&
          `${percent(1 - asked / meta.k)} fewer answers than always ${meta.k}`}
      </Figure>
    </dl>
  );
}

function Stop({ detail: { moments, counts }, bundle: { meta, replicates } }: ShownBundle) {
  const { title, words, detail } = moments?.isRunning
    ? { ...describeAsking(moments, counts?.answers ?? 0, meta.k), detail: undefined }
    : meta.source === undefined // No bundle came: these are its answers so far.
      ? { title: "Ended early:", words: `${counted(replicates.length, "answer")} had come`, detail: undefined }
      : describeStop(meta);
  return (
    <div class="stopped">
      <p>
        <b>{title}</b> <span class="said">{cutLine(words, 300)}</span>
      </p>
      {detail !== undefined && <p class="soft said">{cutLine(detail, 300)}</p>}
      {meta.escalations?.map(({ from, replicateIds, confidence }) => (
        <p key={from} class="soft said">
          A stronger model was asked, because {cutLine(from, 80)} had a confidence of {showShare(confidence)} after{" "}
          {counted(replicateIds.length, "answer")}.
        </p>
      ))}
    </div>
  );
}

function describeAsking({ replicates }: NonNullable<RunDetail["moments"]>, answers: number, k: number) {
  const open = Object.values(replicates).filter(({ endedMs }) => endedMs === undefined).length;
  const most = k > 0 ? `, of at most ${showCount(k)}` : "";
  return {
    title: "Still asking:",
    words: `${counted(answers, "answer")} ${answers === 1 ? "is" : "are"} there, ${showCount(open)} on the way${most}`,
  };
}
