#!/bin/sh
# Accepts answers to 500 recorded trivia questions with --right 0.75. In the place of a person, who judges a hundred of them,
# sits a program that knows the right answers. Run it from the repository, after `npm run build`: sh examples/right.sh [--html <file>]
set -eu
questions=bench/data/triviaqa-llama13b-20.jsonl
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
steer() { node dist/cli/main.js "$@" | sed "s#$folder/##g"; }
label() { steer label "$1" --draw uniform --seed 1 --calibrations "$folder/calibrations"; }

node --input-type=module -e '
  import { readFileSync } from "node:fs";
  const lines = readFileSync(0, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  for (const { id, question } of lines) console.log(JSON.stringify({ id, question }));
' <$questions >"$folder/questions.jsonl"
echo "steer run trivia.yaml --input questions.jsonl --output answers.jsonl --k 20 --right 0.75"
steer run examples/trivia.yaml --input "$folder/questions.jsonl" --output "$folder/answers.jsonl" --concurrency 1 --k 20 --right 0.75 >"$folder/progress"
grep -A 2 "^accepted" "$folder/progress"

# The same seed draws the same answers: skipping a hundred of them tells which ones there will be.
cp "$folder/answers.jsonl" "$folder/peek.jsonl"
yes u | head -100 | label "$folder/peek.jsonl" >"$folder/skipped"
node --input-type=module -e '
  import { readFileSync } from "node:fs";
  import { sameAnswer } from "steer-llm-sdk/evidence";
  const [answers, drawn, questions] = process.argv
    .slice(1)
    .map((file) => readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line)));
  const gold = new Map(questions.map(({ id, gold }) => [id, gold]));
  const isRight = new Map(answers.map(({ input, consensus }) => [input.id, sameAnswer(consensus, gold.get(input.id))]));
  for (const { id } of drawn) console.log(isRight.get(id) ? "r" : "w");
' "$folder/answers.jsonl" "$folder/peek.jsonl.labels.jsonl" $questions >"$folder/keys"

echo
echo "steer label answers.jsonl --draw uniform"
label "$folder/answers.jsonl" <"$folder/keys" >"$folder/labelled"
grep "labels of 500" "$folder/labelled"
grep -A 3 "^accepted" "$folder/labelled"

echo
echo "steer report answers.jsonl"
steer report "$folder/answers.jsonl" --calibrations "$folder/calibrations" "$@"

# What only the reference answers tell:
node --input-type=module -e '
  import { readFileSync } from "node:fs";
  import { sameAnswer } from "steer-llm-sdk/evidence";
  const [answers, questions] = process.argv
    .slice(1)
    .map((file) => readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line)));
  const gold = new Map(questions.map(({ id, gold }) => [id, gold]));
  const accepted = answers.filter((line) => line.accepted === true);
  const right = accepted.filter(({ input, consensus }) => sameAnswer(consensus, gold.get(input.id)));
  const all = answers.filter(({ input, consensus }) => sameAnswer(consensus, gold.get(input.id)));
  console.log(`\nBy all reference answers, ${right.length} of the ${accepted.length} accepted are right, and ${all.length} of all ${answers.length}.`);
' "$folder/answers.jsonl" $questions
