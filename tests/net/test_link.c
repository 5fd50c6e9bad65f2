/* SPDX-License-Identifier: BSD-2-Clause */
/* The connection of a client, where a script of frames does not reach: addresses that do not
 * answer, and two sides that both send. The server is this process too: it acts before the link is
 * asked, or while the link waits. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/number.h"
#include "client/dial.h"
#include "client/link.h"
#include "support/scripted_tcp.h"

static struct addr address_of(int fd)
{
    struct addr a = {.len = sizeof(a.u)};

    assert_return_code(getsockname(fd, &a.u.sa, &a.len), errno);
    return a;
}

/* --- dialling --- */

struct dialled {
    struct waiter waiter;
    struct console console;
    struct outcome why;
    struct addr peer;
    int fd;
};

static bool dial_all(struct dialled *d, const struct addr *addresses, size_t count)
{
    const struct dial_params params = {
        .addresses = addresses,
        .count = count,
        .patience_ns = 30 * NUMBER_SECOND,
        .waiter = &d->waiter,
        .console = &d->console,
    };
    bool done;

    *d = (struct dialled){.fd = -1};
    console_init(&d->console, stderr, true, false);
    assert_int_equal(waiter_init(&d->waiter), RES_OK);
    done = dial(&params, &d->fd, &d->peer, &d->why);
    waiter_clear(&d->waiter);
    return done;
}

/* An address at which nobody listens: of a socket that is bound and no more. */
static int bind_deaf(struct addr *ret)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_return_code(fd, errno);
    assert_return_code(bind(fd, (struct sockaddr *)&a, sizeof(a)), errno);
    *ret = address_of(fd);
    return fd;
}

static void test_next_address_is_tried_when_nobody_listens(void **state)
{
    struct scripted_tcp *s = *state;
    struct addr addresses[2];
    struct dialled d;
    int deaf = bind_deaf(&addresses[0]);

    addresses[1] = address_of(s->listener);
    assert_true(dial_all(&d, addresses, 2));
    assert_true(addr_equal(&d.peer, &addresses[1]));
    assert_int_equal(close(d.fd), 0);
    assert_int_equal(close(deaf), 0);
}

static void test_last_address_says_why_none_could_be_reached(void **state)
{
    struct addr addresses[2];
    struct dialled d;
    int first = bind_deaf(&addresses[0]);
    int last = bind_deaf(&addresses[1]);
    char due[ADDR_TEXT_BYTES + 32];
    char text[ADDR_TEXT_BYTES];

    (void)state;
    assert_false(dial_all(&d, addresses, 2));
    assert_int_equal(d.why.side, OUTCOME_NETWORK);
    (void)snprintf(due, sizeof(due), "nobody listens at %s", addr_print(&addresses[1], text));
    assert_string_equal(d.why.detail, due);
    assert_int_equal(close(first), 0);
    assert_int_equal(close(last), 0);
}

/* --- a link --- */

struct story {
    struct scripted_tcp *server;
    struct console console;
    struct client_settings settings;
    struct url url;
    struct link *link;
    struct outcome why;
};

/* Opens the link and takes what it said first. */
static void open_link(struct story *t, struct scripted_tcp *s)
{
    char text[64];
    char why[URL_WHY_BYTES];
    struct link_params params = {.url = &t->url, .settings = &t->settings, .console = &t->console};

    *t = (struct story){.server = s};
    option_settings_init(&t->settings);
    console_init(&t->console, stderr, true, false);
    (void)snprintf(text, sizeof(text), "wherry://127.0.0.1:%u", (unsigned)s->program.port);
    assert_true(url_parse(&t->url, text, why));
    assert_true(link_open(&t->link, &params, &t->why));
}

static struct wherry_client_event next(struct story *t)
{
    struct wherry_client_event e;

    if (!link_next(t->link, &e, &t->why)) {
        fail_msg("%s", t->why.detail);
    }
    return e;
}

