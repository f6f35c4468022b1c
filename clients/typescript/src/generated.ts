// Made from the server's OpenRPC document by `npm run generate`. Not edited by hand.

/** For true or false: a value that it equals, or operators that all hold */
export type BooleanCondition = boolean | { eq?: boolean; ne?: boolean; in?: Array<boolean>; lt?: boolean; lte?: boolean; gt?: boolean; gte?: boolean };

/** What became of the wish. */
export type Cancelled = {
  /** Whether it was under way and is stopped */
  cancelled: boolean;
};

/** Why a row is in a subscription, or why it is not. */
export type Explained = {
  /** Whether the row is in the subscription now */
  held: boolean;
  /** In it; not matching; not to be seen; not there */
  reason: "deleted" | "filter" | "forbidden" | "matches";
  /** The subscription's */
  where: Record<string, unknown>;
  /** The first member of where that does not hold */
  failed: Record<string, unknown> | null;
  /** Of the subscription */
  position: string;
  /** Of the change log, to which the answer belongs */
  head: string;
};

/** A subscription of this connection, and where it is. */
export type Followed = {
  subscription: string;
  /** The method that its notifications have */
  notification: string;
  /** As it was asked for */
  where: Record<string, unknown>;
  /** Beside `id` and `version` */
  fields: Array<string>;
  /** At most one notification in that time */
  interval_ms: number;
  /** Where it is; null while parts of it are still to come */
  position: string | null;
  /** Transactions between its position and the head */
  lag: number;
};

/** For a UUID: a value that it equals, or operators that all hold */
export type IdCondition = string | { eq?: string; ne?: string; in?: Array<string>; lt?: string; lte?: string; gt?: string; gte?: string };

/** What server this is. */
export type Information = {
  name: string;
  version: string;
  description: string;
  /** RFC 3339, UTC, microseconds */
  time: string;
  /** The settings of the same names; 0: none */
  limits: Record<string, number>;
};

/** For JSON: a value that it equals, or operators that all hold */
export type JsonCondition = string | number | boolean | null | Array<unknown> | { eq?: unknown; ne?: unknown; in?: Array<unknown>; lt?: unknown; lte?: unknown; gt?: unknown; gte?: unknown; prefix?: string };

/** A row that is in the subscription no longer. */
export type Leave = {
  op: "leave";
  id: string;
  /** The row's, after the change */
  version: number;
  /** Gone, does not match any more, or may not be seen any more */
  reason: "deleted" | "filter" | "forbidden";
};

/** An empty reply: it was done. */
export type Nothing = Record<string, never>;

/** For a number: a value that it equals, or operators that all hold */
export type NumberCondition = number | { eq?: number; ne?: number; in?: Array<number>; lt?: number; lte?: number; gt?: number; gte?: number };

/** A document of OpenRPC 1.4 */
export type OpenRPC = {
  /** The version of OpenRPC */
  openrpc: string;
  /** Where it is called */
  servers: Array<Record<string, unknown>>;
  /** Title, version, description */
  info: Record<string, unknown>;
  /** Methods; and notifications, which have x-notification */
  methods: Array<Record<string, unknown>>;
  /** Schemas and errors, by name */
  components: Record<string, unknown>;
};

/** The server is there. */
export type Pong = {
  /** The head of the change log */
  position: string;
};

/** A place in the change log: store it, give it back, read nothing in it */
export type Position = string;

/** Whether a user is online. One who never was has no row. */
export type Presence = {
  /** The user's */
  id: string;
  /** Whether a socket is signed in as them, anywhere */
  online: boolean;
  /** When they came online, or went offline */
  last_seen: string;
  /** One more at each update */
  version: number;
};

/** A presence that was in it: only what differs. */
export type PresenceChange = {
  op: "change";
  id: string;
  /** The row's, after the change */
  version: number;
  set: PresenceSet;
};

/** A presence that was not in it: all that one sees. */
export type PresenceEnter = {
  op: "enter";
  id: string;
  /** The row's, after the change */
  version: number;
  set: PresenceSet;
};

/** A page of presence. */
export type PresencePage = {
  presence: Array<Presence>;
  /** The `after` of the next page; null at the end */
  next: string | null;
};

