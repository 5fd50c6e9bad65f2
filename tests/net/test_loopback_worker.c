/* SPDX-License-Identifier: BSD-2-Clause */
/* The worker as a whole: draining, stopping, running out of descriptors. */
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

#include "net/served.h"
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
