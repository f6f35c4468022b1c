// What was written, and whether what a page was told of it is right.
import assert from "node:assert/strict";

/** What everybody sees of a user. */
const PUBLIC = ["id", "full_name", "status", "profile", "version", "created_at", "updated_at"];

export const asPublic = (user) => Object.fromEntries(PUBLIC.map((name) => [name, user[name]]));
export const byId = (users) => Object.fromEntries(users.map((user) => [user.id, asPublic(user)]));

export class Record {
  #written = new Map();

  /** A user as a reply had it. */
  add(user) {
    this.#written.set(`${user.id} ${user.version}`, asPublic(user));
  }

  /** Of each row each version was told once at most, and in their order; and each time the row was as it was written. */
  check(changes) {
    const newest = new Map();
    for (const { op, id, version, reason, row, rows } of changes) {
      if (op === "reset") {
        for (const each of rows) newest.set(each.id, each.version);
        continue;
      }
      const before = newest.get(id) ?? 0;
      const isNewer = reason === "deleted" ? version >= before : version > before;
      assert.ok(isNewer, `${op} of ${id}: version ${version} after ${before}`);
      const written = this.#written.get(`${id} ${version}`) ?? "nobody wrote it";
      assert.deepEqual(row, op === "leave" ? undefined : written);
      newest.set(id, version);
    }
  }
}
