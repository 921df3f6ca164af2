import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { cut, showLines, showOnLine, showShare } from "../../src/cli/progress/format.ts";

/** A value on one line, as far as it fits. */
export function cutLine(value: unknown, columns = 200): string {
  return cut(showOnLine(value), columns);
}

/** A value over as many lines as it takes: JSON with an indent, a text as it is. */
export function textOf(value: unknown): string {
  return showLines(typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? ""));
}

interface SectionProps {
  readonly title: string;
  readonly note?: ComponentChildren;
  readonly children: ComponentChildren;
  readonly class?: string;
}

export function Section({ title, note, children, class: name }: SectionProps) {
  return (
    <section class={name}>
      <h2>
        {title}
        {note !== undefined && <span class="note">{note}</span>}
      </h2>
      {children}
    </section>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly share?: number | undefined;
  readonly kind?: "agreed" | "other";
  readonly children?: ComponentChildren;
}

/** A number with its name above it and a word on it below. */
export function Figure({ name, value, share, kind = "agreed", children }: FigureProps) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd class="value">{value}</dd>
      {share !== undefined && (
        <dd aria-hidden="true">
          <Meter share={share} kind={kind} />
        </dd>
      )}
      {children && <dd class="soft">{children}</dd>}
    </div>
  );
}

/** A share as a bar that fills its place. */
export function Meter({
  share,
  kind = "agreed",
}: {
  readonly share: number;
  readonly kind?: "agreed" | "other" | "muted";
}) {
  return (
    <span class="meter" aria-hidden="true">
      <span class={kind} style={{ width: `${Math.max(0, Math.min(1, share)) * 100}%` }} />
    </span>
  );
}

/** A confidence as a number and a bar; a dash where nothing tells. */
export function Confidence({ value }: { readonly value: number | undefined }) {
  if (value === undefined)
    return (
      <span class="confidence">
        <span class="soft" aria-hidden="true">
          –
        </span>
        <span class="unseen">no confidence</span>
      </span>
    );
  return (
    <span class="confidence">
      {showShare(value)}
      <Meter share={value} />
    </span>
  );
}

const signs: Readonly<Record<string, string>> = {
  running: "◌",
  retrying: "↻",
  completed: "✓",
  partial: "◐",
  failed: "✕",
  rejected: "⊘",
  cancelled: "–",
  abandoned: "–",
  connected: "●",
  connecting: "○",
  reconnecting: "○",
  accepted: "✓",
  review: "?",
  refused: "✕",
};

/** A state by a sign and a word. */
export function Badge({ state }: { readonly state: string }) {
  return (
    <span class={`badge ${state}`}>
      <span aria-hidden="true">{signs[state] ?? "·"}</span> {state}
    </span>
  );
}

interface CopyProps {
  readonly text: () => string;
  readonly children: ComponentChildren;
}

export function CopyButton({ text, children }: CopyProps) {
  const [told, setTold] = useState<string>();
  const copy = async () => {
    try {
      await toClipboard(text());
      setTold("Copied");
    } catch {
      setTold("The browser refused");
    }
  };
  return (
    <>
      <button type="button" onClick={copy} onBlur={() => setTold(undefined)}>
        {told ?? children}
      </button>
      <span class="unseen" role="status">
        {told}
      </span>
    </>
  );
}

/** @throws Error where the browser refuses */
async function toClipboard(text: string): Promise<void> {
  // A page that came over plain HTTP from another machine has no clipboard of this kind.
  if (isSecureContext) return navigator.clipboard.writeText(text);
  const field = Object.assign(document.createElement("textarea"), { value: text, className: "unseen" });
  const focused = document.activeElement as HTMLElement;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  focused.focus();
  if (!isCopied) throw new Error("The browser refused to copy.");
}

/** Hands a text to the browser as a file. */
export function download(name: string, text: string, type: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** True where a key is typed into a field and is no command. */
export function isTyping({ target }: Event): boolean {
  const fields = "input:not([type=radio]), select, textarea, [contenteditable]";
  return target instanceof HTMLElement && target.closest(fields) !== null;
}
