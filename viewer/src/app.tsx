import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Answer } from "../../src/cli/label/answer.ts";
import type { Verdict } from "../../src/cli/label/labels.ts";
import type { ReviewData } from "../../src/cli/view/viewer-data.ts";
import { BundleScreen } from "./bundle/bundle-screen.tsx";
import { isLockedOut } from "./data/api.ts";
import type { Service, Source } from "./data/source.ts";
import { KeyForm } from "./key-form.tsx";
import { type ListMemory, ListScreen } from "./list/list-screen.tsx";
import { cutLine } from "./parts.tsx";
import { addressOf, type Place, place } from "./place.ts";
import { ReviewScreen } from "./review/review-screen.tsx";
import { Session } from "./review/session.ts";

/** The three screens under one head. */
export function App({ source }: { readonly source: Source }) {
  const { screen, id } = place.value;
  const { page, rows } = source;
  const isAlone = !page.report && !source.service && rows.value.length === 1;
  const session = sessionOf(source);
  useEffect(() => {
    document.title = `${titleOf(screen, id)}${cutLine(page.title, 80)}`;
  }, [screen, id]);
  const file = page.file.replace(/^.*[\\/]/, "");
  const shown = isAlone ? "run" : screen;
  const memory = useRef<ListMemory>({ top: 0, run: "", order: undefined });
  if (shown !== "runs") memory.current.run = shown === "run" ? id : "";
  useNewScreen(screen, id);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("content")?.focus()}>
        Skip to the content
      </button>
      <header class="head">
        <div class="head-inner">
          <span class="brand" aria-hidden="true">
            <Mark />
          </span>
          <p class="where" title={`${page.title}\n${page.file}`}>
            <b>{cutLine(page.title, 80)}</b>
            {file !== page.title && <span class="soft">{cutLine(file, 120)}</span>}
          </p>
          {!isAlone && (
            <nav aria-label="Screens">
              <Tab screen="runs" current={screen}>
                Runs
              </Tab>
              {(session || source.service) && (
                <Tab screen="review" current={screen}>
                  Review
                  {session && session.given.value.length > 0 && <span class="count">{session.given.value.length}</span>}
                </Tab>
              )}
            </nav>
          )}
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        {isLockedOut.value ? (
          <KeyForm />
        ) : shown === "run" ? (
          <BundleScreen key={id} source={source} id={isAlone ? (rows.value[0]?.id ?? "") : id} isAlone={isAlone} />
        ) : shown === "review" && session ? (
          <ReviewScreen source={source} session={session} />
        ) : shown === "review" && source.service ? (
          <Waiting service={source.service} />
        ) : (
          <ListScreen source={source} session={session} memory={memory.current} />
        )}
      </main>
    </>
  );
}

function titleOf(screen: Place["screen"], id: string): string {
  return screen === "run" && id !== "" ? `${cutLine(id, 20)} · ` : screen === "review" ? "Review · " : "";
}

/** Begins a new screen at its top, with the focus on it where no part of it takes the focus. */
function useNewScreen(screen: Place["screen"], id: string): void {
  const isFirst = useRef(true);
  useLayoutEffect(() => {
    history.scrollRestoration = "manual";
    if (!isFirst.current && screen !== "runs") scrollTo(0, 0);
  }, [screen, id]);
  useEffect(() => {
    if (!isFirst.current && document.activeElement === document.body)
      document.getElementById("content")?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [screen, id]);
}

let opened: { readonly review: ReviewData; readonly session: Session } | undefined;

/** The sitting over the answers that can be judged; a new one where they are others. */
function sessionOf({ review, page, service, runOf }: Source): Session | undefined {
  const data = review.value;
  if (!data) return undefined;
  if (opened?.review !== data) {
    const send = service && ((answer: Answer, label: Exclude<Verdict, null>) => service.judge(runOf(answer), label));
    opened = { review: data, session: new Session(data, page.file, send) };
    // The list tells how many answers are accepted.
    if (page.accepted) opened.session.open();
  }
  return opened.session;
}

interface TabProps {
  readonly screen: Place["screen"];
  readonly current: Place["screen"];
  readonly children: preact.ComponentChildren;
}

function Tab({ screen, current, children }: TabProps) {
  const isCurrent = screen === current || (screen === "runs" && current === "run");
  return (
    <a href={addressOf(screen)} aria-current={isCurrent ? "page" : undefined}>
      {children}
    </a>
  );
}

/** Stands until the answers of a service are there. */
function Waiting({ service }: { readonly service: Service }) {
  useEffect(() => void service.openReview(), []);
  return (
    <div class="screen">
      <h1>Review</h1>
      <p class="soft" role="status">
        Asking for the answers of the latest runs …
      </p>
    </div>
  );
}

/** Three answers of which two agree. */
function Mark() {
  return (
    <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      <rect class="agreed" x="2" y="3" width="16" height="3.4" rx="1" />
      <rect class="agreed" x="2" y="8.3" width="16" height="3.4" rx="1" />
      <rect class="other" x="2" y="13.6" width="9" height="3.4" rx="1" />
    </svg>
  );
}
