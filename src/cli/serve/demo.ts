import type { AnyTool } from "../../contract/tool.ts";
import { systemClock } from "../../core/clock.ts";
import { recordedModel } from "../../provider/recorded.ts";
import type { Service } from "../../server/service.ts";
import { loadQuestions, recordingPath } from "../demo/answered.ts";
import { createTriviaTool, paced } from "../demo/demo.ts";

const k = 10;
/** Runs that go on at once. */
const width = 4;

/** The tool of the demo: recorded answers, at the pace of a model. */
export async function demoTool(): Promise<AnyTool> {
  return createTriviaTool(paced(await recordedModel(recordingPath), systemClock), { k, maxParallel: 2 });
}

/** Asks the recorded questions, a few at once, as a client would. */
export async function replay(service: Service, url: string, key: string | undefined): Promise<void> {
  const questions = loadQuestions().values();
  const headers = { "content-type": "application/json", ...(key !== undefined && { authorization: `Bearer ${key}` }) };
  const askAll = async () => {
    for (const { question } of questions) {
      const body = JSON.stringify({ toolName: "trivia", request: { question } });
      const { status } = await service.fetch(new Request(`${url}/v1/runs`, { method: "POST", headers, body }));
      if (status !== 200) return;
    }
  };
  await Promise.all(Array.from({ length: width }, askAll));
}
