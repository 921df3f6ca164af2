import type { EvidenceBundle } from "../../../src/contract/bundle.ts";
import { asRead, bundleOf } from "../../support/bundle-of.ts";

/** What a page would run if it took a text for markup. */
export const attack = `</script></style></title></pre><script>document.body.dataset.attacked = "yes"</script><img src="https://example.com/x" onerror="document.body.dataset.attacked = 'yes'">`;

/** Moves a terminal's cursor, and turns the direction of the text around it. */
const control = "\x1b[2J\x07\u202e";

const answerWithPrototypeKeys = (index: number) =>
  JSON.parse(
    `{"__proto__": "p${index % 2}", "constructor": {"prototype": ${index}}, "toString": 1, "a/b~c": [${JSON.stringify(attack)}, ${index > 2}]}`,
  );

/** Bundles that models, and those who ask them, could come up with. */
const hostileBundles: Readonly<Record<string, EvidenceBundle>> = {
  "markup everywhere": bundleOf([{ [attack]: attack }, { [attack]: control }, undefined], {
    task: attack + control,
    model: attack,
    earlyStopReason: attack,
  }),
  "prototype keys": bundleOf([0, 1, 2, 3].map(answerWithPrototypeKeys)),
  "texts of a megabyte": bundleOf(["x".repeat(1_000_000), "y".repeat(1_000_000), "x".repeat(1_000_000)]),
  "a thousand answers": bundleOf(
    Array.from({ length: 1000 }, (_, index) =>
      index % 50 === 7 ? undefined : { severity: ["low", "high"][index % 2], n: index % 40 },
    ),
    { tokens: 10, k: 1000 },
  ),
  "thousands of fields": bundleOf(
    [0, 1, 2].map((answer) =>
      Object.fromEntries(Array.from({ length: 3000 }, (_, field) => [`f${field}`, field % 20 ? field : answer])),
    ),
  ),
  "a hundred levels": bundleOf(
    [0, 1].map((leaf) => Array.from({ length: 100 }).reduce<unknown>((inner) => [inner], leaf)),
  ),
  "no valid answer": bundleOf([undefined, undefined, undefined]),
  "no answer": bundleOf([], { k: 3 }),
  "empty answers": bundleOf([{}, [], "", null, 0, false]),
  "halves of surrogate pairs": bundleOf(["\ud800", "\udc00", "\ud800"]),
};

export const readHostileBundles = Object.entries(hostileBundles).map(
  ([name, bundle]) => [name, asRead(bundle)] as const,
);
