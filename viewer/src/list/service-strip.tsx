import { counted } from "../../../src/cli/progress/format.ts";
import type { Strip } from "../data/source.ts";
import { Badge } from "../parts.tsx";

/** State of the service on one line: what runs, waits and pauses. */
export function ServiceStrip({
  strip: { isConnected, running, retrying, queued, circuits },
}: {
  readonly strip: Strip;
}) {
  return (
    <section class="strip" aria-label="The service">
      <span role="status">{isConnected ? <Badge state="connected" /> : <Badge state="reconnecting" />}</span>
      <span>{running} running</span>
      <span>{counted(retrying, "retry").replace("retrys", "retries")}</span>
      {queued !== undefined && <span>{queued} queued</span>}
      {circuits.map(({ name, state }) => (
        <span key={name} class="circuit">
          <b>{name}</b> {state}
        </span>
      ))}
    </section>
  );
}
