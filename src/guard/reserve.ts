import type { Layer } from "../core/compose.ts";
import type { GuardedCall } from "./guarded-call.ts";
import type { Reservation } from "./reservation.ts";

/** A call whose attempts are paid for from a budget. */
export interface PaidCall extends GuardedCall {
  /** What is set aside for the attempt that is about to start. */
  reservation: Reservation;
  /** @throws BudgetExceeded */
  reserve(): Promise<Reservation>;
}

/** Starts an attempt only once what it may use is set aside, and gives back what it did not use. */
export const reserve: Layer<PaidCall, unknown> = async (call, next) => {
  const reservation = await call.reserve();
  call.reservation = reservation;
  try {
    return await next();
  } finally {
    reservation.release();
  }
};
