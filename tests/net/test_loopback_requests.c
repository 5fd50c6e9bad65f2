/* SPDX-License-Identifier: BSD-2-Clause */
/* What a request leads to: answers, refusals, and requests that come again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "net/served.h"
#include "net/udp.h"

static void expect_refusal(struct served *f, const char *name, const char *mode, unsigned code)
{
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, RRQ, name, mode, NULL);
    client_expect_first_error(&c, code);
    client_close(&c);
}

static void expect_malformed(struct served *f, const char *bytes, size_t len, unsigned code)
{
    struct client c;
    size_t before = served_line_count(f, "refused ");

    client_open_local(&c, f);
    client_send(&c, &c.server, bytes, len);
    client_expect_first_error(&c, code);
    assert_int_equal(served_line_count(f, "refused "), before + 1);
    client_close(&c);
}

/* --- one request, one answer --- */

static void test_small_file_is_read_and_logged_as_done(void **state)
{
    struct served *f = *state;
    struct client c;
    const char *line;

    served_file(f, "greeting", "hello", 5);
    client_open_local(&c, f);
    client_ask(&c, RRQ, "greeting", "octet", NULL);
    client_expect_first_data(&c, 1, 5);
    assert_memory_equal(c.packet + 4, "hello", 5);
    client_ack(&c, 1);
    line = served_line(f, "done op=read");
    assert_non_null(strstr(line, "name=\"greeting\""));
    assert_non_null(strstr(line, "bytes=5"));
    assert_int_equal(worker_running(f->worker), 0);
    client_close(&c);
}

static void test_transfer_has_a_port_of_its_own(void **state)
{
    struct served *f = *state;
    struct client a, b;

    f->config.transfer_ports = TRANSFER_PORTS_OWN;
    served_file(f, "x", "x", 1);
    client_open_local(&a, f);
    client_open_local(&b, f);
    client_ask(&a, RRQ, "x", "octet", NULL);
    client_ask(&b, RRQ, "x", "octet", NULL);
    client_expect_first_data(&a, 1, 1);
    client_expect_first_data(&b, 1, 1);
    assert_int_not_equal(addr_port(&a.tid), f->port);
    assert_int_not_equal(addr_port(&b.tid), f->port);
    assert_int_not_equal(addr_port(&a.tid), addr_port(&b.tid));
    client_close(&a);
    client_close(&b);
}

static void test_reply_leaves_from_the_address_that_was_asked(void **state)
{
    struct served *f = *state;
    struct client c;
    struct addr asked;

    served_file(f, "x", "x", 1);
    client_open(&c, f, "127.0.0.1", "127.0.0.2");
    client_ask(&c, RRQ, "x", "octet", NULL);
    client_expect_first_data(&c, 1, 1);
    asked = c.server;
    assert_true(addr_same_host(&asked, &c.tid));
    client_ack(&c, 1);
    served_line(f, "done op=read peer=127.0.0.1:");
    client_close(&c);
}

static void test_refusal_leaves_from_the_address_that_was_asked(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open(&c, f, "127.0.0.1", "127.0.0.2");
    client_ask(&c, RRQ, "absent", "octet", NULL);
    client_expect_first_error(&c, 1);
    assert_true(addr_same_host(&c.server, &c.tid));
    client_close(&c);
}

static void test_ipv6_client_is_served(void **state)
{
    struct served *f = *state;
    struct client c;

    if (!f->ipv6) {
        skip();
    }
    served_file(f, "x", "x", 1);
    client_open(&c, f, "::1", "::1");
    client_ask(&c, RRQ, "x", "octet", NULL);
    client_expect_first_data(&c, 1, 1);
    client_ack(&c, 1);
    served_line(f, "done op=read peer=[::1]:");
    client_close(&c);
}

static void test_missing_file_is_error_1_and_logged_as_missing(void **state)
{
    struct served *f = *state;

    expect_refusal(f, "absent", "octet", 1);
    assert_non_null(strstr(served_line(f, "missing op=read"), "name=\"absent\""));
}

static void test_directory_is_error_1(void **state)
{
    struct served *f = *state;
    char path[256];

    assert_int_equal(mkdir(served_path(f, "dir", path, sizeof(path)), 0755), 0);
    expect_refusal(f, "dir", "octet", 1);
    served_line(f, "missing op=read");
}

