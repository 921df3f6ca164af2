export { type BullMqQueueOptions, bullMqQueue } from "./bull/bullmq-queue.ts";
