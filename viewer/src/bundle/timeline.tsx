import { counted, showCount, showUsd } from "../../../src/cli/progress/format.ts";
import {
  type Deviation,
  deviations,
  isFailedCall,
  showElapsed,
  votingReplicates,
} from "../../../src/cli/view/facts.ts";
import type { ReplicateMoments, RunDetail } from "../../../src/cli/view/viewer-data.ts";
import type { Replicate } from "../../../src/contract/bundle.ts";
import type { Usage } from "../../../src/contract/usage.ts";
import { cutLine, Section, textOf } from "../parts.tsx";

interface TimelineProps {
  readonly detail: RunDetail;
  /** Missing before the first answer, and where none came. */
  readonly bundle?: NonNullable<RunDetail["bundle"]>;
}

/** Every replicate with its time, its tries and what was reused; its request and its answer where it is opened. */
export function Timeline({ detail, bundle }: TimelineProps) {
  const { moments, input, counts } = detail;
  const replicates = bundle?.replicates ?? [];
  const voting = new Set(bundle && votingReplicates(bundle));
  const deviationsOf = bundle ? deviations(bundle.summary) : () => undefined;
  const ids = new Set(replicates.map(({ id }) => id));
  const hasSeveralModels = new Set(replicates.map(({ model }) => model)).size > 1;
  const waiting = Object.entries(moments?.replicates ?? {}).filter(([id]) => !ids.has(id));
  const whole = moments?.elapsedMs ?? Math.max(1, ...replicates.map(({ elapsedMs }) => elapsedMs));
  const left = (counts?.answers ?? 0) - replicates.length;
  if (replicates.length + waiting.length + (moments?.notes.length ?? 0) === 0) return null;
  return (
    <Section title="Timeline" note={moments ? `${showElapsed(whole)} in all` : "by the time that each took"}>
      <div class="rows timeline">
        {replicates.map((replicate) => (
          <details key={replicate.id}>
            <summary>
              <b>{cutLine(replicate.id, 10)}</b>
              <Track
                moments={moments?.replicates[replicate.id]}
                elapsedMs={replicate.elapsedMs}
                whole={whole}
                isValid={replicate.valid}
              />
              <span class="said line">
                <Line replicate={replicate} isVoting={voting.has(replicate)} differing={deviationsOf(replicate)} />
              </span>
              <span class="soft facts-line">{factsOf(replicate, hasSeveralModels)}</span>
            </summary>
            <Raw replicate={replicate} input={input} moments={moments?.replicates[replicate.id]} />
          </details>
        ))}
        {waiting.map(([id, times]) => (
          <div key={id} class="pending">
            <b>{cutLine(id, 10)}</b>
            <Track moments={times} elapsedMs={0} whole={whole} isValid={true} />
            <span class="soft">
              {times.retries.length > 0
                ? `asking again: ${cutLine(times.retries.at(-1)?.category ?? "", 40)}`
                : "asking"}
            </span>
          </div>
        ))}
      </div>
      {left > 0 && <p class="soft">… and {showCount(left)} more</p>}
      {moments && moments.notes.length > 0 && (
        <ol class="notes">
          {moments.notes.map(({ atMs, text }) => (
            <li key={`${atMs} ${text}`}>
              <span class="number soft">{showElapsed(atMs)}</span> <span class="said">{cutLine(text, 240)}</span>
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}

interface TrackProps {
  readonly moments: ReplicateMoments | undefined;
  readonly elapsedMs: number;
  readonly whole: number;
  readonly isValid: boolean;
}

/** Time of a replicate within that of the run. Waits between tries are hatched. */
function Track({ moments, elapsedMs, whole, isValid }: TrackProps) {
  const start = moments?.startedMs ?? (moments?.endedMs ?? elapsedMs) - elapsedMs;
  const end = moments?.endedMs ?? (moments ? whole : elapsedMs);
  const share = (ms: number) => `${Math.min(100, Math.max(0, (ms / whole) * 100))}%`;
  return (
    <span class="track" aria-hidden="true">
      <span
        class={isValid ? "agreed" : "without"}
        style={{ left: `min(${share(start)}, 100% - 3px)`, width: `max(2px, ${share(end - start)})` }}
      />
      {moments?.retries.map(({ atMs, delayMs }) => (
        <span key={atMs} class="pause" style={{ left: share(atMs), width: `max(3px, ${share(delayMs)})` }} />
      ))}
    </span>
  );
}

function Line({
  replicate,
  isVoting,
  differing,
}: {
  readonly replicate: Replicate;
  readonly isVoting: boolean;
  readonly differing: readonly Deviation[] | undefined;
}) {
  if (isFailedCall(replicate))
    return <span class="bad">the call failed: {cutLine(replicate.quality.errors?.[0] ?? "", 200)}</span>;
  if (!replicate.valid) return <span class="bad">not valid: {cutLine(replicate.quality.errors[0] ?? "", 200)}</span>;
  if (!isVoting) return <i>does not vote: a stronger model was asked</i>;
  if (!differing) return <>{cutLine(replicate.data ?? replicate.json, 200)}</>;
  if (differing.length === 0) return <i>as the consensus</i>;
  return <Differing differing={differing} />;
}

/** Fields in which an answer differs from the consensus, and what it says there. */
export function Differing({ differing }: { readonly differing: readonly Deviation[] }) {
  return (
    <>
      {differing.slice(0, 12).map(({ path, vote }, at) => (
        <span key={path}>
          {at > 0 && ", "}
          <span class="soft">{cutLine(path, 60)}</span> {"value" in vote ? cutLine(vote.value, 80) : <i>absent</i>}
        </span>
      ))}
    </>
  );
}

function factsOf({ model, usage, costUsd, elapsedMs, attempts, reused }: Replicate, hasSeveralModels: boolean): string {
  return [
    ...(hasSeveralModels ? [cutLine(model, 30)] : []),
    ...(attempts > 1 ? [counted(attempts, "attempt")] : []),
    ...(reused ? ["kept from an earlier run"] : []),
    ...(usage ? [`${showCount(usage.totalTokens)} tokens${cachedIn(usage)}`] : []),
    ...(typeof costUsd === "number" ? [showUsd(costUsd)] : []),
    showElapsed(elapsedMs),
  ].join(" · ");
}

function cachedIn({ cachedInputTokens }: Usage): string {
  return cachedInputTokens ? `, ${showCount(cachedInputTokens)} cached` : "";
}

/** Request and response as they are known. */
function Raw({
  replicate,
  input,
  moments,
}: {
  readonly replicate: Replicate;
  readonly input: unknown;
  readonly moments: ReplicateMoments | undefined;
}) {
  const { model, seed, callSeed, fields, usage, finishReason, reasoning, json, data, quality } = replicate;
  const request = { model, seed: callSeed ?? seed, ...(fields && { fields }), ...(input !== undefined && { input }) };
  const response = {
    ...(finishReason && { finishReason }),
    ...(usage && { usage }),
    answer: json ?? data ?? null,
  };
  const notes = [...(quality.errors ?? []), ...(quality.warnings ?? [])];
  return (
    <div class="raw">
      {notes.length > 0 && (
        <ul class="said">
          {notes.map((note) => (
            <li key={note}>{textOf(note)}</li>
          ))}
        </ul>
      )}
      {moments && moments.retries.length > 0 && (
        <ul class="said">
          {moments.retries.map(({ atMs, delayMs, category, message }) => (
            <li key={atMs}>
              after {showElapsed(atMs)}: {category}, tried again {showElapsed(delayMs)} later. {cutLine(message, 240)}
            </li>
          ))}
        </ul>
      )}
      <div class="pair">
        <div>
          <h3>Request, as far as the run keeps it</h3>
          <pre class="said" tabIndex={0}>
            {textOf(request)}
          </pre>
        </div>
        <div>
          <h3>Response</h3>
          <pre class="said" tabIndex={0}>
            {textOf(response)}
          </pre>
        </div>
      </div>
      {reasoning !== undefined && (
        <details>
          <summary>Reasoning</summary>
          <pre class="said" tabIndex={0}>
            {textOf(reasoning)}
          </pre>
        </details>
      )}
    </div>
  );
}
