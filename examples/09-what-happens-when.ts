/**
 * Failures that users meet at night, each acted out: a scripted model fails as providers do, on a clock that does not
 * wait, and what a program sees of it is printed. docs/guide/what-happens-when.md explains what it prints.
 */
import { answerFailures } from "./failures/answers.ts";
import { keyFailures } from "./failures/keys.ts";
import { limitFailures } from "./failures/limits.ts";
import { Night } from "./failures/night.ts";
import { ownFailures } from "./failures/own-code.ts";
import { providerFailures } from "./failures/provider.ts";

const failures = [...providerFailures, ...answerFailures, ...limitFailures, ...keyFailures, ...ownFailures];

for (const [index, { title, act }] of failures.entries()) {
  console.log(`${index === 0 ? "" : "\n"}${index + 1}. ${title}`);
  await act(new Night());
}
