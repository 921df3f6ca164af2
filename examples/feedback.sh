#!/bin/sh
# Labels 500 recorded answers with their right answers, and looks at one of them with what was learnt. Run it from the
# repository, after `npm run build`: sh examples/feedback.sh
set -eu
questions=bench/data/triviaqa-llama13b-20.jsonl
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

node dist/cli/main.js run examples/trivia.yaml --input $questions --json >"$folder/answers.jsonl" 2>"$folder/progress"
node -e '
  const lines = require("node:fs").readFileSync(0, "utf8").trim().split("\n");
  for (const { id, gold } of lines.map((line) => JSON.parse(line))) console.log(JSON.stringify({ id, expected: gold }));
' <$questions >"$folder/labels.jsonl"

node dist/cli/main.js feedback "$folder/answers.jsonl" --labels "$folder/labels.jsonl" --calibrations "$folder/labels"
line=$(grep -n tqa-odql_1190 "$folder/answers.jsonl" | cut -d: -f1)
node dist/cli/main.js view "$folder/answers.jsonl" --line "$line" --calibrations "$folder/labels"