/** A presence, with the fields that were asked for. */
export type PresencePart = {
  /** The user's */
  id: string;
  /** One more at each update */
  version: number;
  /** Whether a socket is signed in as them, anywhere */
  online?: boolean;
  /** When they came online, or went offline */
  last_seen?: string;
};

/** What has changed in the presence since `after`, at most once for each. */
export type PresenceResumed = {
  /** The same for all who ask for the same and may see the same */
  subscription: string;
  /** Null while parts are still to come */
  position: Position | null;
  reset: false;
  /** In order, at most one of each row */
  changes: Array<PresenceEnter | PresenceChange | Leave>;
  /** Whether parts follow, as notifications */
  more: boolean;
};

/** Fields of a presence, with what they are now. */
export type PresenceSet = {
  /** Whether a socket is signed in as them, anywhere */
  online?: boolean;
  /** When they came online, or went offline */
  last_seen?: string;
};

/** All presence that match. */
export type PresenceSnapshot = {
  /** The same for all who ask for the same and may see the same */
  subscription: string;
  /** Null while parts are still to come */
  position: Position | null;
  reset: true;
  presence: Array<PresencePart>;
  /** Whether parts follow, as notifications */
  more: boolean;
};

/** Which presence rows: all members hold. Its fields are what one may see, and `profile.<name>` */
export type PresenceWhere = {
  id?: IdCondition;
  online?: BooleanCondition;
  last_seen?: TimeCondition;
  version?: NumberCondition;
  /** All of them hold */
  all?: Array<PresenceWhere>;
  /** One of them holds */
  any?: Array<PresenceWhere>;
  /** It does not hold */
  not?: PresenceWhere;
};

/** The same session, with a new token and a new end. */
export type Renewed = {
  session: Session;
  /** RFC 3339, UTC, microseconds */
  expires_at: string;
  /** Shown once; the server keeps only its hash */
  token: string;
};

/** Who one is now. */
export type Resumed = {
  session: Session;
  /** RFC 3339, UTC, microseconds */
  expires_at: string;
  user: User;
};

/** Where somebody is signed in. */
export type Session = {
  id: string;
  user: string;
  /** RFC 3339, UTC, microseconds */
  created_at: string;
  /** RFC 3339, UTC, microseconds */
  last_seen: string;
  /** RFC 3339, UTC, microseconds */
  expires_at: string;
  /** Of the client that opened it */
  address: string;
  /** Its User-Agent */
  client: string;
  /** Whether a socket is signed in with it */
  online: boolean;
  /** Whether it is the caller's own */
  current: boolean;
};

/** Sessions of one user, the newest first. */
export type Sessions = {
  sessions: Array<Session>;
};

/** A new session, its token, and who one is now. */
export type SignedIn = {
  session: Session;
  /** RFC 3339, UTC, microseconds */
  expires_at: string;
  user: User;
  /** Shown once; the server keeps only its hash */
  token: string;
};

/** All subscriptions of this connection. */
export type Subscriptions = {
  subscriptions: Array<Followed>;
};

/** A position that holds for every subscription of this connection. */
export type Synced = {
  position: Position;
};

/** For text: a value that it equals, or operators that all hold */
export type TextCondition = string | { eq?: string; ne?: string; in?: Array<string>; lt?: string; lte?: string; gt?: string; gte?: string; prefix?: string };

/** For a time: a value that it equals, or operators that all hold */
export type TimeCondition = string | { eq?: string; ne?: string; in?: Array<string>; lt?: string; lte?: string; gt?: string; gte?: string };

/** A user, as the owner and admins see them; others do not see `email` and `role`. */
export type User = {
  id: string;
  full_name: string;
  status: string;
  profile: Record<string, unknown>;
  /** One more at each update */
  version: number;
  /** RFC 3339, UTC, microseconds */
  created_at: string;
  /** RFC 3339, UTC, microseconds */
  updated_at: string;
  email?: string;
  role?: "player" | "admin";
};

/** A user that was in it: only what differs. */
export type UserChange = {
  op: "change";
  id: string;
  /** The row's, after the change */
  version: number;
  set: UserSet;
};

