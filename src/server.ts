export type { Authenticate, Caller, ServiceKey } from "./server/access.ts";
export { createService, type Service, type ServiceSettings } from "./server/service.ts";
