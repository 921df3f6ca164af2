/**
 * Draws the inputs of every property from one seed, so that a change fails `npm run verify` for what it changed, and
 * never by the luck of a draw. `npm run properties` draws from other seeds, where new counterexamples are looked for.
 */
import fc from "fast-check";

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.PROPERTY_SEED ?? 1) });
