import { expect, test } from "vitest";
import { createFolder, outputLines, steer } from "./steer.ts";

const file = (models: string) => `name: mood
${models}
prompt: "How does it sound? {{text}}"
schema: { enum: [good, bad] }
defaultOptions: { k: 4, stopping: none }
`;
const both = `models: ["simulated:alpha?error=0.4&seed=1", "simulated:beta?error=0.4&seed=2"]`;

test("a tool file of several models asks them in turn, and report and view say who voted for what", async () => {
  const cwd = createFolder({ "mood.yaml": file(both), "in.csv": "text\nlovely tea\nawful queue\n" });
  await steer(["run", "mood.yaml", "-i", "in.csv", "-o", "out.jsonl"], { cwd });
  const [line] = outputLines(cwd);
  const replicates = line.output.content.evidenceBundle.replicates as { model: string }[];
  expect(replicates.map(({ model }) => model)).toEqual(["alpha", "beta", "alpha", "beta"]);
  const report = await steer(["report", "out.jsonl"], { cwd });
  expect(report.stdout).toMatch(
    /Share of votes that the consensus has, by model: (alpha|beta) in 0\.\d\d, (alpha|beta) in\s+\d\.\d\d\./,
  );
  const view = await steer(["view", "out.jsonl", "--line", "1"], { cwd });
  expect(view.stdout).toMatch(/(alpha|beta) [12](, (alpha|beta) [12])?/);
});

test("a tool file says one model or several, and a fault names its place", async () => {
  const cwd = createFolder({
    "two.yaml": file(`model: simulated:x\n${both}`),
    "none.yaml": file("description: nothing"),
    "in.csv": "text\nlovely tea\n",
  });
  const two = await steer(["run", "two.yaml", "-i", "in.csv"], { cwd });
  expect(two.stderr).toMatch(/two\.yaml:2:\d+: "model" is given beside "models"/);
  const none = await steer(["run", "none.yaml", "-i", "in.csv"], { cwd });
  expect(none.stderr).toMatch(/none\.yaml:1:1: "model" is missing: .* or "models" with several/);
});
