/**
 * Prints how far estimates of a text's tokens are from what a tokenizer counts: `node bench/tokens.ts`. The texts come from
 * packages of fixed versions. The weights were fitted to this project's docs and source, and to the other half of the
 * Chinese and German texts.
 */
import { globSync, readFileSync } from "node:fs";
import { countTokens as cl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { countTokens as o200k } from "gpt-tokenizer/encoding/o200k_base";
import { estimateTextTokens } from "../src/provider/prompt-tokens.ts";

const read = (pattern: string) =>
  globSync(pattern)
    .sort()
    .map((path) => readFileSync(path, "utf8"));
const prose = (text: string) => text.replace(/```[\s\S]*?```/g, "").replaceAll("|", " ");
const messages = (language: string): string[] => {
  const path = `node_modules/typescript/lib/${language}/diagnosticMessages.generated.json`;
  return Object.values(JSON.parse(readFileSync(path, "utf8"))).filter((text) => typeof text === "string");
};

/** Prompts of so many lines, of which every second one is left to the fit. */
function prompts(lines: readonly string[], size: number): string[] {
  const all = Array.from({ length: Math.ceil(lines.length / size) }, (_, index) =>
    lines.slice(index * size, (index + 1) * size).join("\n"),
  );
  return all.filter((text, index) => index % 2 === 1 && text.trim() !== "");
}

const corpora: Record<string, string[]> = {
  English: read("node_modules/{ajv,fast-check,valibot,yaml,zod,vitest,commander}/README.md").flatMap((text) =>
    prompts(prose(text).split("\n"), 15),
  ),
  code: read("node_modules/zod/src/v4/core/*.ts").flatMap((text) => prompts(text.split("\n"), 40)),
  JSON: read("bench/data/*.jsonl").flatMap((text) => prompts(text.split("\n"), 3)),
  Chinese: prompts(messages("zh-cn"), 12),
  German: prompts(messages("de"), 12),
};

const percent = (ratio: number) => `${ratio > 0 ? "+" : ""}${(100 * ratio).toFixed(0)} %`;

console.log(
  "`error in all`: the estimate against o200k_base, of all prompts together; `90 % of prompts`: of single ones.\n",
);
console.log(
  "| text | prompts | error in all | 90 % of prompts | against cl100k_base |\n| --- | --- | --- | --- | --- |",
);
for (const [name, texts] of Object.entries(corpora)) {
  const estimated = texts.map(estimateTextTokens);
  const counted = texts.map((text) => o200k(text));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const errors = estimated.map((value, index) => value / (counted[index] as number) - 1).sort((a, b) => a - b);
  const at = (share: number) => percent(errors[Math.floor(share * (errors.length - 1))] as number);
  const all = percent(sum(estimated) / sum(counted) - 1);
  const older = percent(sum(estimated) / sum(texts.map((text) => cl100k(text))) - 1);
  console.log(`| ${name} | ${texts.length} | ${all} | ${at(0.05)} to ${at(0.95)} | ${older} |`);
}
