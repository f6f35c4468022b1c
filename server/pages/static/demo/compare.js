// Whether a copy is what the database has, row by row: counted, not claimed.

const PAGE = 500;
const TRIES = 3;

/** `{compared, lost}`: how many rows the list has, and how many of them the copy has not, or has otherwise. */
export async function compare(connection, where, copy) {
  for (let tries = 1; ; tries++) {
    const listed = await list(connection, where);
    await connection.call("subscription.sync"); // the copy is now as new as the list, or newer
    const lost = differing(listed, copy);
    if (!lost || tries === TRIES) return { compared: listed.size, lost };
    // Somebody may write at this moment: a row that has come or gone since the list is not lost.
  }
}

async function list(connection, where) {
  const rows = new Map();
  let after = null;
  do {
    const page = await connection.call("user.list", { where, limit: PAGE, after });
    for (const row of page.users) rows.set(row.id, row);
    after = page.next;
  } while (after);
  return rows;
}

function differing(listed, copy) {
  let count = 0;
  for (const row of listed.values()) {
    const own = copy.get(row.id);
    const isNewer = own && own.version > row.version;
    if (!isNewer && canonical(own) !== canonical(row)) count++;
  }
  for (const id of copy.keys()) if (!listed.has(id)) count++;
  return count;
}

/** The same text for the same JSON. */
const canonical = (value) =>
  JSON.stringify(value, (_key, inner) =>
    inner && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
