#!/bin/sh
# Runs a tool file with the server of this folder in the place of its model, and shows the table. Run it from the repository,
# after `npm run build`: sh examples/stand-in/run.sh examples/label.yaml examples/data/tickets.csv labelled.csv
set -eu
folder=$(mktemp -d)
node examples/stand-in/server.ts >"$folder/port" &
server=$!
trap 'kill $server; rm -r "$folder"' EXIT
until [ -s "$folder/port" ]; do sleep 0.1; done

node dist/cli/main.js run "$1" --input "$2" --output "$folder/$3" --concurrency 1 \
  --model "openai-compatible:http://127.0.0.1:$(cat "$folder/port")/v1#rules" | sed "s#$folder/##"
echo
tr -d '\r' <"$folder/$3"
