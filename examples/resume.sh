#!/bin/sh
# Kills a job with kill -9 after some of its inputs, and starts the same command again. A simulation answers. Run it from the
# repository, after `npm run build`: sh examples/resume.sh
set -eu
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
run="node dist/cli/main.js run examples/triage.yaml --input examples/data/reports.jsonl --concurrency 1
  --output $folder/triaged.jsonl"
answered() { cat "$folder"/triaged.jsonl 2>"$folder/none" | wc -l; }

$run >"$folder/progress" 2>&1 &
job=$!
until [ "$(answered)" -ge 3 ]; do sleep 0.05; done
kill -9 $job
wait $job || true
echo "Killed. Lines in triaged.jsonl: $(answered)"

$run | sed "s#$folder/##"
echo "Lines in triaged.jsonl: $(answered)"
