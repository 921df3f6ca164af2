/** Collects unhandled rejections until it is stopped. */
export function watchRejections(): { readonly seen: readonly unknown[]; stop(): void } {
  const seen: unknown[] = [];
  const listen = (reason: unknown) => void seen.push(reason);
  process.on("unhandledRejection", listen);
  return { seen, stop: () => void process.off("unhandledRejection", listen) };
}
