import { counted, noConfidence, showCount, showShare } from "../../../src/cli/progress/format.ts";
import {
  type CountedSummary,
  type FieldVotes,
  fieldVotes,
  modelVotes,
  type Vote,
  votersOf,
} from "../../../src/cli/view/facts.ts";
import { cutLine, Section } from "../parts.tsx";

const mostFields = 200;
const mostValues = 20;
const mostIds = 40;
const mostSegments = 8;

interface VotesProps {
  readonly summary: CountedSummary;
  readonly k: number;
  /** Answers that have come since the votes were counted. */
  readonly uncounted?: number;
  /** True where a person is to judge: a confidence would lead the verdict. */
  readonly isBlind?: boolean;
}

/** A bar for each field that fills as answers arrive, with each value once, its count and who gave it. */
export function Votes({ summary, k, uncounted = 0, isBlind = false }: VotesProps) {
  const answers = summary.validCount + summary.invalidCount;
  const fields = isBlind ? fieldVotes(summary).map(withoutNumbers) : fieldVotes(summary);
  const shown = fields.slice(0, mostFields);
  const isCompared = summary.validCount > 1;
  // Of a stability, nothing is left to tell once K is used up.
  const isOpen = isCompared && answers < k;
  const note = isCompared && !fields.some(({ votes }) => votes.length > 1) ? "all agree" : undefined;
  const contested = shown.filter(({ votes }) => votes.length > 1);
  const agreed = shown.filter(({ votes }) => votes.length === 1);
  const whole = Math.max(k, answers);
  return (
    <Section title="Votes" note={uncounted > 0 ? `${counted(uncounted, "newer answer")} not counted yet` : note}>
      {contested.length > 0 && (
        <div class="votes">
          {contested.map((field) => (
            <Contested key={field.path} field={field} whole={whole} answers={answers} isOpen={isOpen} />
          ))}
        </div>
      )}
      {agreed.length > 0 && (
        <table class="agreed-fields">
          <thead>
            <tr>
              <th scope="col">{contested.length === 0 ? "field" : "agreed by all"}</th>
              <th scope="col">votes of {showCount(whole)}</th>
              <th scope="col">value</th>
              {!isBlind && (
                <th scope="col" class="number">
                  confidence
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {agreed.map((field) => (
              <tr key={field.path}>
                <th scope="row" class="said">
                  <Pointer path={field.path} />
                </th>
                <td class="bar-cell">
                  <FieldBar votes={field.votes} whole={whole} answers={answers} />
                </td>
                <td class="said">
                  <Said vote={field.votes[0] as Vote} />
                  {field.votes[0]?.models && <span class="soft"> {modelVotes(field.votes[0].models)}</span>}
                </td>
                {!isBlind && (
                  <td class="number">{field.confidence === undefined ? noConfidence : showShare(field.confidence)}</td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {fields.length > shown.length && <p class="soft">… and {showCount(fields.length - shown.length)} more fields</p>}
    </Section>
  );
}

function withoutNumbers({ path, tied, votes }: FieldVotes): FieldVotes {
  return { path, tied, votes };
}

interface ContestedProps {
  readonly field: FieldVotes;
  readonly whole: number;
  readonly answers: number;
  readonly isOpen: boolean;
}

function Contested({ field, whole, answers, isOpen }: ContestedProps) {
  const { votes, path, tied, confidence } = field;
  const stability = isOpen ? field.stability : undefined;
  return (
    <article class="field">
      <h3>
        <span class="said">
          <Pointer path={path} />
        </span>
        <span class="soft">
          {confidence !== undefined && `confidence ${showShare(confidence)}`}
          {stability !== undefined && `${confidence === undefined ? "" : " · "}stability ${showShare(stability)}`}
          {tied && (confidence === undefined && stability === undefined ? "tied" : " · tied")}
        </span>
      </h3>
      <FieldBar votes={votes} whole={whole} answers={answers} />
      <ol class="values">
        {votes.slice(0, mostValues).map((vote, index) => {
          return (
            <li key={index}>
              <span class={`key ${keyOf(index)}`} aria-hidden="true" />
              <span class="number">{showCount(vote.support)}</span>
              <span class="said">
                <Said vote={vote} />
                {index === 0 && (
                  <>
                    {" "}
                    <span class="tag">{tied ? "consensus, of equal counts" : "consensus"}</span>
                  </>
                )}
              </span>
              <span class="ids soft">{votersOf(vote, mostIds)}</span>
            </li>
          );
        })}
      </ol>
      {votes.length > mostValues && <p class="soft">… and {showCount(votes.length - mostValues)} more values</p>}
    </article>
  );
}

/** The first value is plain, the others are hatched: colour alone tells nothing. */
function keyOf(index: number): string {
  if (index >= mostSegments) return "rest";
  return index === 0 ? "agreed" : index % 2 === 1 ? "other" : "other second";
}

/** Votes on one field as parts of K; what no answer has said is left empty. */
function FieldBar({
  votes,
  whole,
  answers,
}: {
  readonly votes: readonly Vote[];
  readonly whole: number;
  readonly answers: number;
}) {
  const told = votes.reduce((sum, { support }) => sum + support, 0);
  const parts = votes.slice(0, mostSegments);
  const rest = told - parts.reduce((sum, { support }) => sum + support, 0);
  const without = Math.max(0, answers - told);
  const open = Math.max(0, whole - told - without);
  const label = [
    ...parts.map((vote) => `${"value" in vote ? cutLine(vote.value, 40) : "absent"} ${showCount(vote.support)}`),
    ...(rest > 0 ? [`other values ${showCount(rest)}`] : []),
    ...(without > 0 ? [`no vote ${showCount(without)}`] : []),
    ...(open > 0 ? [`open ${showCount(open)}`] : []),
  ].join(", ");
  return (
    <div class="field-bar" role="img" aria-label={label}>
      {parts.map(({ support }, index) => (
        <span key={index} class={keyOf(index)} style={{ flexGrow: support }} />
      ))}
      {rest > 0 && <span class="rest" style={{ flexGrow: rest }} />}
      {without > 0 && <span class="without" style={{ flexGrow: without }} />}
      {open > 0 && <span class="open" style={{ flexGrow: open }} />}
    </div>
  );
}

function Pointer({ path }: { readonly path: string }) {
  return path === "" ? <>the answer</> : <code>{cutLine(path, 160)}</code>;
}

function Said({ vote }: { readonly vote: Vote }) {
  return "value" in vote ? <q>{cutLine(vote.value, 200)}</q> : <i>absent</i>;
}
