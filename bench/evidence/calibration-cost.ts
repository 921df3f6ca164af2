import { seededRandom } from "../../src/core/random.ts";
import { VoteJob } from "../../src/evidence/internal/vote-job.ts";
import { type GroupSizes, VoteModel } from "../../src/evidence/internal/vote-model.ts";
import { renderTable } from "./table.ts";

// Prints what the calibration of a job costs for each bundle and field: while the job runs, and once it is done.

const bundles = 5_000;
const runs = 7;

console.log(
  renderTable({
    title: "Calibration of a job of 5,000 bundles of five answers: microseconds for each bundle and field",
    note: `The least of ${runs} runs, in time of the processor. "As they come": each bundle is judged by a snapshot of those before it, then observed.`,
    columns: ["labels", "as they come", "all judged at the end"],
    rows: [0, 30, 300].map((labels) => [labels, cost(labels, asTheyCome), cost(labels, atTheEnd)]),
  }),
);

function cost(labels: number, judge: (job: VoteJob, votes: readonly GroupSizes[]) => void): string {
  const votes = drawVotes();
  const times = Array.from({ length: runs }, () => {
    const job = new VoteJob(VoteModel.of(undefined));
    for (const [at, sizes] of votes.slice(0, labels).entries())
      job.label(sizes, at % 10 < 2 * (sizes[0] ?? 0) ? [1, 0] : [0, 1]);
    const started = process.cpuUsage();
    judge(job, votes);
    return process.cpuUsage(started).user;
  });
  return (Math.min(...times) / bundles).toFixed(1);
}

function asTheyCome(job: VoteJob, votes: readonly GroupSizes[]): void {
  for (const sizes of votes) {
    job.snapshot().judgeNext({ sizes });
    job.observe(sizes);
  }
}

function atTheEnd(job: VoteJob, votes: readonly GroupSizes[]): void {
  for (const sizes of votes) job.observe(sizes);
  for (const sizes of votes) job.judge({ sizes });
}

/** Sizes of groups of five answers: each is right with a probability of the question's own, else one of four wrong ones. */
function drawVotes(): GroupSizes[] {
  const random = seededRandom(1);
  return Array.from({ length: bundles }, () => {
    const share = random.next();
    const answers = Array.from({ length: 5 }, () => (random.next() < share ? 0 : 1 + Math.floor(4 * random.next())));
    return [...Map.groupBy(answers, (answer) => answer).values()].map(({ length }) => length).sort((a, b) => b - a);
  });
}
