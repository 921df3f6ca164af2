#!/bin/sh
# Which K is right enough for GSM8K, and at what price? From recorded answers of gpt-4o-mini, of which each is kept as the
# number of its distinct result. Run it from the repository, after `npm run build`: sh examples/eval.sh;
# sh examples/eval.sh --html eval.html writes the page.
set -eu
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

node --input-type=module -e '
  import { readFileSync, writeFileSync } from "node:fs";
  const folder = process.argv[1];
  const rows = readFileSync(0, "utf8").trim().split("\n").slice(0, 300).map((line) => JSON.parse(line));
  const answers = rows.flatMap(({ id, samples, tokens }) => samples.slice(0, 10).map((result, index) => JSON.stringify({
    question: id, index, text: String(result), model: "gpt-4o-mini", provider: "openai",
    usage: { inputTokens: 0, outputTokens: tokens[index] },
  })));
  writeFileSync(`${folder}/answers.jsonl`, answers.join("\n"));
  writeFileSync(`${folder}/golden.jsonl`, rows.map(({ id, gold }) => JSON.stringify({ id, gold })).join("\n"));
  writeFileSync(`${folder}/gsm8k.json`, JSON.stringify({
    name: "gsm8k", model: `recorded:${folder}/answers.jsonl`, prompt: "{{id}}", schema: { type: "integer" },
  }));
' "$folder" <bench/data/gsm8k-gpt4omini-40.jsonl

node dist/cli/main.js eval "$folder/gsm8k.json" --input "$folder/golden.jsonl" --truth gold \
  -k 1,3,5,10 --min-accuracy 0.9 --output "$folder/eval" "$@" 2>"$folder/progress"
