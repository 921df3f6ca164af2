/** Entries that no input can make slow, each with the reason. */
export const exempt: Readonly<Record<string, string>> = {
  canFallBack: "looks up one word",
  eventLogConformance: "runs tests of its caller's log",
  getGlobalRegistry: "takes nothing",
  hasEvidence: "type guard, reads two properties",
  isOrchestratorError: "type guard, reads one property",
  "new HttpFailure": "keeps two numbers",
  "new PostgresEventLog": "shares the code of SqliteEventLog; its server's time is that of its statements",
  "new PostgresStore": "shares the code of SqliteStore; its server's time is measured by bench/store.ts",
  "new Reservation": "made by BudgetLedger.reserve",
  "new TimeoutError": "keeps two words and a number",
  bullMqQueue:
    "keeps an address; its Redis is connected to by the first use, and its time is measured by bench/fleet.ts",
  pgBossQueue: "keeps an address; its database is opened by the first use, and its time is measured by bench/fleet.ts",
  queueConformance: "runs tests of its caller's queue",
  seededRandom: "takes one number",
  storeAdministrationConformance: "runs tests of its caller's store",
  storeConformance: "runs tests of its caller's store",
};
