/* The sockets of a crowd, read by one thread of C, so that no server waits for its readers.

   `crowd.py` opens the sockets and hands them over, non-blocking, with nothing left to read. A
   message carries a mark, `@` number `@` nanoseconds `@`: which publish it is and when it left, by
   the clock that Python calls monotonic. Every subscriber must get every number once and in order. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum { DIGITS = 10, HEX = 16, MARK = DIGITS + HEX + 3, ROOM = 1 << 20, EVENTS = 512, DEEPEST = 64 };
static const uint8_t MASK[4] = {0x37, 0xfa, 0x21, 0x3d};
static const int64_t PATIENCE = 30000000000;

typedef struct {
    const uint8_t *data;
    int64_t size;
} Bytes;

/* What is wanted; times are nanoseconds. */
typedef struct {
    const int *sockets;
    int64_t number; /* of subscribers or callers; behind them stands the publisher's socket */
    int64_t depth;  /* publishes in flight, or calls of one connection */
    int64_t first;  /* number of the first publish */
    int64_t begin, end;
    Bytes publish;                /* a message with its mark */
    Bytes key, before, after;     /* what follows the key is sent back between the two, if any */
    const Bytes *calls;           /* frames that are sent in turn */
    int64_t call_count;
    Bytes reply;                  /* is in each answer to a call */
    int64_t opcode;
} Order;

/* What came within the window. */
typedef struct {
    int64_t count, frames, bytes, nanoseconds, published;
    double p50, p99; /* milliseconds */
    char error[256];
} Seen;

typedef struct {
    int socket;
    int is_publisher;
    int64_t next;           /* number of the publish, or of the call, that comes next */
    int64_t oldest;         /* number of the first call without its answer */
    int64_t sent[DEEPEST];
    uint8_t *rest;          /* the beginning of a frame */
    size_t have;
} Connection;

static const Order *order;
static Seen *seen;
static int64_t total, frames, bytes, pending, began, now;
static float *delays;
static size_t delay_count, delay_room;
static uint8_t input[2 * ROOM], output[ROOM];
static size_t output_size;

static int64_t clock_now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000 + at.tv_nsec;
}

static void fail(const char *sentence, ...) {
    va_list given;
    if (seen->error[0]) return;
    va_start(given, sentence);
    vsnprintf(seen->error, sizeof seen->error, sentence, given);
    va_end(given);
}

static void put(const void *data, size_t size) {
    if (output_size + size > ROOM) return fail("more is to be sent at once than there is room for");
    memcpy(output + output_size, data, size);
    output_size += size;
}

static void put_frame(int opcode, const uint8_t *data, size_t size) {
    uint8_t head[4] = {0x80 | opcode, 0x80 | (size < 126 ? size : 126), size >> 8, size};
    put(head, size < 126 ? 2 : 4);
    put(MASK, sizeof MASK);
    uint8_t *body = output + output_size;
    put(data, size);
    for (size_t at = 0; at < size; at++) body[at] ^= MASK[at & 3];
}

static void flush(const Connection *connection) {
    ssize_t size = output_size;
    output_size = 0;
    if (size && send(connection->socket, output, size, MSG_NOSIGNAL) != size)
        fail("the server does not read what it is sent");
}

static void note_delay(int64_t since) {
    if (now < order->begin || now >= order->end) return;
    if (delay_count == delay_room) {
        delay_room += 1 << 20;
        delays = realloc(delays, delay_room * sizeof *delays);
    }
    delays[delay_count++] = (now - since) / 1e6;
}

static void put_publish(long long number) {
    static uint8_t message[ROOM];
    char mark[MARK + 1];
    memcpy(message, order->publish.data, order->publish.size);
    snprintf(mark, sizeof mark, "@%010lld@%016llx@", number, (long long)clock_now());
    memcpy(memchr(message, '@', order->publish.size), mark, MARK);
    put_frame(order->opcode, message, order->publish.size);
}

static void take_mark(Connection *connection, const char *mark) {
    long long number = strtoll(mark + 1, NULL, 10), due = connection->next;
    int64_t left = strtoll(mark + DIGITS + 2, NULL, 16);
    if (number != due) return fail("a subscriber got publish %lld, not %lld", number, due);
    connection->next++;
    total++;
    note_delay(left);
}

static void acknowledge(const uint8_t *data, size_t size) {
    static uint8_t message[4096];
    const uint8_t *found = memmem(data, size, order->key.data, order->key.size);
    const uint8_t *id = found + order->key.size;
    const uint8_t *end = found ? memchr(id, '"', data + size - id) : NULL;
    if (!end) return fail("a delivery has nothing to acknowledge");
    uint8_t *to = mempcpy(message, order->before.data, order->before.size);
    to = mempcpy(to, id, end - id);
    to = mempcpy(to, order->after.data, order->after.size);
    put_frame(order->opcode, message, to - message);
}

static void take_delivery(Connection *connection, const uint8_t *data, size_t size) {
    const uint8_t *end = data + size, *at = data;
    int64_t before = total;
    while ((at = memchr(at, '@', end - at))) {
        if (end - at >= MARK && at[DIGITS + 1] == '@' && at[MARK - 1] == '@') {
            take_mark(connection, (const char *)at);
            at += MARK;
        } else {
            at++;
        }
    }
    if (total != before && order->key.size) acknowledge(data, size);
}

