import { useKey } from "./data/api.ts";

/** Asks for the key that the service wants. It is kept as long as the page is open, and sent to this service alone. */
export function KeyForm() {
  const enter = (event: SubmitEvent) => {
    event.preventDefault();
    const key = new FormData(event.currentTarget as HTMLFormElement).get("key");
    if (typeof key === "string" && key !== "") useKey(key);
  };
  return (
    <form class="card key-form" onSubmit={enter}>
      <h1>A key, please</h1>
      <label>
        <span>This service answers to holders of a key. The key is kept until the page is closed.</span>
        <input name="key" type="password" autocomplete="off" required />
      </label>
      <button type="submit" class="main">
        Enter
      </button>
    </form>
  );
}