static void test_forbidden_names_are_error_2(void **state)
{
    struct served *f = *state;
    char path[256];

    expect_refusal(f, "../passwd", "octet", 2);
    expect_refusal(f, "a/../../b", "octet", 2);
    expect_refusal(f, ".wherry-abc", "octet", 2);
    assert_int_equal(mkfifo(served_path(f, "pipe", path, sizeof(path)), 0644), 0);
    expect_refusal(f, "pipe", "octet", 2);
    assert_int_equal(served_line_count(f, "refused op=read"), 4);
}

static void test_error_texts_name_no_path_of_the_server(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open_local(&c, f);
    client_ask(&c, RRQ, "absent", "octet", NULL);
    client_expect_first_error(&c, 1);
    assert_null(strchr(client_text(&c), '/'));
    client_close(&c);
}

static void test_unknown_modes_and_mail_are_error_4(void **state)
{
    struct served *f = *state;

    served_file(f, "x", "x", 1);
    expect_refusal(f, "x", "mail", 4);
    expect_refusal(f, "x", "binary", 4);
    assert_non_null(strstr(served_line(f, "refused op=read"), "name=\"x\""));
    assert_int_equal(served_line_count(f, "refused "), 2);
}

static void test_modes_are_known_in_any_case(void **state)
{
    struct served *f = *state;
    struct client c;

    served_file(f, "x", "x", 1);
    client_open_local(&c, f);
    client_ask(&c, RRQ, "x", "OcTeT", NULL);
    client_expect_first_data(&c, 1, 1);
    client_close(&c);
}

static void test_malformed_request_is_error_4(void **state)
{
    struct served *f = *state;

    expect_malformed(f, "\0\1name", 6, 4);
    expect_malformed(f, "\0\1name\0octet", 12, 4);
    expect_malformed(f, "\0\2", 2, 4);
    assert_non_null(served_line(f, "refused op=write"));
}

static void test_option_without_its_nul_is_error_8(void **state)
{
    struct served *f = *state;

    served_file(f, "x", "x", 1);
    expect_malformed(f,
                     "\0\1x\0octet\0blksize\0"
                     "1024",
                     22, 8);
}

static void test_padded_and_long_requests_are_served(void **state)
{
    struct served *f = *state;
    struct client c;
    uint8_t padded[512] = "\0\1x\0octet";
    uint8_t padded_long[2000] = "\0\1x\0octet";

    served_file(f, "x", "x", 1);
    client_open_local(&c, f);
    client_send(&c, &c.server, padded, sizeof(padded));
    client_expect_first_data(&c, 1, 1);
    client_ack(&c, 1);
    served_line(f, "done ");
    client_send(&c, &c.server, padded_long, sizeof(padded_long));
    client_expect_first_data(&c, 1, 1);
    client_close(&c);
}

static void test_anything_but_a_request_is_dropped_without_a_word(void **state)
{
    struct served *f = *state;
    struct client c;

    client_open_local(&c, f);
    client_send(&c, &c.server, "\0\3\0\1data", 8);
    client_send(&c, &c.server, "\0\4\0\1", 4);
    client_send(&c, &c.server, "\0\5\0\0error", 10);
    client_send(&c, &c.server,
                "\0\6blksize\0"
                "8\0",
                12);
    client_send(&c, &c.server, "\0\0x\0octet", 10);
    client_send(&c, &c.server, "\0\11x\0octet", 10);
    client_send(&c, &c.server, "\1\1x\0octet", 10);
    client_send(&c, &c.server, "\0", 1);
    client_send(&c, &c.server, "", 0);
    client_expect_silence(&c);
    assert_int_equal(f->lines, served_line_count(f, "missing ")); /* the bystander's */
    client_close(&c);
}

static void test_broadcast_request_is_dropped(void **state)
{
    struct served *f = *state;
    struct client c;

    served_file(f, "x", "x", 1);
    client_open(&c, f, "127.0.0.1", "127.255.255.255");
    client_ask(&c, RRQ, "x", "octet", NULL);
    client_ask(&c, RRQ, "absent", "octet", NULL);
    client_expect_silence(&c);
    client_close(&c);
}

static void test_broadcast_request_is_answered_where_allowed(void **state)
{
    struct served *f = *state;
    struct client c;

    f->config.broadcast_answer = true;
    served_file(f, "x", "x", 1);
    client_open(&c, f, "127.0.0.1", "127.255.255.255");
    client_ask(&c, RRQ, "x", "octet", NULL);
    client_expect_first_data(&c, 1, 1);
    assert_false(addr_same_host(&c.server, &c.tid)); /* from an address of the interface */
    client_ack(&c, 1);
    served_line(f, "done ");
    client_close(&c);
}