/* The link asks for a PUT, and the server is READY. */
static uint32_t begin_put(struct story *t, uint64_t size)
{
    const struct wherry_message_put put = {
        .size = size,
        .mode = WHERRY_PUT_REPLACE,
        .path = {.bytes = (const uint8_t *)"x", .len = 1},
    };
    struct wherry_client_event e;
    uint32_t id = 0;

    assert_int_equal(
        wherry_client_exchange_put(link_exchange(t->link), &put, link_now_ns(t->link), &id),
        RES_OK);
    assert_true(link_poll(t->link, &e, &t->why)); /* HELLO and PUT leave */
    assert_int_equal(e.kind, WHERRY_CLIENT_NONE);
    scripted_tcp_greet(t->server);
    scripted_tcp_take_put(t->server, "x", size, 2);
    scripted_tcp_ready(t->server, 0, 0);
    assert_int_equal(next(t).kind, WHERRY_CLIENT_READY);
    return id;
}

#define PINGS_BYTES (200u * 1024u) /* more than sockets of this size take in */

/* A server that takes nothing before it is rid of its PINGs. */
struct talker {
    struct story *story;
    size_t sent; /* bytes of PINGs */
};

static bool say_all(struct talker *t)
{
    static const uint8_t ping[] = "\0\0\0\4\x09\0\0\0\0\0\0\0ping";
    const size_t len = sizeof(ping) - 1;

    while (t->sent < PINGS_BYTES) {
        size_t at = t->sent % len;
        ssize_t n = send(t->story->server->fd, ping + at, len - at, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n <= 0) {
            return false;
        }
        t->sent += (size_t)n;
    }
    return true;
}

