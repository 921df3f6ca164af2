import { type CompareOptions, compareOptions, type JudgeOption } from "../../contract/bundle-options.ts";
import { InvalidOptionsError } from "../../core/errors.ts";
import { resolveOptions } from "../../core/options.ts";
import { pointerSegments } from "./pointer.ts";

type FieldOptions = Omit<CompareOptions, "byPath" | "weights">;

/** Options given for one pointer, and for the pointers below it. */
interface PatternNode {
  options: FieldOptions;
  weight: number | undefined;
  readonly below: Map<string, PatternNode>;
}

/** Similarity of two texts; throws if the caller's function is asynchronous. */
export type Similarity = (a: string, b: string) => number;

/**
 * Verdicts of a judge: the normal form of a text, at a pointer with `*` for list indices, becomes that of its group.
 */
export type DecideGroup = (pattern: string, form: string) => string;

/**
 * Comparison of the values at one path. Options of a path hold for everything below it, except `lists`, which is
 * meant for one list; the more exact pointer wins.
 */
export class FieldComparison {
  readonly tolerance: number | { readonly absolute: number } | undefined;
  /** Rule by which two strings are one answer. */
  readonly text: "same" | "exact";
  /** Set where the options say that strings are free text: their confidence counts how alike they are. */
  readonly isFreeText: boolean;
  readonly lists: "position" | "content" | { readonly key: string };
  readonly similarity: Similarity | undefined;
  /** Judge that is to be asked, where it was not yet. */
  readonly judge: JudgeOption | undefined;
  /** Verdicts of a judge that was asked. */
  readonly decideGroup: DecideGroup | undefined;
  readonly weight: number;
  readonly #everywhere: FieldOptions;
  readonly #inherited: FieldOptions;
  readonly #patterns: readonly PatternNode[];

  private constructor(
    everywhere: FieldOptions,
    inherited: FieldOptions,
    weight: number,
    patterns: readonly PatternNode[],
  ) {
    const own: FieldOptions = Object.assign({}, inherited, ...patterns.map(({ options }) => options));
    this.tolerance = own.tolerance;
    this.text = own.text === false || own.text === "exact" ? "exact" : "same";
    this.isFreeText = own.text !== undefined && this.text === "same";
    this.lists = own.lists === undefined || own.lists === "align" ? "content" : own.lists;
    this.similarity = own.similarity && settledSimilarity(own.similarity);
    const judge: unknown = own.judge;
    this.decideGroup = typeof judge === "function" ? (judge as DecideGroup) : undefined;
    this.judge = this.decideGroup ? undefined : own.judge;
    this.weight = patterns.reduce((inner, pattern) => pattern.weight ?? inner, weight);
    this.#everywhere = everywhere;
    this.#inherited = own;
    this.#patterns = patterns;
  }

  /**
   * Creates the rules of the whole answer.
   *
   * @throws InvalidOptionsError
   */
  static of(options: CompareOptions | undefined): FieldComparison {
    return FieldComparison.ofChecked(resolveOptions(compareOptions, options));
  }

  /** Creates the same of options that are checked, all but their pointers. */
  static ofChecked(options: CompareOptions): FieldComparison {
    const { byPath = {}, weights = {}, ...everywhere } = given(options);
    const root = patternNode();
    for (const [pointer, own] of Object.entries(byPath)) nodeAt(root, pointer, "compare.byPath").options = given(own);
    for (const [pointer, weight] of Object.entries(weights)) nodeAt(root, pointer, "compare.weights").weight = weight;
    return new FieldComparison(everywhere, everywhere, 1, [root]);
  }

  /** The rules one step down: into a list by number, into an object by name. */
  below(segment: string | number): FieldComparison {
    const patterns = this.#patterns.flatMap(({ below }) => [
      ...(typeof segment === "number" ? matches(below, "*") : []),
      ...matches(below, String(segment)),
    ]);
    const { lists } = this.#everywhere;
    if (patterns.length === 0 && this.#patterns.length === 0 && this.#inherited.lists === lists) return this;
    const inherited = { ...this.#inherited, lists };
    return new FieldComparison(this.#everywhere, inherited, this.weight, patterns);
  }

  /** True if any list, here or below, may be compared otherwise than by position. */
  get movesListItems(): boolean {
    const moves = ({ lists }: FieldOptions) => lists !== undefined && lists !== "position";
    const somewhere = ({ options, below }: PatternNode): boolean =>
      moves(options) || [...below.values()].some(somewhere);
    return this.#everywhere.lists !== "position" || this.#patterns.some(somewhere);
  }
}

function patternNode(): PatternNode {
  return { options: {}, weight: undefined, below: new Map() };
}

function nodeAt(root: PatternNode, pointer: string, path: string): PatternNode {
  let node = root;
  for (const segment of pointerSegments(pointer, path)) {
    const next = node.below.get(segment) ?? patternNode();
    node.below.set(segment, next);
    node = next;
  }
  return node;
}

function matches(below: ReadonlyMap<string, PatternNode>, segment: string): PatternNode[] {
  const node = below.get(segment);
  return node ? [node] : [];
}

/** Options without those that are `undefined`, which must not hide what they would inherit. */
function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

function settledSimilarity(similarity: NonNullable<CompareOptions["similarity"]>): Similarity {
  return (a, b) => {
    const value = a <= b ? similarity(a, b) : similarity(b, a);
    if (typeof value === "number" && !Number.isNaN(value)) return Math.min(1, Math.max(0, value));
    const allowed =
      value instanceof Promise
        ? "a function that answers at once; await resolveSimilarity(values, compare) and pass on the options that it gives"
        : `a function that gives a number from 0 to 1, not ${String(value)}`;
    throw new InvalidOptionsError([{ path: "compare.similarity", given: similarity, allowed }]);
  };
}