/* --- the same request again --- */

static void test_repeated_request_gets_its_first_answer_again(void **state)
{
    struct served *f = *state;
    struct client c;

    served_pattern(f, "file", 1000);
    client_open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", NULL);
    client_expect_first_data(&c, 1, 512);
    client_ask(&c, RRQ, "file", "octet", NULL);
    client_expect_data(&c, 1, 512); /* from the same TID */
    assert_int_equal(worker_running(f->worker), 1);
    client_ack(&c, 1);
    client_expect_data(&c, 2, 488);
    client_ack(&c, 2);
    served_line(f, "done ");
    client_expect_silence(&c);
    assert_int_equal(served_line_count(f, "done "), 1);
    client_close(&c);
}

static void test_repeated_request_gets_the_oack_again(void **state)
{
    struct served *f = *state;
    struct client c;

    served_pattern(f, "file", 1000);
    client_open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", "blksize", "600", NULL);
    client_expect_first_oack(&c, "blksize=600");
    client_ask(&c, RRQ, "file", "octet", "blksize", "600", NULL);
    client_expect_oack(&c, "blksize=600");
    assert_int_equal(worker_running(f->worker), 1);
    client_close(&c);
}

static void test_repeated_requests_count_among_the_sends_to_a_silent_peer(void **state)
{
    struct served *f = *state;
    struct client c;

    served_pattern(f, "file", 1000);
    client_open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", NULL);
    client_expect_first_data(&c, 1, 512);
    for (int sends = 2; sends <= 5; sends++) {
        client_ask(&c, RRQ, "file", "octet", NULL);
        client_expect_data(&c, 1, 512);
    }
    client_ask(&c, RRQ, "file", "octet", NULL);
    client_expect_silence(&c); /* an address that never answers gets 5 datagrams at most */
    client_close(&c);
}

/* The first transfer has moved on when the request comes again; returns with both under way. */
static void start_two(struct served *f, struct client *c, struct addr *ret_first)
{
    served_pattern(f, "file", 1500);
    client_open_local(c, f);
    client_ask(c, RRQ, "file", "octet", NULL);
    client_expect_first_data(c, 1, 512);
    client_ack(c, 1);
    client_expect_data(c, 2, 512);
    *ret_first = c->tid;
    client_ask(c, RRQ, "file", "octet", NULL);
    client_expect_first_data(c, 1, 512);
    assert_false(addr_equal(ret_first, &c->tid));
    assert_int_equal(worker_running(f->worker), 2);
}

static void test_second_transfer_ends_the_first_when_the_client_speaks_to_it(void **state)
{
    struct served *f = *state;
    struct client c;
    struct addr first;

    start_two(f, &c, &first);
    client_ack(&c, 1);
    client_expect_data(&c, 2, 512);
    served_line(f, "aborted op=read");
    assert_int_equal(worker_running(f->worker), 1);
    client_ack(&c, 2);
    client_expect_data(&c, 3, 476);
    client_ack(&c, 3);
    served_line(f, "done op=read");
    client_close(&c);
}

static void test_first_transfer_goes_on_beside_a_second_that_is_not_spoken_to(void **state)
{
    struct served *f = *state;
    struct client c;
    struct addr first;

    start_two(f, &c, &first);
    c.tid = first;
    client_ack(&c, 2);
    client_expect_data(&c, 3, 476);
    client_ack(&c, 3);
    served_line(f, "done op=read");
    assert_int_equal(served_line_count(f, "aborted "), 0);
    client_close(&c);
}

static void test_first_transfer_survives_when_the_client_turns_the_second_down(void **state)
{
    struct served *f = *state;
    struct client c;
    struct addr first;

    start_two(f, &c, &first);
    client_error(&c, 5, "unknown transfer ID"); /* RFC 1350: so does a client with a first TID */
    served_line(f, "aborted op=read");
    assert_int_equal(worker_running(f->worker), 1);
    c.tid = first;
    client_ack(&c, 2);
    client_expect_data(&c, 3, 476);
    client_ack(&c, 3);
    served_line(f, "done op=read");
    client_close(&c);
}

static void test_second_transfer_is_given_up_like_any_unanswered_one(void **state)
{
    struct served *f = *state;
    struct client c;

    served_pattern(f, "file", 1500);
    client_open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", "utimeout", "10000", NULL);
    client_expect_first_oack(&c, "utimeout=10000");
    client_ack(&c, 0);
    client_expect_data(&c, 1, 512);
    client_ask(&c, RRQ, "file", "octet", "utimeout", "10000", NULL);
    served_line(f, "timeout op=read"); /* 5 sends at 10 ms */
    assert_int_equal(worker_running(f->worker), 1);
    client_close(&c);
}

