/** One ring around a piece of work: do something before, call `next`, do something after, or answer in its place. */
export type Layer<Context, Result> = (context: Context, next: () => Promise<Result>) => Promise<Result>;

/**
 * Layers around a core, the first one outermost. A layer may call `next` again (to try again), or never.
 *
 * @example
 * ```ts
 * const timed: Layer<{ log: string[] }, string> = async (context, next) => {
 *   const result = await next();
 *   context.log.push("done");
 *   return result;
 * };
 * const run = compose([timed], async () => "answer");
 * ```
 */
export function compose<Context, Result>(
  layers: readonly Layer<Context, Result>[],
  core: (context: Context) => Promise<Result>,
): (context: Context) => Promise<Result> {
  return layers.reduceRight<(context: Context) => Promise<Result>>(
    (next, layer) => (context) => layer(context, () => next(context)),
    core,
  );
}