/** A new account, with a session of its own. */
export type UserCreated = {
  user: User;
  session: Session;
  /** RFC 3339, UTC, microseconds */
  expires_at: string;
  /** Shown once; the server keeps only its hash */
  token: string;
  position: Position;
};

/** A user that was not in it: all that one sees. */
export type UserEnter = {
  op: "enter";
  id: string;
  /** The row's, after the change */
  version: number;
  set: UserSet;
};

/** A page of users. */
export type UserPage = {
  users: Array<User>;
  /** The `after` of the next page; null at the end */
  next: string | null;
};

/** A user, with the fields that were asked for. */
export type UserPart = {
  id: string;
  /** One more at each update */
  version: number;
  full_name?: string;
  status?: string;
  profile?: Record<string, unknown>;
  /** RFC 3339, UTC, microseconds */
  created_at?: string;
  /** RFC 3339, UTC, microseconds */
  updated_at?: string;
  email?: string;
  role?: "player" | "admin";
};

/** A user, as one may see them. */
export type UserReply = {
  user: User;
};

/** What has changed in the users since `after`, at most once for each. */
export type UserResumed = {
  /** The same for all who ask for the same and may see the same */
  subscription: string;
  /** Null while parts are still to come */
  position: Position | null;
  reset: false;
  /** In order, at most one of each row */
  changes: Array<UserEnter | UserChange | Leave>;
  /** Whether parts follow, as notifications */
  more: boolean;
};

/** Fields of a user, with what they are now. */
export type UserSet = {
  full_name?: string;
  status?: string;
  profile?: Record<string, unknown>;
  /** RFC 3339, UTC, microseconds */
  created_at?: string;
  /** RFC 3339, UTC, microseconds */
  updated_at?: string;
  email?: string;
  role?: "player" | "admin";
};

/** All users that match. */
export type UserSnapshot = {
  /** The same for all who ask for the same and may see the same */
  subscription: string;
  /** Null while parts are still to come */
  position: Position | null;
  reset: true;
  users: Array<UserPart>;
  /** Whether parts follow, as notifications */
  more: boolean;
};

/** What of a user to set; fields left out stay. */
export type UserUpdate = {
  /** Unique without case */
  email?: string;
  /** The name that others see */
  full_name?: string;
  /** A line that others see */
  status?: string;
  /** At most 8 KiB as JSON; replaced as a whole */
  profile?: Record<string, unknown>;
  /** Only an admin changes it */
  role?: "admin" | "player";
};

/** The user as they are now, and a place in the log at or past the write. */
export type UserUpdated = {
  user: User;
  position: Position;
};

/** Which user rows: all members hold. Its fields are what one may see, and `profile.<name>` */
export type UserWhere = {
  id?: IdCondition;
  full_name?: TextCondition;
  status?: TextCondition;
  profile?: JsonCondition;
  version?: NumberCondition;
  created_at?: TimeCondition;
  updated_at?: TimeCondition;
  email?: TextCondition;
  role?: TextCondition;
  /** All of them hold */
  all?: Array<UserWhere>;
  /** One of them holds */
  any?: Array<UserWhere>;
  /** It does not hold */
  not?: UserWhere;
  [name: `profile.${string}`]: JsonCondition;
};

/** It was written; a place in the log at or past the write. */
export type Written = {
  position: Position;
};

