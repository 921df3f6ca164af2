export { MemoryStore, type MemoryStoreOptions } from "../store/memory.ts";
