import fc from "fast-check";

/** Durations of every order that matters here. */
export const milliseconds = (longest: number) =>
  fc.oneof(fc.constant(0), fc.nat(Math.min(longest, 50)), fc.nat(Math.min(longest, 2_000)), fc.nat(longest));

/** A value in so many cases of a hundred. */
export const inPercent = <T, Nil>(percent: number, arbitrary: fc.Arbitrary<T>, nil: Nil) =>
  fc.oneof({ weight: 100 - percent, arbitrary: fc.constant(nil) }, { weight: percent, arbitrary });
export const maybe = <T>(percent: number, arbitrary: fc.Arbitrary<T>) => inPercent(percent, arbitrary, undefined);
