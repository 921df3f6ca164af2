/** The part of opossum that the benchmark uses; the package has no types of its own. */
declare module "opossum" {
  export default class CircuitBreaker<P extends unknown[], R> {
    constructor(action: (...parameters: P) => Promise<R>, options?: { timeout?: number });
    fire(...parameters: P): Promise<R>;
  }
}