/** What may be called. */
export interface Methods {
  /**
   * A page of rows in order.
   *
   * All rows have one view. A page ends early where the reply would grow too large.
   */
  "presence.list": { params: {
    where?: PresenceWhere | null;
    /** Fields, "-" before one for descending; ties by `id` */
    order_by?: Array<"id" | "-id" | "online" | "-online" | "last_seen" | "-last_seen" | "version" | "-version"> | null;
    /** Rows of a page */
    limit?: number;
    /** The `next` of a page in the same order */
    after?: string | null;
  }; result: PresencePage };
  /**
   * Rows as they are, and from then on every change to them, without a gap.
   *
   * With `after`, a position at which one's copy was complete, only what changed since.
   */
  "presence.subscribe": { params: {
    where?: PresenceWhere | null;
    /** Those to have; `id` and `version` always are */
    fields?: Array<"id" | "online" | "last_seen" | "version"> | null;
    /** A position at which one's copy of this same subscription was complete */
    after?: string | null;
    /** Rows of the first part and of each */
    limit?: number;
    /** At most one notification in that time */
    interval_ms?: number;
  }; result: PresenceSnapshot | PresenceResumed };
  /**
   * Stops a call of this connection that is under way; it is answered with `cancelled`.
   *
   * False when there is none, or it is too late: what is being committed is not stopped.
   */
  "rpc.cancel": { params: {
    /** Of the call to stop */
    id: string | number | null;
  }; result: Cancelled };
  /** The OpenRPC document of this server. */
  "rpc.discover": { params: Record<string, never>; result: OpenRPC };
  /** That the server answers, and the head of the change log. */
  "rpc.ping": { params: Record<string, never>; result: Pong };
  /** Signs in with email and password, and signs the connection in. */
  "session.create": { params: {
    /** Unique without case */
    email: string;
    /** As long as the server asks */
    password: string;
    /** Makes the call safe to repeat for 24 hours; take a random one, as a UUID */
    retry_key?: string | null;
  }; result: SignedIn };
  /** Ends a session, this one when `id` is left out. Its sockets close on every node. */
  "session.delete": { params: {
    /** The session's; this one's when left out */
    id?: string | null;
    /** Makes the call safe to repeat for 24 hours; take a random one, as a UUID */
    retry_key?: string | null;
  }; result: Nothing };
  /** Where one is signed in, the newest first. Another's sessions only an admin may list. */
  "session.list": { params: {
    /** Whose; one's own when left out */
    user?: string | null;
  }; result: Sessions };
  /** A new token for the same session; the old one ends. Sockets and subscriptions stay. */
  "session.renew": { params: {
    /** Makes the call safe to repeat for 24 hours; take a random one, as a UUID */
    retry_key?: string | null;
  }; result: Renewed };
  /** Signs the connection in with a token. */
  "session.resume": { params: {
    /** Of a session, as it was given */
    token: string;
  }; result: Resumed };
  /** Ends one. Nothing of it arrives after this reply. */
  "subscription.close": { params: {
    /** The `subscription` of the reply that opened it */
    subscription: string;
  }; result: Nothing };
  /** Why a row is in a subscription or not: the filter, the rule, the positions. */
  "subscription.explain": { params: {
    /** The `subscription` of the reply that opened it */
    subscription: string;
    /** The row's, whether it is there or not */
    id: string;
  }; result: Explained };
  /** The subscriptions of this connection, with where each one is. */
  "subscription.list": { params: Record<string, never>; result: Subscriptions };
  /**
   * A position, once everything committed before the call was sent, throttled or not.
   *
   * It holds for every subscription of the connection.
   */
  "subscription.sync": { params: Record<string, never>; result: Synced };
  /** What server this is, its clock and its limits. */
  "system.info": { params: Record<string, never>; result: Information };
  /**
   * Makes an account and a session for it.
   *
   * An anonymous connection is signed in; one that is signed in stays who it is.
   */
  "user.create": { params: {
    /** Unique without case */
    email: string;
    /** The name that others see */
    full_name: string;
    /** As long as the server asks */
    password: string;
    /** The id to have; the server makes one by itself */
    id?: string | null;
    /** A line that others see */
    status?: string;
    /** At most 8 KiB as JSON; replaced as a whole */
    profile?: Record<string, unknown> | null;
    /** Makes the call safe to repeat for 24 hours; take a random one, as a UUID */
    retry_key?: string | null;
  }; result: UserCreated };
  /** Deletes a user, oneself when `id` is left out. Their sessions end. */
  "user.delete": { params: {
    /** Whose; one's own when left out */
    id?: string | null;
    /** Makes the call safe to repeat for 24 hours; take a random one, as a UUID */
    retry_key?: string | null;
  }; result: Written };
  /** One user, as the caller may see them. */
  "user.get": { params: {
    /** The user's */
    id: string;
  }; result: UserReply };
  /**
   * A page of rows in order.
   *
   * All rows have one view. A page ends early where the reply would grow too large.
   */
  "user.list": { params: {
    where?: UserWhere | null;
    /** Fields, "-" before one for descending; ties by `id` */
    order_by?: Array<"id" | "-id" | "full_name" | "-full_name" | "status" | "-status" | "version" | "-version" | "created_at" | "-created_at" | "updated_at" | "-updated_at" | "email" | "-email" | "role" | "-role"> | null;
    /** Rows of a page */
    limit?: number;
    /** The `next` of a page in the same order */
    after?: string | null;
  }; result: UserPage };
  /** Changes one's password. One's other sessions end, this one stays. */
  "user.set_password": { params: {
    /** As long as the server asks */
    current: string;
    /** As long as the server asks */
    new: string;
    /** Makes the call safe to repeat for 24 hours; take a random one, as a UUID */
    retry_key?: string | null;
  }; result: Written };
  /**
   * Rows as they are, and from then on every change to them, without a gap.
   *
   * With `after`, a position at which one's copy was complete, only what changed since.
   */
  "user.subscribe": { params: {
    where?: UserWhere | null;
    /** Those to have; `id` and `version` always are */
    fields?: Array<"id" | "full_name" | "status" | "profile" | "version" | "created_at" | "updated_at" | "email" | "role"> | null;
    /** A position at which one's copy of this same subscription was complete */
    after?: string | null;
    /** Rows of the first part and of each */
    limit?: number;
    /** At most one notification in that time */
    interval_ms?: number;
  }; result: UserSnapshot | UserResumed };
  /**
   * Changes a user, oneself when `id` is left out.
   *
   * With `version`, only if the row still has it; else 409 with the current one in `data.user`.
   */
  "user.update": { params: {
    set: UserUpdate;
    /** Whose; one's own when left out */
    id?: string | null;
    /** The one that the row has to have still */
    version?: number | null;
    /** Makes the call safe to repeat for 24 hours; take a random one, as a UUID */
    retry_key?: string | null;
  }; result: UserUpdated };
}

