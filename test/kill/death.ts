/** Where a process can die: right after one of its writes or calls is done, and inside of a streamed answer. */
export const killPoints = ["after claim", "after call", "after journal", "after settle", "mid-stream"] as const;
export type KillPoint = (typeof killPoints)[number];

/** The moment at which a process dies. */
export interface Death {
  readonly point: KillPoint;
  /** At which passing of the point, from 1. */
  readonly passing: number;
}

/** Says that a point is passed. It does not return where that is the moment of the process's death. */
export type Pass = (point: KillPoint) => void;

/** @param death when to die; without it, never */
export function createPass(death: Death | undefined): Pass {
  let passings = 0;
  return (point) => {
    if (point === death?.point && ++passings === death.passing) die();
  };
}

/** As `kill -9` from outside: nothing of this process runs any more, no handler, no `finally`. */
export function die(): never {
  process.kill(process.pid, "SIGKILL");
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
