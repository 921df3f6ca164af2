import { useEffect, useMemo, useState } from "preact/hooks";
import type { Answer } from "../../../src/cli/label/answer.ts";
import { type Draw, draws, type Verdict } from "../../../src/cli/label/labels.ts";
import { counted, showCount } from "../../../src/cli/progress/format.ts";
import type { Service, Source } from "../data/source.ts";
import { cutLine } from "../parts.tsx";
import { addressOf, changeQuery, place } from "../place.ts";
import { Effects } from "./effects.tsx";
import { describeVerdict, Question } from "./question.tsx";
import type { Sent, Session } from "./session.ts";

interface ReviewProps {
  readonly source: Source;
  readonly session: Session;
}

const drawWords: Readonly<Record<Draw, string>> = {
  "least-sure": "least sure first",
  uniform: "by chance",
  stratified: "a mix of all",
};

/** One answer after the other, judged by keys. The confidence is not shown before the verdict: a label says what it is worth. */
export function ReviewScreen({ source, session }: ReviewProps) {
  const { query } = place.value;
  const last = session.review.labels.at(-1);
  const draw = draws.find((each) => each === query.get("draw")) ?? "least-sure";
  const seed = Number.parseInt(query.get("seed") ?? "", 10) || last?.seed || session.seed;
  const order = useMemo(() => session.orderOf(draw, seed), [session, draw, seed]);
  const labels = session.labels.value;
  const judged = [...labels.values()].filter(({ label }) => label !== null).length;
  const at = query.get("at");
  const chosen = order.find((each) => source.runOf(each) === at);
  const answer = chosen ?? order.find((each) => !session.labelOf(each));
  const [told, setTold] = useState<{ readonly answer: Answer; readonly verdict: Verdict }>();
  useEffect(() => {
    document.documentElement.dataset["screen"] = "review";
    session.open();
  }, [session]);

  const judge = (verdict: Verdict) => {
    if (!answer) return;
    session.judge(answer, verdict, draw, seed);
    setTold({ answer, verdict });
    const next = order.find((each) => each !== answer && !session.labelOf(each));
    changeQuery({ draw, seed: String(seed), at: next && source.runOf(next) });
    scrollTo(0, 0);
  };
  const back = () => {
    const shown = [...labels.values()].flatMap((label) => order.find((each) => session.labelOf(each) === label) ?? []);
    const place = answer ? shown.indexOf(answer) : -1;
    const before = shown.at(place === -1 ? -1 : place - 1);
    if (before && place !== 0) changeQuery({ draw, seed: String(seed), at: source.runOf(before) });
  };
  return (
    <div class="review-screen">
      <section class="judging" aria-label="Judge answers">
        <h1 class="unseen">Review</h1>
        <div class="toolbar">
          <nav class="choice" aria-label="Order">
            {(["least-sure", "uniform", "stratified"] as const).map((each) => (
              <a
                key={each}
                href={addressOf("review", "", { draw: each, seed: String(seed), at: undefined })}
                aria-current={each === draw ? "true" : undefined}
              >
                {drawWords[each]}
              </a>
            ))}
          </nav>
          <span class="soft progress">
            {showCount(judged)} of {showCount(order.length)} judged
            {labels.size > judged && `, ${showCount(labels.size - judged)} skipped`}
          </span>
        </div>
        {source.service && <Latest session={session} service={source.service} />}
        <Told told={told} sent={told && session.sentOf(told.answer)} />
        {answer ? (
          <Question
            key={source.runOf(answer)}
            source={source}
            answer={answer}
            label={session.labelOf(answer)}
            judge={judge}
            back={back}
          />
        ) : (
          <p class="empty">
            {order.length === 0 ? "No answer to judge yet." : "Every answer is judged."}{" "}
            {order.length > 0 && (
              <button type="button" onClick={back}>
                Back <kbd>b</kbd>
              </button>
            )}
          </p>
        )}
      </section>
      <Effects source={source} session={session} draw={draw} />
    </div>
  );
}

/** Says which runs of a service the answers are of; runs that end later are asked for. */
function Latest({ session, service }: { readonly session: Session; readonly service: Service }) {
  const { count = 0, of = 0 } = session.review.latest ?? {};
  const [isAsking, setIsAsking] = useState(false);
  const ask = async () => {
    setIsAsking(true);
    await service.openReview();
    setIsAsking(false);
  };
  return (
    <p class="soft latest">
      {of > count ? `The latest ${showCount(count)} of ${counted(of, "ended run")}` : counted(count, "ended run")}
      <button type="button" class="quiet" disabled={isAsking} onClick={() => void ask()}>
        {isAsking ? "Looking …" : "Look for newer ones"}
      </button>
    </p>
  );
}

interface ToldProps {
  readonly told: { readonly answer: Answer; readonly verdict: Verdict } | undefined;
  readonly sent: Sent | undefined;
}

/** Says what was judged and if the service has it, and now also how sure the answer was. */
function Told({ told, sent }: ToldProps) {
  return (
    <p class="told" role="status">
      {told && (
        <>
          <span class="said">{cutLine(told.answer.id, 40)}</span>{" "}
          {sent === "sending" && told.verdict !== null ? (
            <span class="soft">sending the verdict …</span>
          ) : typeof sent === "object" ? (
            <b class="bad said">not sent: {sent.refusal}</b>
          ) : (
            <b>{describeVerdict(told.verdict)}</b>
          )}
          <span class="soft"> · its confidence was {told.answer.confidence.toFixed(2)}</span>
        </>
      )}
    </p>
  );
}