/** What a subscription holds, by resource. */
export interface Rows {
  "presence": Presence;
  "user": User;
}

/** Which rows one may ask for, by resource. */
export interface Wheres {
  "presence": PresenceWhere;
  "user": UserWhere;
}

/** What the server says by itself. */
export interface Notifications {
  /** What has changed in a subscription. */
  "presence.changed": {
    /** The same for all who ask for the same and may see the same */
    subscription: string;
    /** Null while parts are still to come */
    position: Position | null;
    /** In order, at most one of each row */
    changes: Array<PresenceEnter | PresenceChange | Leave>;
    /** Further parts follow */
    more?: true;
  };
  /** The server is about to stop: calls are served until it closes. */
  "server.draining": {
    /** When to come back after the close with 1012 */
    reconnect_in_ms: number;
  };
  /** The connection's session has ended; it closes with 4401. Sign in again. */
  "session.ended": {
    /** By session.delete, a new password or too many sessions; or by time */
    reason: "ended" | "expired";
  };
  /** The connection's session expires within a minute; session.renew it. */
  "session.expiring": {
    /** RFC 3339, UTC, microseconds */
    expires_at: string;
  };
  /** The server ends a subscription; subscribe anew. */
  "subscription.closed": {
    /** The `subscription` of the reply that opened it */
    subscription: string;
    /** The view is another now; somebody else has signed in; more has happened than the log can tell; the database went away amid a long snapshot */
    reason: "position_gone" | "rights_changed" | "signed_out" | "unavailable";
    /** Where it is; null while parts of it are still to come */
    position: string | null;
  };
  /** What has changed in a subscription. */
  "user.changed": {
    /** The same for all who ask for the same and may see the same */
    subscription: string;
    /** Null while parts are still to come */
    position: Position | null;
    /** In order, at most one of each row */
    changes: Array<UserEnter | UserChange | Leave>;
    /** Further parts follow */
    more?: true;
  };
}

/** Whether a method writes. */
export const WRITES: { readonly [method: string]: boolean | undefined } = {
  "presence.list": false,
  "presence.subscribe": false,
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
