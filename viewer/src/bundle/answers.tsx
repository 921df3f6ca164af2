import { showCount } from "../../../src/cli/progress/format.ts";
import { type Deviation, deviations, votingReplicates } from "../../../src/cli/view/facts.ts";
import type { RunDetail } from "../../../src/cli/view/viewer-data.ts";
import type { Replicate } from "../../../src/contract/bundle.ts";
import { cutLine, Section, textOf } from "../parts.tsx";
import { Differing } from "./timeline.tsx";

interface AnswersProps {
  readonly bundle: NonNullable<RunDetail["bundle"]>;
  /** Answers of the bundle, of which a page may hold a part. */
  readonly total: number;
}

const mostGroups = 40;

/** Each distinct answer once, with its count and who gave it. Of a text the votes say it all. */
export function Answers({ bundle, total }: AnswersProps) {
  if (Object.hasOwn(bundle.summary.fields, "")) return null;
  const voting = votingReplicates(bundle).filter(({ valid }) => valid);
  const groups = [...Map.groupBy(voting, ({ json, data }) => canonical(json ?? data))];
  if (groups.length === 0) return null;
  groups.sort(([, a], [, b]) => b.length - a.length);
  const consensus = canonical(bundle.summary.consensusJson ?? bundle.summary.consensus);
  const isGiven = groups.some(([text]) => text === consensus);
  const differingOf = deviations(bundle.summary);
  return (
    <Section
      title="Whole answers"
      note={`${showCount(groups.length)} distinct${total > bundle.replicates.length ? ` among the first ${showCount(bundle.replicates.length)}` : ""}`}
    >
      <div class="rows">
        {groups.slice(0, mostGroups).map(([text, members]) => (
          <WholeAnswer
            key={text}
            members={members}
            isConsensus={text === consensus}
            differing={differingOf(members[0] as Replicate) ?? []}
          />
        ))}
      </div>
      {groups.length > mostGroups && <p class="soft">… and {showCount(groups.length - mostGroups)} more</p>}
      {!isGiven && <p class="soft">The consensus is put together field by field: no single answer says all of it.</p>}
    </Section>
  );
}

interface WholeAnswerProps {
  readonly members: readonly Replicate[];
  readonly isConsensus: boolean;
  readonly differing: readonly Deviation[];
}

function WholeAnswer({ members, isConsensus, differing }: WholeAnswerProps) {
  const [{ json, data }] = members as [Replicate];
  const value = json ?? data;
  return (
    <details>
      <summary>
        <b class="number">{showCount(members.length)}</b>
        <span class="said line">
          {isConsensus ? (
            <i>the consensus</i>
          ) : differing.length > 0 ? (
            <Differing differing={differing} />
          ) : (
            cutLine(value, 240)
          )}
        </span>
        <span class="soft ids">
          {members
            .slice(0, 12)
            .map(({ id }) => id)
            .join(" ")}
          {members.length > 12 && " …"}
        </span>
      </summary>
      <pre class="said" tabIndex={0}>
        {textOf(value)}
      </pre>
    </details>
  );
}

/** JSON with its names in order, so that equal answers are equal texts. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) =>
      typeof part === "object" && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? ""
  );
}