static void talk(void *arg, uint64_t now_ns)
{
    static uint8_t bytes[1 << 16];
    struct talker *t = arg;

    (void)now_ns;
    if (say_all(t)) {
        while (recv(t->story->server->fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {
        }
    }
}

/* Who only sends would wait for a server that only sends, for ever. */
static void test_sending_reads_all_the_while(void **state)
{
    struct scripted_tcp *s = *state;
    struct story t;
    struct talker talker = {.story = &t};
    struct wherry_client_event e;
    const uint32_t len = WHERRY_MAX_FRAME_DEFAULT;
    const unsigned frames = 16; /* more than the buffers of both sockets hold */
    const int small = 4096;
    uint8_t *bytes = calloc(1, len);

    assert_non_null(bytes);
    open_link(&t, s);
    (void)begin_put(&t, (uint64_t)len * frames);
    assert_return_code(setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), errno);
    (void)say_all(&talker);
    assert_true(talker.sent < PINGS_BYTES); /* it waits for us */
    link_tick(t.link, talk, &talker);
    for (unsigned i = 0; i < frames; i++) {
        assert_int_equal(
            wherry_client_exchange_data_begin(link_exchange(t.link), len, link_now_ns(t.link)),
            RES_OK);
        assert_true(link_send(t.link, bytes, len, &t.why));
    }
    assert_int_equal(talker.sent, PINGS_BYTES);
    assert_true(link_poll(t.link, &e, &t.why));
    assert_int_equal(e.kind, WHERRY_CLIENT_NONE);
    link_close(t.link);
    free(bytes);
}

/* The disk is full: END comes early, and is heard behind the frame that was begun. */
static void test_an_early_end_is_heard_behind_the_frame(void **state)
{
    struct scripted_tcp *s = *state;
    struct story t;
    struct wherry_client_event e;
    uint32_t id;

    open_link(&t, s);
    id = begin_put(&t, 6);
    scripted_tcp_end(s, WHERRY_STATUS_NO_SPACE, "full");
    assert_int_equal(
        wherry_client_exchange_data_begin(link_exchange(t.link), 3, link_now_ns(t.link)), RES_OK);
    assert_true(link_send(t.link, (const uint8_t *)"abc", 3, &t.why));
    assert_true(link_poll(t.link, &e, &t.why));
    assert_int_equal(e.kind, WHERRY_CLIENT_END);
    assert_int_equal(e.request, id);
    assert_int_equal(e.end.result, RES_NO_SPACE);
    assert_true(link_poll(t.link, &e, &t.why)); /* CANCEL leaves */
    scripted_tcp_take_data(s, "abc", 3);
    scripted_tcp_take(s, TCP_CANCEL);
    link_close(t.link);
}

/* What the server said before it cut the connection is told, not that the bytes did not leave. */
static void test_a_connection_that_breaks_while_sending_tells_what_came_before(void **state)
{
    struct scripted_tcp *s = *state;
    struct story t;
    struct wherry_client_event e;

    open_link(&t, s);
    (void)begin_put(&t, 6);
    scripted_tcp_goaway(s, WHERRY_STATUS_TIMEOUT, "too slow", 0);
    scripted_tcp_close(s);
    assert_int_equal(
        wherry_client_exchange_data_begin(link_exchange(t.link), 6, link_now_ns(t.link)), RES_OK);
    assert_true(link_send(t.link, (const uint8_t *)"abcdef", 6, &t.why));
    assert_false(link_next(t.link, &e, &t.why));
    assert_int_equal(t.why.side, OUTCOME_NETWORK);
    assert_non_null(strstr(t.why.detail, "timed out (server says: \"too slow\")"));
    assert_false(link_may_be_done(t.link)); /* our END has not left */
    link_close(t.link);
}

static void test_the_same_failure_is_told_again(void **state)
{
    struct scripted_tcp *s = *state;
    struct story t;
    struct wherry_client_event e;
    struct outcome again;

    open_link(&t, s);
    scripted_tcp_accept(s);
    scripted_tcp_close(s);
    assert_false(link_next(t.link, &e, &t.why));
    assert_false(link_poll(t.link, &e, &again));
    assert_string_equal(again.detail, t.why.detail);
    link_explain(t.link, RES_SHUTDOWN, &again);
    assert_string_equal(again.detail, t.why.detail);
    assert_false(link_leads_to(t.link, &t.url));
    link_close(t.link);
}

#define FLOOD_BYTES ((size_t)64 * 1024 * 1024) /* more than any socket holds */

/* PINGs until it is killed; a signal to the client once it must have heard many. */
static void flood(int fd, pid_t client)
{
    static const uint8_t ping[] = "\0\0\0\4\x09\0\0\0\0\0\0\0ping";
    static uint8_t many[4096 * (sizeof(ping) - 1)];
    size_t sent = 0;
    ssize_t n;

    for (size_t at = 0; at < sizeof(many); at += sizeof(ping) - 1) {
        memcpy(many + at, ping, sizeof(ping) - 1);
    }
    do {
        bool before = sent < FLOOD_BYTES;

        n = send(fd, many + sent % sizeof(many), sizeof(many) - sent % sizeof(many), MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        if (before && sent >= FLOOD_BYTES && kill(client, SIGTERM) == -1) {
            _exit(1);
        }
    } while (n > 0);
    _exit(1);
}

static void test_a_signal_is_heard_under_a_flood_of_frames_without_events(void **state)
{
    struct scripted_tcp *s = *state;
    pid_t client = getpid();
    struct wherry_client_event e;
    struct story t;
    pid_t server;
    int status;

    open_link(&t, s);
    assert_true(link_poll(t.link, &e, &t.why)); /* HELLO leaves */
    scripted_tcp_greet(s);
    server = fork();
    assert_return_code(server, errno);
    if (server == 0) {
        flood(s->fd, client);
    }
    assert_int_equal(close(s->fd), 0);
    s->fd = -1;
    assert_false(link_next(t.link, &e, &t.why));
    assert_int_equal(t.why.side, OUTCOME_SIGNAL);
    assert_int_equal(t.why.signum, SIGTERM);
    assert_return_code(kill(server, SIGKILL), errno);
    assert_int_equal(waitpid(server, &status, 0), server);
    assert_true(WIFSIGNALED(status)); /* it was still sending */
    link_close(t.link);
}

static void test_a_link_leads_to_its_host_and_port_only(void **state)
{
    struct scripted_tcp *s = *state;
    struct story t;
    struct url other;

    open_link(&t, s);
    assert_true(link_leads_to(t.link, &t.url));
    other = t.url;
    other.port ^= 1;
    assert_false(link_leads_to(t.link, &other));
    other = t.url;
    other.host[8] = '2';
    assert_false(link_leads_to(t.link, &other));
    other = t.url;
    other.scheme = URL_TFTP;
    assert_false(link_leads_to(t.link, &other));
    link_close(t.link);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, scripted_tcp_setup, scripted_tcp_teardown)
    const struct CMUnitTest tests[] = {
        STORY(test_next_address_is_tried_when_nobody_listens),
        STORY(test_last_address_says_why_none_could_be_reached),
        STORY(test_sending_reads_all_the_while),
        STORY(test_an_early_end_is_heard_behind_the_frame),
        STORY(test_a_connection_that_breaks_while_sending_tells_what_came_before),
        STORY(test_the_same_failure_is_told_again),
        STORY(test_a_signal_is_heard_under_a_flood_of_frames_without_events),
        STORY(test_a_link_leads_to_its_host_and_port_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
