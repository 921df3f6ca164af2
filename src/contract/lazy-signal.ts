const source = Symbol("source of the signal");

/**
 * Gives a context a `signal` that is made when somebody first reads it, as that of `from` is. All contexts share one
 * getter: written into an object literal it would give each context a hidden class of its own, which keeps all that the
 * getter refers to until V8 collects its whole heap.
 */
export function withLazySignal<C extends object>(
  context: C,
  from: { readonly signal: AbortSignal },
): C & { readonly signal: AbortSignal } {
  Object.defineProperty(context, source, { value: from });
  return Object.defineProperty(context, "signal", lazySignal) as C & { readonly signal: AbortSignal };
}

const lazySignal = {
  enumerable: true,
  get(this: { readonly [source]: { readonly signal: AbortSignal } }): AbortSignal {
    return this[source].signal;
  },
};