static void take_reply(Connection *connection, const uint8_t *data, size_t size) {
    if (!memmem(data, size, order->reply.data, order->reply.size))
        return fail("a call was answered with %.*s", (int)(size < 200 ? size : 200), data);
    total++;
    note_delay(connection->sent[connection->oldest++ % DEEPEST]);
    pending--;
}

static void take_frame(Connection *connection, int opcode, const uint8_t *data, size_t size) {
    if (opcode == PING) {
        put_frame(PONG, data, size);
    } else if (opcode == CLOSE) {
        fail("the server closed a connection: %.*s", size > 2 ? (int)(size - 2) : 0, data + 2);
    } else if (opcode != PONG && !connection->is_publisher) {
        frames++;
        bytes += size;
        if (order->calls) take_reply(connection, data, size);
        else take_delivery(connection, data, size);
    }
}

static size_t take_frames(Connection *connection, const uint8_t *data, size_t size) {
    size_t at = 0;
    while (size - at >= 2) {
        const uint8_t *head = data + at;
        size_t start = 2, length = head[1];
        if (length == 126) start = 4, length = head[2] << 8 | head[3];
        else if (length == 127) return fail("a frame is longer than 64 KiB"), size;
        if (size - at < start || size - at < start + length) break;
        take_frame(connection, head[0] & 15, head + start, length);
        at += start + length;
    }
    return at;
}

static void receive(Connection *connection) {
    memcpy(input, connection->rest, connection->have);
    ssize_t got = recv(connection->socket, input + connection->have, ROOM, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return fail("a connection was lost: %s", got ? strerror(errno) : "its end");
    now = clock_now();
    size_t size = connection->have + got, taken = take_frames(connection, input, size);
    connection->have = size - taken;
    if (connection->have) {
        connection->rest = realloc(connection->rest, connection->have);
        memcpy(connection->rest, input + taken, connection->have);
    }
}

static void send_calls(Connection *connection) {
    int64_t free_slots = order->depth - (connection->next - connection->oldest);
    if (now >= order->end) return;
    while (free_slots-- > 0) {
        const Bytes *call = &order->calls[connection->next % order->call_count];
        connection->sent[connection->next++ % DEEPEST] = now;
        put(call->data, call->size);
        pending++;
    }
}

/* As many as may be in flight; those sent at once leave in one write. */
static void send_publishes(Connection *publisher) {
    if (now >= order->end) return;
    while ((seen->published - order->depth) * order->number < total)
        put_publish(order->first + seen->published++);
    flush(publisher);
}

static int by_size(const void *one, const void *other) {
    float difference = *(const float *)one - *(const float *)other;
    return (difference > 0) - (difference < 0);
}

static void sum_up(void) {
    if (!delay_count) return fail("nothing arrived within the window");
    qsort(delays, delay_count, sizeof *delays, by_size);
    seen->p50 = delays[delay_count / 2];
    seen->p99 = delays[delay_count * 99 / 100];
}

static void begin_all(Connection *connections, int poll) {
    int64_t sockets = order->number + !order->calls;
    for (int64_t each = 0; each < sockets; each++) {
        struct epoll_event event = {EPOLLIN, {.ptr = &connections[each]}};
        connections[each].socket = order->sockets[each];
        connections[each].is_publisher = each == order->number;
        connections[each].next = order->calls ? 0 : order->first;
        epoll_ctl(poll, EPOLL_CTL_ADD, connections[each].socket, &event);
        if (order->calls) send_calls(&connections[each]), flush(&connections[each]);
    }
}

static void count_window(void) {
    if (!began && now >= order->begin) {
        began = now;
        seen->count = -total, seen->frames = -frames, seen->bytes = -bytes;
    }
    if (now < order->end || seen->nanoseconds) return;
    seen->nanoseconds = now - began;
    seen->count += total, seen->frames += frames, seen->bytes += bytes;
}

static int is_done(void) {
    if (seen->error[0]) return 1;
    if (!seen->nanoseconds) return 0;
    if (now > order->end + PATIENCE) fail("something is missing");
    return order->calls ? !pending : total == seen->published * order->number;
}

/* Runs one window to its end, and until all that was sent has been answered. */
void crowd_run(const Order *given, Seen *result) {
    struct epoll_event events[EVENTS];
    order = given, seen = result;
    total = frames = bytes = pending = began = 0, delay_count = output_size = 0;
    int poll = epoll_create1(EPOLL_CLOEXEC);
    Connection *connections = calloc(order->number + 1, sizeof *connections);
    now = clock_now();
    begin_all(connections, poll);
    while (!is_done()) {
        if (!order->calls) send_publishes(&connections[order->number]);
        int ready = epoll_wait(poll, events, EVENTS, 5);
        now = clock_now();
        for (int each = 0; each < ready; each++) {
            Connection *connection = events[each].data.ptr;
            receive(connection);
            if (order->calls) send_calls(connection);
            flush(connection);
        }
        now = clock_now();
        count_window();
    }
    sum_up();
    for (int64_t each = 0; each <= order->number; each++) free(connections[each].rest);
    free(connections);
    close(poll);
}