static void test_request_finds_the_first_transfer_again_after_the_second_is_gone(void **state)
{
    struct served *f = *state;
    struct client c;
    struct addr first;

    start_two(f, &c, &first);
    client_error(&c, 5, "unknown transfer ID");
    served_line(f, "aborted op=read");
    client_ask(&c, RRQ, "other", "octet", NULL); /* ends it */
    client_expect_first_error(&c, 1);
    assert_int_equal(served_line_count(f, "aborted op=read"), 2);
    assert_int_equal(worker_running(f->worker), 0);
    client_close(&c);
}

static void test_different_request_ends_the_old_transfer_at_once(void **state)
{
    struct served *f = *state;
    struct client c;
    struct addr first;

    served_pattern(f, "file", 1500);
    served_file(f, "other", "other", 5);
    client_open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", NULL);
    client_expect_first_data(&c, 1, 512);
    client_ack(&c, 1);
    client_expect_data(&c, 2, 512);
    first = c.tid;
    client_ask(&c, RRQ, "other", "octet", NULL);
    client_expect_first_data(&c, 1, 5);
    assert_false(addr_equal(&first, &c.tid));
    assert_int_equal(served_line_count(f, "aborted op=read"), 1);
    client_ack(&c, 1);
    assert_non_null(strstr(served_line(f, "done op=read"), "name=\"other\""));
    client_close(&c);
}

static void test_different_request_ends_both_of_two_equal_transfers(void **state)
{
    struct served *f = *state;
    struct client c;
    struct addr first;

    start_two(f, &c, &first);
    served_file(f, "other", "other", 5);
    client_ask(&c, RRQ, "other", "octet", NULL);
    client_expect_first_data(&c, 1, 5);
    assert_int_equal(served_line_count(f, "aborted op=read"), 2);
    assert_int_equal(worker_running(f->worker), 1);
    client_close(&c);
}

static void test_request_that_overtakes_the_last_ack_leaves_the_old_one_done(void **state)
{
    struct served *f = *state;
    struct client c;

    served_pattern(f, "file", 600);
    served_file(f, "other", "other", 5);
    client_open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", NULL);
    client_expect_first_data(&c, 1, 512);
    client_ack(&c, 1);
    client_expect_data(&c, 2, 88);
    client_ask(&c, RRQ, "other", "octet", NULL);
    client_expect_first_data(&c, 1, 5);
    assert_non_null(strstr(served_line(f, "done op=read"), "name=\"file\""));
    assert_int_equal(served_line_count(f, "aborted "), 0);
    client_close(&c);
}

static void test_equal_requests_of_two_clients_are_two_transfers(void **state)
{
    struct served *f = *state;
    struct client a, b;

    served_pattern(f, "file", 600);
    client_open_local(&a, f);
    client_open_local(&b, f);
    client_ask(&a, RRQ, "file", "octet", NULL);
    client_expect_first_data(&a, 1, 512);
    client_ask(&b, RRQ, "file", "octet", NULL);
    client_expect_first_data(&b, 1, 512);
    client_ack(&a, 1);
    client_expect_data(&a, 2, 88);
    client_ack(&b, 1);
    client_expect_data(&b, 2, 88);
    client_ack(&a, 2);
    client_ack(&b, 2);
    served_settle(f);
    assert_int_equal(served_line_count(f, "done op=read"), 2);
    client_close(&a);
    client_close(&b);
}

static void test_equal_requests_to_two_addresses_are_two_transfers(void **state)
{
    struct served *f = *state;
    struct client c;
    struct addr first;
    struct addr other;

    served_pattern(f, "file", 600);
    client_open(&c, f, "127.0.0.1", "127.0.0.2");
    other = c.server;
    client_close(&c);
    client_open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", NULL);
    client_expect_first_data(&c, 1, 512);
    first = c.tid;
    c.server = other; /* asked from the same port */
    client_ask(&c, RRQ, "file", "octet", NULL);
    client_expect_first_data(&c, 1, 512);
    assert_true(addr_same_host(&c.tid, &other));
    assert_false(addr_equal(&c.tid, &first));
    assert_int_equal(worker_running(f->worker), 2);
    client_close(&c);
}

