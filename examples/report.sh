#!/bin/sh
# Asks 500 trivia questions of a recording, and shows the whole job. Run it from the repository, after `npm run build`:
# sh examples/report.sh; sh examples/report.sh --html report.html writes a page.
set -eu
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

node --input-type=module -e '
  import { readFileSync } from "node:fs";
  const lines = readFileSync(0, "utf8").trim().split("\n").map((line) => JSON.parse(line));
  for (const { question } of lines) console.log(JSON.stringify({ question }));
' <bench/data/triviaqa-llama13b-20.jsonl >"$folder/questions.jsonl"
node dist/cli/main.js run examples/trivia.yaml --input "$folder/questions.jsonl" --output "$folder/answers.jsonl" >"$folder/progress"
node dist/cli/main.js report "$folder/answers.jsonl" --min-confidence 0.5 "$@" | sed "s#$folder/##"
