/* SPDX-License-Identifier: BSD-2-Clause */
/* The worker as a whole: draining, stopping, running out of descriptors. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <wherry/message.h>

#include "base/number.h"
#include "net/served.h"
#include "net/tcp.h"
#include "net/udp.h"

static void start_read(struct served *f, struct client *c)
{
    served_pattern(f, "file", 600);
    client_open_local(c, f);
    client_ask(c, RRQ, "file", "octet", NULL);
    client_expect_first_data(c, 1, 512);
}

static void start_upload(struct served *f, struct client *c)
{
    client_open_local(c, f);
    client_ask(c, WRQ, "new", "octet", NULL);
    client_expect_first_ack(c, 0);
}

static void test_idle_worker_is_drained_from_the_loop(void **state)
{
    struct served *f = *state;

    worker_drain(f->worker);
    assert_false(f->drained);
    served_until(f, &f->drained);
}

static void test_drain_waits_for_running_transfers(void **state)
{
    struct served *f = *state;
    struct client c;

    start_read(f, &c);
    worker_drain(f->worker);
    for (int i = 0; i < 3; i++) {
        loop_turn(f->loop, false);
    }
    assert_false(f->drained);
    client_ack(&c, 1);
    client_expect_data(&c, 2, 88);
    client_ack(&c, 2);
    served_until(f, &f->drained);
    served_line(f, "done op=read");
    client_close(&c);
}

static void test_draining_worker_takes_no_requests_and_leaves_the_port(void **state)
{
    struct served *f = *state;
    struct client c, late;
    struct addr a = {.u.in4 = {.sin_family = AF_INET}, .len = sizeof(a.u.in4)};
    int fd;

    start_read(f, &c);
    client_open_local(&late, f);
    client_ask(&late, RRQ, "file", "octet", NULL);
    worker_drain(f->worker);
    for (int i = 0; i < 3; i++) {
        loop_turn(f->loop, false);
    }
    assert_int_equal(worker_running(f->worker), 1);
    addr_set_port(&a, f->port);
    assert_int_equal(udp_listen(&a, &fd), RES_OK); /* a successor */
    close(fd);
    client_close(&c);
    client_close(&late);
}

static void test_dallying_upload_holds_up_no_drain(void **state)
{
    struct served *f = *state;
    struct client c;

    start_upload(f, &c);
    client_data(&c, 1, "x", 1);
    client_expect_ack(&c, 1);
    assert_int_equal(worker_running(f->worker), 0);
    worker_drain(f->worker);
    served_until(f, &f->drained);
    client_data(&c, 1, "x", 1); /* and is still answered */
    client_expect_ack(&c, 1);
    client_close(&c);
}

static void test_stop_ends_running_transfers_with_error_0(void **state)
{
    struct served *f = *state;
    struct client reads, writes, settled;

    start_upload(f, &settled);
    client_data(&settled, 1, "x", 1);
    client_expect_ack(&settled, 1);
    start_read(f, &reads);
    start_upload(f, &writes);
    worker_drain(f->worker);
    worker_stop(f->worker);
    client_expect_error(&reads, 0);
    assert_non_null(strstr(client_text(&reads), "shutting down"));
    client_expect_error(&writes, 0);
    served_line(f, "failed op=read");
    served_line(f, "failed op=write");
    served_until(f, &f->drained);
    assert_int_equal(served_line_count(f, "failed "), 2);
    assert_int_equal(served_line_count(f, "done "), 1);
    client_close(&reads);
    client_close(&writes);
    client_close(&settled);
}

/* Where no listener is left to ask whether everything was looked at. */
static bool has_no_packet(const struct client *c)
{
    uint8_t byte;

    return recv(c->fd, &byte, sizeof(byte), MSG_DONTWAIT) == -1 && errno == EAGAIN;
}

/* Its address may be forged: five datagrams, and the ERROR would be the sixth. */
static void test_stop_sends_no_error_to_a_peer_that_never_answered_five_sends(void **state)
{
    struct served *f = *state;
    struct client reads, writes;

    start_read(f, &reads);
    start_upload(f, &writes);
    for (int sends = 2; sends <= 5; sends++) {
        client_ask(&reads, RRQ, "file", "octet", NULL);
        client_expect_data(&reads, 1, 512);
        client_ask(&writes, WRQ, "new", "octet", NULL);
        client_expect_ack(&writes, 0);
    }
    worker_stop(f->worker);
    served_line(f, "failed op=read");
    served_line(f, "failed op=write");
    served_until(f, &f->drained);
    assert_true(has_no_packet(&reads));
    assert_true(has_no_packet(&writes));
    client_close(&reads);
    client_close(&writes);
}

