import { useState } from "preact/hooks";
import { hasKey, Refusal, useKey } from "./data/api.ts";

/** Asks for the key that the service wants. It is kept as long as the page is open, and sent to this service alone. */
export function KeyForm() {
  const [problem, setProblem] = useState(
    hasKey() ? "The service no longer takes the key that this page had." : undefined,
  );
  const [isTrying, setTrying] = useState(false);
  const enter = async (event: SubmitEvent) => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("key") as HTMLInputElement;
    setTrying(true);
    try {
      await useKey(field.value.trim());
    } catch (error) {
      setProblem(describe(error));
      setTrying(false);
      field.focus();
      field.select();
    }
  };
  return (
    <form class="card key-form" onSubmit={(event) => void enter(event)}>
      <h1>Key of this service</h1>
      <p class="soft">
        Each client has a key. Yours is sent to {location.host} alone, and forgotten once this tab closes.
      </p>
      <label>
        <span>Key</span>
        <input
          name="key"
          type="password"
          autocomplete="off"
          required
          aria-invalid={problem !== undefined}
          aria-describedby="key-problem"
        />
      </label>
      <p id="key-problem" class="bad" role="alert">
        {problem}
      </p>
      <button type="submit" class="main" disabled={isTrying}>
        {isTrying ? "Trying the key …" : "Open"}
      </button>
    </form>
  );
}

function describe(error: unknown): string {
  if (error instanceof Refusal && error.status === 401)
    return 'The service does not know this key. It is the value under "key" in the list that the service was given, not the name.';
  return error instanceof Error ? error.message : String(error);
}
