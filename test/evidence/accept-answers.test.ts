import { describe, expect, test } from "vitest";
import { acceptAnswers, type DrawnLabel, type LabelDraw } from "../../src/evidence/accept-answers.ts";

/** A job of 400 answers: all right but every tenth of the less sure half. */
const bundles = Array.from({ length: 400 }, (_, index) => ({ votes: index < 200 ? 0.95 : 0.6 }));
const isRight = (bundle: number) => bundle < 200 || bundle % 10 > 0;
/** The order of a uniform draw. */
const order = bundles.map((_, index) => (index * 177 + 5) % bundles.length);
const drawn = (from: number, to: number, draw: LabelDraw = "uniform", round?: number): DrawnLabel[] =>
  order.slice(from, to).map((bundle) => ({ bundle, correct: isRight(bundle), draw, ...(round && { round }) }));
const options = { precision: 0.9 };

describe("acceptAnswers", () => {
  test("accepts what is certified, refuses what was judged wrong, and leaves the rest to review", () => {
    const labels = drawn(0, 60);
    const { accepted, acceptedCount, certificate } = acceptAnswers(bundles, labels, options);
    expect(certificate.threshold).not.toBeNull();
    for (const { bundle, correct } of labels) expect(accepted[bundle]).toBe(correct);
    expect(accepted[1]).toBe(true);
    expect(accepted.filter((each) => each === true)).toHaveLength(acceptedCount);
  });

  test("certifies nothing without labels, and accepts nothing", () => {
    const { accepted, certificate, score } = acceptAnswers([...bundles, { votes: null }], [], options);
    expect(score.kind).toBe("ranking");
    expect(certificate).toMatchObject({ threshold: null, fewestLabels: 22 });
    expect(accepted.slice(0, -1)).toEqual(bundles.map(() => "review"));
    expect(accepted.at(-1)).toBe(false);
  });

  test.each(["stratified", "least_sure", "region"] as const)("certifies nothing by labels of a %s draw", (draw) => {
    const { certificate, certifyingLabels, fittingLabels } = acceptAnswers(bundles, drawn(0, 60, draw), options);
    expect([certificate.threshold, certifyingLabels, fittingLabels]).toEqual([null, 0, 60]);
  });

  test("certifies nothing by labels of a round before", () => {
    const labels = [...drawn(0, 100), ...drawn(100, 110, "uniform", 1)];
    const later = acceptAnswers(bundles, labels, { ...options, round: 1 });
    expect([later.certifyingLabels, later.fittingLabels]).toEqual([10, 100]);
    expect(later.certificate.threshold).toBeNull();
  });

  test("lets labels of another draw fit where they came first, and settle their own answers after", () => {
    const before = acceptAnswers(bundles, [...drawn(0, 30, "least_sure"), ...drawn(30, 70)], options);
    expect([before.certifyingLabels, before.fittingLabels]).toEqual([40, 30]);
    const after = acceptAnswers(bundles, [...drawn(0, 40), ...drawn(40, 70, "least_sure"), ...drawn(70, 99)], options);
    expect([after.certifyingLabels, after.fittingLabels]).toEqual([40, 0]);
    for (const { bundle, correct } of drawn(0, 99)) expect(after.accepted[bundle]).toBe(correct);
  });

  test("scores what is certified by no label that certifies", () => {
    const labels = [...drawn(0, 40, "stratified"), ...drawn(40, 160)];
    const answers = acceptAnswers(bundles, labels, options);
    expect([answers.fittingLabels, answers.certifyingLabels, answers.score.kind]).toEqual([40, 120, "fitted"]);
    const other = labels.map((label, at) => (at < 40 ? label : { ...label, correct: !label.correct }));
    expect(acceptAnswers(bundles, other, options).score).toEqual(answers.score);
  });

  test("certifies a region by its own labels, and accepts none outside", () => {
    const region = new Set(bundles.map((_, index) => index).filter((index) => index % 2 > 0));
    const labels = order
      .filter((bundle) => region.has(bundle))
      .slice(0, 50)
      .map((bundle) => ({ bundle, correct: true, draw: "region" }) as const);
    const { accepted, certifyingLabels, acceptedCount } = acceptAnswers(bundles, labels, { ...options, region });
    expect([certifyingLabels, acceptedCount]).toEqual([50, 200]);
    expect(accepted[0]).toBe("review");
    const uniform = drawn(0, 50).map((label) => ({ ...label, correct: true }));
    expect(acceptAnswers(bundles, uniform, { ...options, region }).certifyingLabels).toBe(0);
  });

  test("counts the last verdict on an answer, in the place of the first", () => {
    const labels = [...drawn(0, 40), { bundle: order[0] as number, correct: false, draw: "uniform" } as const];
    const { accepted, certifyingLabels } = acceptAnswers(bundles, labels, options);
    expect([accepted[order[0] as number], certifyingLabels]).toEqual([false, 40]);
  });

  test("refuses what is no label", () => {
    const label = { bundle: 0, correct: true, draw: "uniform" } as const;
    expect(() => acceptAnswers(bundles, [{ ...label, bundle: 400 }], options)).toThrow("there are 400 bundles");
    expect(() => acceptAnswers(bundles, [{ ...label, draw: "easy" as never }], options)).toThrow("labels[0].draw");
    expect(() => acceptAnswers(bundles, [{ ...label, correct: "yes" as never }], options)).toThrow("labels[0].correct");
    expect(() => acceptAnswers(bundles, [{ ...label, round: -1 }], options)).toThrow("labels[0].round");
    expect(() => acceptAnswers(bundles, [null as never], options)).toThrow("labels[0].bundle");
  });
});