static void test_freed_worker_ends_what_runs_without_a_word(void **state)
{
    struct served *f = *state;
    struct client c;

    start_read(f, &c);
    worker_free(f->worker);
    f->worker = NULL;
    loop_turn(f->loop, false);
    assert_int_equal(f->lines, 0);
    assert_int_equal(recv(c.fd, c.packet, sizeof(c.packet), MSG_DONTWAIT), -1);
    client_close(&c);
}

static void test_request_without_a_descriptor_is_dropped_and_the_server_goes_on(void **state)
{
    struct served *f = *state;
    struct client c;
    struct rlimit before, none;
    int lowest;

    served_file(f, "x", "x", 1);
    client_open_local(&c, f);
    lowest = dup(c.fd);
    assert_true(lowest >= 0);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    client_ask(&c, RRQ, "x", "octet", NULL);
    client_ask(&c, RRQ, "x", "octet", NULL);
    assert_non_null(strstr(served_line(f, "tftp: request dropped, peer 127.0.0.1:"),
                           "at the limit of open files?"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    client_expect_silence(&c);
    assert_int_equal(served_line_count(f, "tftp: request dropped"), 1); /* not one for each */
    assert_int_equal(worker_running(f->worker), 0);
    client_ask(&c, RRQ, "x", "octet", NULL); /* the client asks again */
    client_expect_first_data(&c, 1, 1);
    client_close(&c);
}

static void test_hundreds_of_transfers_run_at_once(void **state)
{
    struct served *f = *state;
    static struct client clients[200];
    const size_t count = sizeof(clients) / sizeof(clients[0]);

    served_pattern(f, "file", 600);
    for (size_t i = 0; i < count; i++) {
        client_open_local(&clients[i], f);
        client_ask(&clients[i], RRQ, "file", "octet", "timeout", "255", NULL);
    }
    for (size_t i = 0; i < count; i++) {
        client_expect_first_oack(&clients[i], "timeout=255");
        client_ack(&clients[i], 0);
    }
    assert_int_equal(worker_running(f->worker), count);
    for (size_t i = 0; i < count; i++) {
        client_expect_data(&clients[i], 1, 512);
        client_ack(&clients[i], 1);
    }
    for (size_t i = 0; i < count; i++) {
        client_expect_data(&clients[i], 2, 88);
        client_ack(&clients[i], 2);
    }
    served_settle(f);
    assert_int_equal(served_line_count(f, "done op=read"), count);
    for (size_t i = 0; i < count; i++) {
        client_close(&clients[i]);
    }
}

/* A client of the other door, which says HELLO. */
struct visitor {
    struct served *f;
    int fd;
    struct loop_io io;
};

static void limits_of_the_file_protocol(struct config *c)
{
    c->max_frame = WHERRY_MAX_FRAME_DEFAULT;
    c->requests_max = 16;
    c->hello_timeout_ns = 60 * NUMBER_SECOND;
    c->frame_timeout_ns = 60 * NUMBER_SECOND;
    c->body_rate = 1;
    c->body_timeout_ns = 60 * NUMBER_SECOND;
    c->idle_timeout_ns = 60 * NUMBER_SECOND;
    c->output_max = 65536;
    c->turn_max = 1048576;
    c->connections_max = 4;
    c->connections_per_address = 4;
}

static void on_event(void *arg, unsigned events)
{
    (void)arg; /* the turn has ended, which is all that was wanted */
    (void)events;
}

static void visitor_read(struct visitor *v, uint8_t *to, size_t len)
{
    served_limit(v->f);
    loop_io_events(&v->io, LOOP_READ);
    for (size_t have = 0; have < len;) {
        size_t n;

        if (tcp_receive(v->fd, to + have, len - have, &n) == RES_OK) {
            assert_int_not_equal(n, 0);
            have += n;
        } else {
            assert_false(v->f->late);
            loop_turn(v->f->loop, true);
        }
    }
    loop_io_events(&v->io, 0);
}

static void visitor_expect(struct visitor *v, uint8_t type, uint16_t status)
{
    uint8_t header[WHERRY_FRAME_HEADER_BYTES];
    uint8_t payload[WHERRY_MESSAGE_BYTES];
    size_t len;

    visitor_read(v, header, sizeof(header));
    len = (size_t)header[2] << 8 | header[3];
    assert_true(len <= sizeof(payload));
    assert_int_equal(header[4], type);
    assert_int_equal(header[6] << 8 | header[7], status);
    visitor_read(v, payload, len);
}

static void visit(struct served *f, struct visitor *v)
{
    static const struct wherry_message_hello hello = {.lowest = 1, .highest = 1};
    const struct endpoint endpoint = {.scheme = ENDPOINT_WHERRY};
    struct addr a = {.u.in4 = {.sin_family = AF_INET}, .len = sizeof(a.u.in4)};
    uint8_t frame[WHERRY_MESSAGE_BYTES];
    int listener;
    size_t n;

    limits_of_the_file_protocol(&f->config);
    a.u.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(tcp_listen(&a, &listener), RES_OK);
    a.len = sizeof(a.u);
    assert_int_equal(getsockname(listener, &a.u.sa, &a.len), 0);
    assert_int_equal(worker_listen(f->worker, listener, &endpoint), RES_OK);
    *v = (struct visitor){.f = f};
    /* The kernel accepts for the listener, which is why this needs no turn of the loop. */
    assert_in_set(tcp_connect(&a, &v->fd), ((LargestIntegralType[]){RES_OK, RES_LATER}), 2);
    loop_io_start(f->loop, &v->io, v->fd, 0, on_event, v);
    n = wherry_message_write_hello(frame, sizeof(frame), &hello);
    assert_int_equal(tcp_send(v->fd, frame, n, false, &n), RES_OK);
    visitor_expect(v, WHERRY_FRAME_HELLO_REPLY, 0);
}

static void leave(struct visitor *v)
{
    loop_io_stop(&v->io);
    close(v->fd);
}

static void ask_to_upload(struct visitor *v, uint32_t id)
{
    const struct wherry_message_put m = {
        .size = 1, .mode = WHERRY_PUT_CREATE, .path = {(const uint8_t *)"new", 3}};
    uint8_t frame[WHERRY_MESSAGE_BYTES];
    size_t n = wherry_message_write_put(frame, sizeof(frame), id, &m);

    assert_int_equal(tcp_send(v->fd, frame, n, false, &n), RES_OK);
}

static void test_drain_waits_for_both_doors(void **state)
{
    struct served *f = *state;
    struct visitor v;
    struct client c;

    visit(f, &v);
    start_read(f, &c);
    assert_int_equal(worker_running(f->worker), 1); /* the visitor asks nothing */
    worker_drain(f->worker);
    visitor_expect(&v, WHERRY_FRAME_GOAWAY, WHERRY_STATUS_SHUTDOWN);
    leave(&v);
    for (int i = 0; i < 3; i++) {
        loop_turn(f->loop, false);
    }
    assert_false(f->drained);
    client_ack(&c, 1);
    client_expect_data(&c, 2, 88);
    client_ack(&c, 2);
    served_until(f, &f->drained);
    client_close(&c);
}

static void test_drain_waits_for_a_request_of_the_file_protocol(void **state)
{
    struct served *f = *state;
    struct visitor v;
    size_t n;

    visit(f, &v);
    ask_to_upload(&v, 1);
    visitor_expect(&v, WHERRY_FRAME_READY, 0);
    assert_int_equal(worker_running(f->worker), 1);
    worker_drain(f->worker);
    visitor_expect(&v, WHERRY_FRAME_GOAWAY, WHERRY_STATUS_SHUTDOWN);
    assert_false(f->drained);
    /* DATA with one byte, and END: still taken. */
    assert_int_equal(tcp_send(v.fd,
                              (const uint8_t *)"\0\0\0\1\6\0\0\0\0\0\0\1x\0\0\0\0\7\0\0\0\0\0\0\1",
                              25, false, &n),
                     RES_OK);
    visitor_expect(&v, WHERRY_FRAME_END_REPLY, WHERRY_STATUS_OK);
    leave(&v);
    served_until(f, &f->drained);
    served_expect_file(f, "new", "x", 1);
}

static void test_stop_ends_requests_of_the_file_protocol(void **state)
{
    struct served *f = *state;
    struct visitor v;

    visit(f, &v);
    ask_to_upload(&v, 1);
    visitor_expect(&v, WHERRY_FRAME_READY, 0);
    worker_stop(f->worker);
    visitor_expect(&v, WHERRY_FRAME_GOAWAY, WHERRY_STATUS_SHUTDOWN);
    served_until(f, &f->drained); /* although the visitor stays */
    assert_false(served_exists(f, "new"));
    leave(&v);
}

static void test_new_configuration_holds_for_both_doors(void **state)
{
    struct served *f = *state;
    struct config closed;
    struct visitor v;
    struct client c;

    visit(f, &v);
    closed = f->config;
    closed.write = POLICY_WRITE_NONE;
    worker_configure(f->worker, &closed);
    ask_to_upload(&v, 1);
    visitor_expect(&v, WHERRY_FRAME_END_REPLY, WHERRY_STATUS_DENIED);
    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", NULL);
    client_expect_first_error(&c, 2);
    worker_configure(f->worker, &f->config);
    ask_to_upload(&v, 2);
    visitor_expect(&v, WHERRY_FRAME_READY, 0);
    leave(&v);
    client_close(&c);
}

static void on_drained(void *arg)
{
    *(bool *)arg = true;
}

static void test_worker_of_tftp_alone_is_configured_drained_and_stopped(void **state)
{
    struct served *f = *state;
    struct endpoint endpoint = {.scheme = ENDPOINT_TFTP};
    struct addr a = {.u.in4 = {.sin_family = AF_INET}, .len = sizeof(a.u.in4)};
    bool drained = false;
    struct worker_params p = {.loop = f->loop,
                              .pool = f->pool,
                              .jail = f->jail,
                              .config = &f->config,
                              .log = &f->log,
                              .transfers = f->transfers,
                              .tftp_only = true,
                              .drained = on_drained,
                              .arg = &drained};
    struct config closed = f->config;
    struct client c;
    int fd;

    worker_free(f->worker); /* its port too, which the other one takes */
    assert_int_equal(worker_new(&f->worker, &p), RES_OK);
    a.u.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr_set_port(&a, f->port);
    assert_int_equal(udp_listen(&a, &fd), RES_OK);
    assert_int_equal(worker_listen(f->worker, fd, &endpoint), RES_OK);
    closed.write = POLICY_WRITE_NONE;
    worker_configure(f->worker, &closed);
    client_open_local(&c, f);
    client_ask(&c, WRQ, "new", "octet", NULL);
    client_expect_first_error(&c, 2);
    client_close(&c);
    start_read(f, &c);
    assert_int_equal(worker_running(f->worker), 1);
    worker_drain(f->worker);
    for (int i = 0; i < 3; i++) {
        loop_turn(f->loop, false);
    }
    assert_false(drained);
    worker_stop(f->worker);
    client_expect_error(&c, 0);
    served_until(f, &drained);
    client_close(&c);
}

#define SERVED_TEST(name) cmocka_unit_test_setup_teardown(name, served_setup, served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED_TEST(test_idle_worker_is_drained_from_the_loop),
        SERVED_TEST(test_drain_waits_for_running_transfers),
        SERVED_TEST(test_draining_worker_takes_no_requests_and_leaves_the_port),
        SERVED_TEST(test_dallying_upload_holds_up_no_drain),
        SERVED_TEST(test_stop_ends_running_transfers_with_error_0),
        SERVED_TEST(test_stop_sends_no_error_to_a_peer_that_never_answered_five_sends),
        SERVED_TEST(test_freed_worker_ends_what_runs_without_a_word),
        SERVED_TEST(test_request_without_a_descriptor_is_dropped_and_the_server_goes_on),
        SERVED_TEST(test_hundreds_of_transfers_run_at_once),
        SERVED_TEST(test_drain_waits_for_both_doors),
        SERVED_TEST(test_drain_waits_for_a_request_of_the_file_protocol),
        SERVED_TEST(test_stop_ends_requests_of_the_file_protocol),
        SERVED_TEST(test_new_configuration_holds_for_both_doors),
        SERVED_TEST(test_worker_of_tftp_alone_is_configured_drained_and_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
