// What the buttons show, as code to copy: by action, then by language. `ws` and `http` are where /rpc is.

export const LANGUAGES = { typescript: "TypeScript", python: "Python", gdscript: "GDScript", curl: "curl" };
export const ACTIONS = {
  follow: "Follow rows",
  edit: "Change a row",
  cut: "Come back",
  freeze: "Read slowly",
  change: "Write by SQL",
  restart: "Outlive a restart",
};

const SQL = `UPDATE users SET profile = jsonb_set(profile, '{score}', '777')
  WHERE profile ? 'score'`;

export const samples = ({ ws, http }) => ({
  follow: {
    typescript: `import { Connection } from "${http.replace("/rpc", "/client.js")}";

const connection = new Connection("${ws}");
await connection.call("session.create", { email: "demo@example.org", password: "demo-password" });

const players = connection.subscribe("user", { where: { "profile.score": { gte: 0 } } });
await players.ready;                       // all rows are here: players.rows, a Map by id
players.onChange((changes) => draw(players.rows, changes));`,
    python: `from victoryvault_client import Connection

async with Connection("${ws}") as connection:
    await connection.call("session.create", {"email": "demo@example.org", "password": "demo-password"})

    async with connection.subscribe("user", where={"profile.score": {"gte": 0}}) as players:
        print(len(players.rows))           # all rows are here, by id
        async for change in players:
            print(change)`,
    gdscript: `var connection = VictoryVaultConnection.new()

func _ready():
    connection.url = "${ws}"
    add_child(connection)
    await connection.make_call("session.create",
        {"email": "demo@example.org", "password": "demo-password"}).done
    var players = connection.subscribe("user", {"where": {"profile.score": {"gte": 0}}})
    await players.ready                    # all rows are here: players.rows, by id
    players.changed.connect(func(changes): draw(players.rows, changes))`,
    curl: `TOKEN=$(curl -s ${http} -H 'Content-Type: application/json' -d '{
  "jsonrpc": "2.0", "id": 1, "method": "session.create",
  "params": {"email": "demo@example.org", "password": "demo-password"}
}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')

# Following needs a socket; one look does not.
curl -s ${http} -H 'Content-Type: application/json' -H "Authorization: Bearer $TOKEN" -d '{
  "jsonrpc": "2.0", "id": 2, "method": "user.list",
  "params": {"where": {"profile.score": {"gte": 0}}, "limit": 100}
}'`,
  },
  edit: {
    typescript: `// When it returns, players.rows on this connection shows it already.
// A line that breaks meanwhile changes nothing: it is written once.
await connection.call("user.update", { id, set: { profile: { score: 640 } } });`,
    python: `# When it returns, players.rows on this connection shows it already.
# A line that breaks meanwhile changes nothing: it is written once.
await connection.call("user.update", {"id": id, "set": {"profile": {"score": 640}}})`,
    gdscript: `# When it is done, players.rows on this connection shows it already.
# A line that breaks meanwhile changes nothing: it is written once.
await connection.make_call("user.update", {"id": id, "set": {"profile": {"score": 640}}}).done`,
    curl: `# With a retry_key it is safe to send again, for a day: it is written once.
curl -s ${http} -H 'Content-Type: application/json' -H "Authorization: Bearer $TOKEN" -d '{
  "jsonrpc": "2.0", "id": 3, "method": "user.update",
  "params": {"id": "'$ID'", "set": {"profile": {"score": 640}}, "retry_key": "'$(openssl rand -hex 16)'"}
}'`,
  },
  cut: {
    typescript: `// Nothing to do: the subscription goes on from its position.
// Over a reload, or a week, store it with the rows and give it back:
localStorage.players = JSON.stringify({ position: players.position, rows: [...players.rows.values()] });

const stored = JSON.parse(localStorage.players);
const players = connection.subscribe("user", { where: { "profile.score": { gte: 0 } } }, stored);`,
    python: `# Nothing to do: the subscription goes on from its position.
# Over a restart, or a week, store it with the rows and give it back:
from victoryvault_client import Stored

stored = Stored(players.position, list(players.rows.values()))
players = connection.subscribe("user", where={"profile.score": {"gte": 0}}, stored=stored)`,
    gdscript: `# Nothing to do: the subscription goes on from its position.
# Over a restart, or a week, store it with the rows and give it back:
var stored = {"position": players.position, "rows": players.rows.values()}
var players = connection.subscribe("user", {"where": {"profile.score": {"gte": 0}}}, stored)`,
    curl: `# Over a socket, give the last position you had as "after": the reply has what
# has changed since, one change for each row, and nothing else.
{"jsonrpc": "2.0", "id": 4, "method": "user.subscribe",
 "params": {"where": {"profile.score": {"gte": 0}}, "after": "the position"}}`,
  },
  freeze: {
    typescript: `// A reader that freezes is not queued for: it gets the newest state once it reads again.
// The same on purpose, at most once a second:
const players = connection.subscribe("user", { where: { "profile.score": { gte: 0 } }, interval_ms: 1000 });`,
    python: `# A reader that freezes is not queued for: it gets the newest state once it reads again.
# The same on purpose, at most once a second:
players = connection.subscribe("user", where={"profile.score": {"gte": 0}}, interval_ms=1000)`,
    gdscript: `# A reader that freezes is not queued for: it gets the newest state once it reads again.
# The same on purpose, at most once a second:
var players = connection.subscribe("user",
    {"where": {"profile.score": {"gte": 0}}, "interval_ms": 1000})`,
    curl: `# Over a socket: at most one notification a second, with the newest state.
{"jsonrpc": "2.0", "id": 5, "method": "user.subscribe",
 "params": {"where": {"profile.score": {"gte": 0}}, "interval_ms": 1000}}`,
  },
  change: {
    typescript: `// Whoever writes is told of, in order, whole transactions at a time:
//   ${SQL.replace("\n", "\n//   ")}
players.onChange((changes) => console.log(changes.length));   // 100`,
    python: `# Whoever writes is told of, in order, whole transactions at a time:
await asyncpg_connection.execute("""
  ${SQL.replace("\n", "\n  ")}
""")`,
    gdscript: `# Whoever writes is told of, in order, whole transactions at a time:
#   ${SQL.replace("\n", "\n#   ")}
players.changed.connect(func(changes): print(changes.size()))   # 100`,
    curl: `# Whoever writes is told of, in order, whole transactions at a time.
psql "$DATABASE_URL" -c "
  ${SQL.replace("\n", "\n  ")}"`,
  },
  restart: {
    typescript: `// Nothing to do. What was called meanwhile is sent when the line is back, and happens once.
connection.on("state", (state) => console.log(state));   // waiting, connecting, open`,
    python: `# Nothing to do. What was called meanwhile is sent when the line is back, and happens once.
connection.on("state", print)              # waiting, connecting, open`,
    gdscript: `# Nothing to do. What was called meanwhile is sent when the line is back, and happens once.
connection.state_changed.connect(func(state): print(state))   # waiting, connecting, open`,
    curl: `# Ready again? Calls that were refused while it stopped may be repeated with their retry_key.
curl -s ${http.replace("/rpc", "/ready")}`,
  },
});
