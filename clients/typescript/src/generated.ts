// Made from the server's OpenRPC document by `npm run generate`. Not edited by hand.

export type Cancelled = { cancelled: boolean };

export type Pong = { position: string };

export type SignedIn = { session: SessionView; expires_at: string; user: UserView; token: string };

export type SessionView = { id: string; user: string; created_at: string; last_seen: string; expires_at: string; address: string; client: string; online: boolean; current: boolean };

/** A user, as the owner and admins see them; others do not see `email` and `role`. */
export type UserView = { id: string; full_name: string; status: string; profile: Record<string, unknown>; version: number; created_at: string; updated_at: string; email?: string; role?: "player" | "admin" };

export type Nothing = Record<string, never>;

export type Sessions = { sessions: Array<SessionView> };

export type Renewed = { session: SessionView; expires_at: string; token: string };

export type Resumed = { session: SessionView; expires_at: string; user: UserView };

export type Explained = { held: boolean; reason: string; where: Record<string, unknown>; failed: Record<string, unknown> | null; position: string; head: string };

export type Subscriptions = { subscriptions: Array<Followed> };

export type Followed = { subscription: string; notification: string; where: Record<string, unknown>; fields: Array<string>; interval_ms: number; position: string; lag: number };

export type Synced = { position: string };

export type Information = { name: string; version: string; description: string; time: string; limits: Record<string, number> };

export type Created = { user: UserView; session: SessionView; expires_at: string; token: string; position: string };

export type Written = { position: string };

export type UserReply = { user: UserView };

export type UsersPage = { users: Array<UserView>; next: string | null };

export type UserSubscribed = { subscription: string; position: string | null; reset: boolean; more: boolean; users?: Array<UserView>; changes?: Array<Entry> };

/** What a client does to its copy: `enter` adds a row, `change` sets some of it. */
export type Entry = { op: "enter" | "change" | "leave"; id: string; version: number; set?: Record<string, unknown>; reason?: "deleted" | "filter" | "forbidden" };

/** What of a user to set; fields left out stay. */
export type Changes = { email?: string; full_name?: string; status?: string; profile?: Record<string, unknown>; role?: "admin" | "player" };

export type Updated = { user: UserView; position: string };

export interface Methods {
  /** Stops a call of this connection that is under way; it is answered with `cancelled`. */
  "rpc.cancel": { params: { id: unknown }; result: Cancelled };
  /** The OpenRPC document of this server. */
  "rpc.discover": { params: Record<string, never>; result: Record<string, unknown> };
  /** That the server answers, and the head of the change log. */
  "rpc.ping": { params: Record<string, never>; result: Pong };
  /** Signs in with email and password, and signs the connection in. */
  "session.create": { params: { email: string; password: string; retry_key?: string | null }; result: SignedIn };
  /** Ends a session, this one when `id` is left out. Its sockets close on every node. */
  "session.delete": { params: { id?: string | null; retry_key?: string | null }; result: Nothing };
  /** Where one is signed in, the newest first. Another's sessions only an admin may list. */
  "session.list": { params: { user?: string | null }; result: Sessions };
  /** A new token for the same session; the old one ends. Sockets and subscriptions stay. */
  "session.renew": { params: { retry_key?: string | null }; result: Renewed };
  /** Signs the connection in with a token. */
  "session.resume": { params: { token: string }; result: Resumed };
  /** Ends one. Nothing of it arrives after this reply. */
  "subscription.close": { params: { subscription: string }; result: Nothing };
  /** Why a row is in a subscription or not: the filter, the rule, the positions. */
  "subscription.explain": { params: { subscription: string; id: string }; result: Explained };
  /** The subscriptions of this connection, with where each one is. */
  "subscription.list": { params: Record<string, never>; result: Subscriptions };
  /** A position, once everything committed before the call was sent, throttled or not. */
  "subscription.sync": { params: Record<string, never>; result: Synced };
  /** What server this is, its clock and its limits. */
  "system.info": { params: Record<string, never>; result: Information };
  /** Makes an account and a session for it. */
  "user.create": { params: { email: string; full_name: string; password: string; id?: string | null; status?: string; profile?: Record<string, unknown> | null; retry_key?: string | null }; result: Created };
  /** Deletes a user, oneself when `id` is left out. Their sessions end. */
  "user.delete": { params: { id?: string | null; retry_key?: string | null }; result: Written };
  /** One user, as the caller may see them. */
  "user.get": { params: { id: string }; result: UserReply };
  /** A page of rows in order; `next` is null at the end. */
  "user.list": { params: { where?: Record<string, unknown> | null; order_by?: Array<string> | null; limit?: number; after?: string | null }; result: UsersPage };
  /** Changes one's password. One's other sessions end, this one stays. */
  "user.set_password": { params: { current: string; new: string; retry_key?: string | null }; result: Written };
  /** Rows as they are, and from then on every change to them, without a gap. */
  "user.subscribe": { params: { where?: Record<string, unknown> | null; fields?: Array<string> | null; after?: string | null; limit?: number; interval_ms?: number }; result: UserSubscribed };
  /** Changes a user, oneself when `id` is left out. */
  "user.update": { params: { set: Changes; id?: string | null; version?: number | null; retry_key?: string | null }; result: Updated };
}

/** What is in a subscription, by resource. */
export interface Rows {
  "user": UserView;
}

export interface Notifications {
  "user.changed": { subscription: string; position: string | null; changes: Entry[]; more?: boolean };
  "subscription.closed": { subscription: string; position: string; reason: "rights_changed" | "signed_out" | "position_gone" | "unavailable" };
  "session.expiring": { expires_at: string };
  "session.ended": { reason: "ended" | "expired" };
  "server.draining": { reconnect_in_ms: number };
}

/** Whether a method writes. */
export const WRITES: { readonly [method: string]: boolean | undefined } = {
  "rpc.cancel": false,
  "rpc.discover": false,
  "rpc.ping": false,
  "session.create": true,
  "session.delete": true,
  "session.list": false,
  "session.renew": true,
  "session.resume": false,
  "subscription.close": false,
  "subscription.explain": false,
  "subscription.list": false,
  "subscription.sync": false,
  "system.info": false,
  "user.create": true,
  "user.delete": true,
  "user.get": false,
  "user.list": false,
  "user.set_password": true,
  "user.subscribe": false,
  "user.update": true,
};
