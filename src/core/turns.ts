/** Node runs all immediates of one turn together, so each waits for the one before it. */
let lastTurn = Promise.resolve();
let waiting = 0;

/** Resolves at the next turn of the event loop that no other long computation of this process has taken. */
export function nextTurn(): Promise<void> {
  waiting++;
  const turn = lastTurn.then(() => new Promise<void>((resolve) => setImmediate(resolve)));
  lastTurn = turn;
  return turn.finally(() => waiting--);
}

/** Waits for one turn where a long computation waits for its own; false where none does. A clock of tests has to wait for them. */
export async function turnTaken(): Promise<boolean> {
  if (waiting === 0) return false;
  await new Promise((resolve) => setImmediate(resolve));
  return true;
}
