/** Modules that are on their way. */
const loading = new Set<Promise<unknown>>();

/**
 * A module, or what is made of one, that is loaded when it is first needed, so that a program that only declares things
 * starts fast. Loaded once; where loading failed, the next call tries again.
 *
 * @example
 * ```ts
 * const loadSqlite = lazily(() => import("node:sqlite"));
 * const { DatabaseSync } = await loadSqlite();
 * ```
 */
export function lazily<Module>(load: () => Promise<Module>): () => Promise<Module> {
  let loaded: Promise<Module> | undefined;
  return () => {
    loaded ??= announce(load()).catch((error) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
}

/** Waits for modules that are on their way; false where there was none. Loading takes real time, whatever a clock says. */
export async function modulesLoaded(): Promise<boolean> {
  if (loading.size === 0) return false;
  await Promise.allSettled(loading);
  return true;
}

function announce<Module>(module: Promise<Module>): Promise<Module> {
  loading.add(module);
  const forget = () => void loading.delete(module);
  module.then(forget, forget);
  return module;
}
