import type { Redis } from "ioredis";
import { aheadMs, type PaceGrant, type SharedPace } from "../shared-pacer.ts";

const prefix = "steer:pace";
const now = `local time = redis.call("TIME"); local now = time[1] * 1000 + time[2] / 1000`;

/** Reserves the next start of a lane, by the generic cell rate algorithm; says how long to wait where it is too far ahead. */
const reserving = `
  ${now}
  local lane = redis.call("HMGET", KEYS[1], "requests", "tokens")
  local paused = redis.call("GET", KEYS[2])
  local start = math.max(now, tonumber(lane[1] or 0), tonumber(lane[2] or 0), tonumber(paused or 0))
  if start > now + ${aheadMs} then return { 0, string.format("%.3f", start - now) } end
  local requests, tokens = start + ARGV[1], start + ARGV[2]
  redis.call("HSET", KEYS[1], "requests", string.format("%.3f", requests), "tokens", string.format("%.3f", tokens))
  redis.call("PEXPIRE", KEYS[1], math.ceil(math.max(requests, tokens) - now) + 1000)
  return { 1, string.format("%.3f", start - now) }`;

const correcting = `
  ${now}
  local tokens = redis.call("HGET", KEYS[1], "tokens")
  if not tokens then return end
  local corrected = math.max(now, tokens + ARGV[1])
  redis.call("HSET", KEYS[1], "tokens", string.format("%.3f", corrected))
  if redis.call("PTTL", KEYS[1]) < corrected - now then
    redis.call("PEXPIRE", KEYS[1], math.ceil(corrected - now) + 1000)
  end`;

const pausing = `
  ${now}
  local untilMs = now + ARGV[1]
  if tonumber(redis.call("GET", KEYS[1]) or 0) < untilMs then
    redis.call("SET", KEYS[1], string.format("%.3f", untilMs), "PX", math.ceil(ARGV[1]) + 1)
  end`;

/** Starts that workers have reserved, in a Redis: one script for each step. What is over expires. */
export class RedisPace implements SharedPace {
  readonly #open: () => Promise<Redis>;

  constructor(open: () => Promise<Redis>) {
    this.#open = open;
  }

  async reserve(lane: string, key: string, costs: readonly [number, number]): Promise<PaceGrant> {
    const names = [`${prefix}:lane:${lane}`, `${prefix}:pause:${key}`];
    const redis = await this.#open();
    const [isGranted, waitMs] = (await redis.eval(reserving, 2, ...names, ...costs)) as [number, string];
    return { isGranted: isGranted === 1, waitMs: Number(waitMs) };
  }

  async correct(lane: string, tokensMs: number): Promise<void> {
    await (await this.#open()).eval(correcting, 1, `${prefix}:lane:${lane}`, tokensMs);
  }

  async pause(key: string, ms: number): Promise<void> {
    await (await this.#open()).eval(pausing, 1, `${prefix}:pause:${key}`, ms);
  }
}
