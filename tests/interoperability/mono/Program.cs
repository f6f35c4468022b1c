// Mono's ClientWebSocket, which is .NET's; JSON by System.Web.Extensions.

using System;
using System.Collections.Generic;
using System.IO;
using System.Net.WebSockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using System.Web.Script.Serialization;
using Members = System.Collections.Generic.Dictionary<string, object>;

class Program
{
    readonly ClientWebSocket socket = new ClientWebSocket();
    readonly JavaScriptSerializer json = new JavaScriptSerializer();
    readonly Queue<Members> notifications = new Queue<Members>();
    readonly CancellationToken patience = new CancellationTokenSource(10000).Token;
    int ids;

    async Task<Members> Receive()
    {
        var text = new MemoryStream();
        var buffer = new ArraySegment<byte>(new byte[4096]);
        WebSocketReceiveResult part;
        do
        {
            part = await socket.ReceiveAsync(buffer, patience);
            text.Write(buffer.Array, 0, part.Count);
        } while (!part.EndOfMessage);
        return json.Deserialize<Members>(Encoding.UTF8.GetString(text.ToArray()));
    }

    async Task<Members> Call(string method, params object[] positional)
    {
        var id = ids++;
        var message = json.Serialize(new Members {
            {"jsonrpc", "2.0"}, {"method", method}, {"params", positional}, {"id", id}
        });
        var bytes = new ArraySegment<byte>(Encoding.UTF8.GetBytes(message));
        await socket.SendAsync(bytes, WebSocketMessageType.Text, true, patience);
        for (;;)
        {
            var reply = await Receive();
            if (reply.ContainsKey("method")) notifications.Enqueue(reply);
            else if (id.Equals(reply["id"])) return reply;
        }
    }

    static object Find(object from, params object[] path)
    {
        foreach (var step in path)
            from = step is int ? ((System.Collections.ArrayList)from)[(int)step] : ((Members)from)[(string)step];
        return from;
    }

    static void Expect(object expected, object found)
    {
        if (!expected.Equals(found)) throw new Exception($"{expected} was expected, not {found}");
    }

    async Task Run(string address)
    {
        socket.Options.AddSubProtocol("victoryvault.v1");
        await socket.ConnectAsync(new Uri(address), patience);
        Expect("victoryvault.v1", socket.SubProtocol);

        var email = $"{Guid.NewGuid()}@example.org";
        var created = await Call("user.create", email, "ClientWebSocket", "correct horse");
        var where = new Members { {"id", Find(created, "result", "user", "id")} };
        var subscribed = await Call("user.subscribe", where);

        await Call("user.update", new Members { {"status", "here"} });
        var changed = notifications.Dequeue();
        Expect("user.changed", changed["method"]);
        var status = Find(changed, "params", "changes", 0, "set", "status");
        Expect("here", status);

        Expect(-32601, Find(await Call("user.no"), "error", "code"));
        var wrong = await Call("user.update", new Members { {"status", 7} });
        Expect(-32602, Find(wrong, "error", "code"));
        Expect("set.status", Find(wrong, "error", "data", "path"));

        await Call("subscription.close", Find(subscribed, "result", "subscription"));
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", patience);
        Expect(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
        Console.WriteLine($"ClientWebSocket was told of {status}");
    }

    static void Main(string[] arguments) => new Program().Run(arguments[0]).GetAwaiter().GetResult();
}
