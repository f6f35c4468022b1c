// The ten best, live; everyone has one button. Points are a member of the user's profile.
import { useState } from "react";
import { Connection } from "@victoryvault/client";
import { useCall, useConnection, useSubscription } from "@victoryvault/client/react";

const connection = new Connection(`ws://${location.host}/rpc`);

export function App() {
  const [signIn, { isPending, result, error }] = useCall(connection, "session.create");
  const [email, setEmail] = useState("demo@example.org");
  const [password, setPassword] = useState("");
  if (result) return <Scoreboard me={result.user.id} />;
  return (
    <form onSubmit={(event) => (event.preventDefault(), void signIn({ email, password }))}>
      <input value={email} onChange={(event) => setEmail(event.target.value)} />
      <input type="password" value={password} onChange={(event) => setPassword(event.target.value)} />
      <button disabled={isPending}>Sign in</button>
      {error && <p role="alert">{error.message}</p>}
    </form>
  );
}

function Scoreboard({ me }: { me: string }) {
  const state = useConnection(connection);
  const { rows, isReady, error } = useSubscription(connection, "user", { fields: ["full_name", "profile"] });
  const [save, saving] = useCall(connection, "user.update");
  if (error) return <p role="alert">{error.message}</p>;
  if (!isReady) return <p>{state}…</p>;

  const best = [...rows].sort((a, b) => points(b) - points(a)).slice(0, 10);
  const own = rows.find(({ id }) => id === me);
  // With the version, so that two pages of one player never count over each other: the later one is told of the conflict.
  const score = () =>
    own && save({ version: own.version, set: { profile: { ...own.profile, points: points(own) + 1 } } });

  return (
    <main>
      {state !== "open" && <p>Reconnecting…</p>}
      <ol>
        {best.map((row) => (
          <li key={row.id} style={{ fontWeight: row.id === me ? "bold" : "normal" }}>
            {row.full_name}: {points(row)}
          </li>
        ))}
      </ol>
      <button onClick={score}>Score</button>
      {saving.error && <p role="alert">{saving.error.message}</p>}
    </main>
  );
}

function points({ profile }: { profile: Record<string, unknown> }): number {
  return typeof profile.points === "number" ? profile.points : 0;
}
