// The JDK's own java.net.http, without a JSON library: texts in, texts out.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;

public class Program implements WebSocket.Listener {
    final Map<String, CompletableFuture<String>> replies = new ConcurrentHashMap<>();
    final BlockingQueue<String> notifications = new LinkedBlockingQueue<>();
    final CompletableFuture<Integer> closed = new CompletableFuture<>();
    final AtomicInteger ids = new AtomicInteger();
    final StringBuilder text = new StringBuilder();
    WebSocket socket;

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
        text.append(data);
        if (last) {
            String message = text.toString();
            text.setLength(0);
            if (message.contains("\"method\":")) notifications.add(message);
            else replies.remove(find("\"id\":(\\d+)", message)).complete(message);
        }
        socket.request(1);
        return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
        closed.complete(code);
        return null;
    }

    @Override
    public void onError(WebSocket socket, Throwable error) {
        closed.completeExceptionally(error);
    }

    String call(String method, String params) throws Exception {
        String id = String.valueOf(ids.getAndIncrement());
        CompletableFuture<String> reply = new CompletableFuture<>();
        replies.put(id, reply);
        socket.sendText(message(method, params, id), true).join();
        return reply.get(10, TimeUnit.SECONDS);
    }

    static String message(String method, String params, String id) {
        return """
            {"jsonrpc": "2.0", "method": "%s", "params": %s, "id": %s}""".formatted(method, params, id);
    }

    static String find(String pattern, String text) {
        var matcher = Pattern.compile(pattern).matcher(text);
        check(matcher.find(), pattern, text);
        return matcher.group(1);
    }

    static void check(boolean holds, String what, String text) {
        if (!holds) throw new AssertionError(what + " in " + text);
    }

    void run(String address) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        socket = client.newWebSocketBuilder()
            .subprotocols("victoryvault.v1")
            .buildAsync(URI.create(address), this).join();
        check(socket.getSubprotocol().equals("victoryvault.v1"), "subprotocol", socket.getSubprotocol());

        String created = call("user.create", """
            {"email": "%s@example.org", "full_name": "java.net.http", "password": "correct horse"}
            """.formatted(UUID.randomUUID()));
        String own = find("\"user\":\\{\"id\":\"([^\"]+)\"", created);
        String subscribed = call("user.subscribe", "{\"where\": {\"id\": \"" + own + "\"}}");

        call("user.update", "{\"set\": {\"status\": \"here\"}}");
        String changed = notifications.poll(10, TimeUnit.SECONDS);
        check(changed.contains("\"user.changed\""), "user.changed", changed);
        String status = find("\"status\":\"([^\"]+)\"", changed);

        String unknown = call("user.no", "{}");
        check(find("\"code\":(-?\\d+)", unknown).equals("-32601"), "-32601", unknown);
        String wrong = call("user.update", "{\"set\": {\"status\": 7}}");
        check(find("\"code\":(-?\\d+)", wrong).equals("-32602"), "-32602", wrong);
        check(find("\"path\":\"([^\"]+)\"", wrong).equals("set.status"), "set.status", wrong);

        call("subscription.close",
            "{\"subscription\": \"" + find("\"subscription\":\"([^\"]+)\"", subscribed) + "\"}");
        socket.sendClose(WebSocket.NORMAL_CLOSURE, "").join();
        check(closed.get(10, TimeUnit.SECONDS) == 1000, "1000", "the close");

        HttpRequest post = HttpRequest.newBuilder(URI.create(address.replaceFirst("ws", "http")))
            .header("Content-Type", "application/json")
            .header("Authorization", "Bearer " + find("\"token\":\"([^\"]+)\"", created))
            .POST(HttpRequest.BodyPublishers.ofString(message("user.get", "[\"" + own + "\"]", "1")))
            .build();  // over plain HTTP it asks for an upgrade to h2c, which is to be ignored
        String got = client.send(post, BodyHandlers.ofString()).body();
        check(got.contains("\"status\":\"here\""), "here", got);
        System.out.println("java.net.http was told of " + status);
    }

    public static void main(String[] arguments) throws Exception {
        new Program().run(arguments[0]);
    }
}
