export type { CallOptions } from "./call.js";
export * from "./connection.js";
export { CallError, type ErrorData } from "./errors.js";
export type * from "./generated.js";
export type { AnyRow, Change, Stored, Subscription } from "./subscription.js";
