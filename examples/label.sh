#!/bin/sh
# Labels thirty of 500 recorded answers with steer label. In the place of a person sits a program that knows the right answers. Run it
# from the repository, after `npm run build`: sh examples/label.sh
set -eu
questions=bench/data/triviaqa-llama13b-20.jsonl
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
label() { node dist/cli/main.js label "$folder/answers.jsonl" --seed 1 --calibrations "$folder/calibrations"; }

node --input-type=module -e '
  import { readFileSync } from "node:fs";
  const lines = readFileSync(0, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  for (const { id, question } of lines) console.log(JSON.stringify({ id, question }));
' <$questions >"$folder/questions.jsonl"
node dist/cli/main.js run examples/trivia.yaml --input "$folder/questions.jsonl" --concurrency 1 --json >"$folder/answers.jsonl" 2>"$folder/progress"

# The same seed draws the same answers: skipping thirty of them tells which ones there will be.
yes u | head -30 | label >"$folder/skipped"
node --input-type=module -e '
  import { readFileSync } from "node:fs";
  import { sameAnswer } from "steer-llm-sdk/evidence";
  const [answers, drawn, questions] = process.argv
    .slice(1)
    .map((file) => readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line)));
  const gold = new Map(questions.map(({ id, gold }) => [id, gold]));
  const isRight = new Map(answers.map(({ input, consensus }) => [input.id, sameAnswer(consensus, gold.get(input.id))]));
  for (const { id } of drawn) console.log(isRight.get(id) ? "r" : "w");
' "$folder/answers.jsonl" "$folder/answers.jsonl.labels.jsonl" $questions >"$folder/keys"
rm "$folder/answers.jsonl.labels.jsonl"

label <"$folder/keys" | sed "s#$folder/##"