static void test_equal_requests_to_two_endpoints_are_two_transfers(void **state)
{
    struct served *f = *state;
    struct endpoint endpoint = {.scheme = ENDPOINT_TFTP};
    struct addr second = {.u.in4 = {.sin_family = AF_INET}, .len = sizeof(second.u.in4)};
    struct client c;
    struct addr first;
    int fd;

    served_pattern(f, "file", 600);
    assert_int_equal(udp_listen(&second, &fd), RES_OK);
    assert_int_equal(worker_listen(f->worker, fd, &endpoint), RES_OK);
    assert_int_equal(getsockname(fd, &second.u.sa, &second.len), 0);
    client_open_local(&c, f);
    client_ask(&c, RRQ, "file", "octet", NULL);
    client_expect_first_data(&c, 1, 512);
    first = c.tid;
    addr_set_port(&c.server, addr_port(&second));
    client_ask(&c, RRQ, "file", "octet", NULL);
    client_expect_first_data(&c, 1, 512);
    assert_false(addr_equal(&c.tid, &first));
    assert_int_equal(worker_running(f->worker), 2);
    client_close(&c);
}

static void test_client_meets_no_port_again_within_ten_seconds(void **state)
{
    struct served *f = *state;
    static bool met[65536];
    struct client c;

    /* Of 28,232 ports a random choice within 1,000 repeats itself with probability 0.9999, also if
     * only every other port is free to be chosen again. */
    memset(met, 0, sizeof(met));
    client_open_local(&c, f);
    for (int i = 0; i < 1000; i++) {
        bool transfer = i % 2 == 0; /* refused by a transfer, or before there is one */

        client_ask(&c, RRQ, "absent", transfer ? "octet" : "mail", NULL);
        client_expect_first_error(&c, transfer ? 1 : 4);
        assert_false(met[addr_port(&c.tid)]);
        met[addr_port(&c.tid)] = true;
    }
    client_close(&c);
}

#define SERVED_TEST(name) cmocka_unit_test_setup_teardown(name, served_setup, served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED_TEST(test_small_file_is_read_and_logged_as_done),
        SERVED_TEST(test_transfer_has_a_port_of_its_own),
        SERVED_TEST(test_reply_leaves_from_the_address_that_was_asked),
        SERVED_TEST(test_refusal_leaves_from_the_address_that_was_asked),
        SERVED_TEST(test_ipv6_client_is_served),
        SERVED_TEST(test_missing_file_is_error_1_and_logged_as_missing),
        SERVED_TEST(test_directory_is_error_1),
        SERVED_TEST(test_forbidden_names_are_error_2),
        SERVED_TEST(test_error_texts_name_no_path_of_the_server),
        SERVED_TEST(test_unknown_modes_and_mail_are_error_4),
        SERVED_TEST(test_modes_are_known_in_any_case),
        SERVED_TEST(test_malformed_request_is_error_4),
        SERVED_TEST(test_option_without_its_nul_is_error_8),
        SERVED_TEST(test_padded_and_long_requests_are_served),
        SERVED_TEST(test_anything_but_a_request_is_dropped_without_a_word),
        SERVED_TEST(test_broadcast_request_is_dropped),
        SERVED_TEST(test_broadcast_request_is_answered_where_allowed),
        SERVED_TEST(test_repeated_request_gets_its_first_answer_again),
        SERVED_TEST(test_repeated_request_gets_the_oack_again),
        SERVED_TEST(test_repeated_requests_count_among_the_sends_to_a_silent_peer),
        SERVED_TEST(test_second_transfer_ends_the_first_when_the_client_speaks_to_it),
        SERVED_TEST(test_first_transfer_goes_on_beside_a_second_that_is_not_spoken_to),
        SERVED_TEST(test_first_transfer_survives_when_the_client_turns_the_second_down),
        SERVED_TEST(test_second_transfer_is_given_up_like_any_unanswered_one),
        SERVED_TEST(test_request_finds_the_first_transfer_again_after_the_second_is_gone),
        SERVED_TEST(test_different_request_ends_the_old_transfer_at_once),
        SERVED_TEST(test_different_request_ends_both_of_two_equal_transfers),
        SERVED_TEST(test_request_that_overtakes_the_last_ack_leaves_the_old_one_done),
        SERVED_TEST(test_equal_requests_of_two_clients_are_two_transfers),
        SERVED_TEST(test_equal_requests_to_two_addresses_are_two_transfers),
        SERVED_TEST(test_equal_requests_to_two_endpoints_are_two_transfers),
        SERVED_TEST(test_client_meets_no_port_again_within_ten_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
