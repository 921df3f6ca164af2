import type { Strip } from "../data/source.ts";
import { Badge } from "../parts.tsx";

/** State of the service on one line: what runs, waits and pauses. */
export function ServiceStrip({
  strip: { isConnected, running, retrying, circuits, pauses, problem },
}: {
  readonly strip: Strip;
}) {
  return (
    <section class="strip" aria-label="The service">
      <span role="status">
        <Badge state={isConnected ? "connected" : isConnected === undefined ? "connecting" : "reconnecting"} />
      </span>
      <span>{running} running</span>
      <span>{retrying} retrying</span>
      {circuits.map(({ name, state }) => (
        <span key={name} class="circuit">
          <b>{name}</b> {state}
        </span>
      ))}
      {pauses.map(({ name, seconds }) => (
        <span key={name} class="pause-note">
          <b>{name}</b>, again in {seconds} s
        </span>
      ))}
      {problem !== undefined && (
        <span class="bad said" role="alert">
          {problem}
        </span>
      )}
    </section>
  );
}
