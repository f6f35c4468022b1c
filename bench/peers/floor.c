/* The floor: what a WebSocket server pays the kernel, and next to nothing besides.

   `s` subscribes, `p` and a message sends that message to all subscribers, with one `send()` each;
   anything else is sent back. One client, ours, is all it is for: whole frames of less than 64 KiB, and
   the key of RFC 6455's own example. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 4096, ROOM = 1 << 20, EVENTS = 512, CLOSE = 8, WINDOW = 1 << 16 };
static const char UPGRADED[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

typedef struct {
    int is_upgraded;
    size_t have;
    uint8_t rest[WINDOW];
} Client;

static Client *clients[MOST];
static int subscribers[MOST], subscriber_count;
static uint8_t output[ROOM];
static size_t output_size;

static void end(const char *what) {
    perror(what);
    exit(1);
}

static void send_all(int client, const void *data, size_t size) {
    if (send(client, data, size, MSG_NOSIGNAL) != (ssize_t)size && errno != EPIPE && errno != ECONNRESET)
        end("a client does not read");
}

static size_t frame(uint8_t *to, const uint8_t *data, size_t size) {
    size_t head = size < 126 ? 2 : 4;
    to[0] = 0x81, to[1] = size < 126 ? size : 126;
    if (head == 4) to[2] = size >> 8, to[3] = size;
    memcpy(to + head, data, size);
    return head + size;
}

static void leave(int client) {
    for (int each = 0; each < subscriber_count; each++)
        if (subscribers[each] == client) subscribers[each] = subscribers[--subscriber_count];
    free(clients[client]);
    clients[client] = NULL;
    close(client);
}

static void take_message(int client, const uint8_t *data, size_t size) {
    static uint8_t message[WINDOW + 4];
    if (size && *data == 'p') {
        size_t length = frame(message, data + 1, size - 1);
        for (int each = 0; each < subscriber_count; each++) send_all(subscribers[each], message, length);
        return;
    }
    if (size && *data == 's') subscribers[subscriber_count++] = client;
    if (output_size + size + 4 > ROOM) end("too much at once");
    output_size += frame(output + output_size, data, size);
}

/* How much of the data it has taken; less than nothing once the client wants to leave. */
static ssize_t take_frames(int client, uint8_t *data, size_t size) {
    size_t at = 0;
    while (size - at >= 6) {
        uint8_t *head = data + at, *mask = head + 2;
        size_t length = head[1] & 127;
        if (length == 126) length = head[2] << 8 | head[3], mask += 2;
        uint8_t *body = mask + 4;
        if (size - at < (size_t)(body - head) + length) break;
        for (size_t each = 0; each < length; each++) body[each] ^= mask[each & 3];
        if ((head[0] & 15) == CLOSE) return -1;
        take_message(client, body, length);
        at += (size_t)(body - head) + length;
    }
    return at;
}

static void receive(int socket) {
    static uint8_t input[2 * WINDOW];
    Client *client = clients[socket];
    memcpy(input, client->rest, client->have);
    ssize_t got = recv(socket, input + client->have, WINDOW, 0), taken = 0;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return leave(socket);
    size_t size = client->have + got;
    if (client->is_upgraded) {
        taken = take_frames(socket, input, size);
    } else if (memmem(input, size, "\r\n\r\n", 4)) {
        client->is_upgraded = 1, taken = size;
        send_all(socket, UPGRADED, sizeof UPGRADED - 1);
    }
    if (output_size) send_all(socket, output, output_size), output_size = 0;
    if (taken < 0 || size - taken > WINDOW) return leave(socket);
    client->have = size - taken;
    memcpy(client->rest, input + taken, client->have);
}

static void watch(int poll, int socket) {
    struct epoll_event event = {EPOLLIN, {.fd = socket}};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event)) end("epoll_ctl");
}

static void enter(int poll, int listener) {
    int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK), yes = 1;
    if (socket < 0) return;
    if (socket >= MOST) end("too many clients");
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    clients[socket] = calloc(1, sizeof(Client));
    watch(poll, socket);
}

int main(int count, char **arguments) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0), yes = 1;
    if (count != 2) return fputs("floor PORT\n", stderr), 2;
    struct sockaddr_in at = {AF_INET, htons(atoi(arguments[1])), {htonl(INADDR_LOOPBACK)}, {0}};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (void *)&at, sizeof at) || listen(listener, MOST)) end("bind");
    watch(poll, listener);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int each = 0; each < ready; each++) {
            int socket = events[each].data.fd;
            if (socket == listener) enter(poll, listener);
            else if (clients[socket]) receive(socket);
        }
    }
}
