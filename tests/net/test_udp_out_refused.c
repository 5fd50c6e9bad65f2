/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/udp_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "net/out_story.h"

/* What is no fault of a single datagram. */
static const int joined_errors[] = {EMSGSIZE, EINVAL, EIO, EOPNOTSUPP, EPERM};
#define JOINED_ERRORS (sizeof(joined_errors) / sizeof(joined_errors[0]))

static void test_path_that_refuses_segments_gets_single_datagrams(void **state)
{
    struct out *o = *state;
    struct wherry_burst b = out_burst(1, 130, 1428, 9);

    for (size_t i = 0; i < JOINED_ERRORS; i++) {
        bool segments = true;

        o->joined_error = joined_errors[i];
        out_give_text(o, 2001, "before");
        out_give(o, 2000, &b, &segments);
        out_give_text(o, 2002, "behind");
        udp_out_flush(o->queue);
        assert_false(segments);
        assert_int_equal(o->joined, 0);
        /* Of three only the first was tried: behind the text, and twice to be sure. */
        assert_int_equal(o->joined_asked, 3);
        out_compare(o);
        out_give(o, 2000, &b, &segments);
        udp_out_flush(o->queue);
        assert_int_equal(o->joined_asked, 0);
        assert_int_equal(played.many_calls, 1);
        out_compare(o);
    }
    assert_false(o->line.full);
}

static void test_path_that_refuses_segments_changes_no_other(void **state)
{
    struct out *o = *state;
    struct wherry_burst b = out_burst(1, 10, 1428, 1428);
    bool refused = true;
    bool other = true;

    o->refused = 2000; /* refuses the single ones too */
    out_give(o, 2001, &b, &other);
    out_give(o, 2000, &b, &refused);
    out_give(o, 2001, &b, &other);
    udp_out_flush(o->queue);
    assert_false(refused);
    assert_true(other);
    assert_int_equal(o->joined, 2);
    out_forgive(o, 2000);
    out_compare(o);
}

static void test_refused_peer_loses_its_datagrams_alone(void **state)
{
    struct out *o = *state;

    o->refused = 2001;
    for (int i = 0; i < 10; i++) {
        out_give_text(o, 2000, "one");
        out_give_text(o, 2001, "vetoed");
        out_give_text(o, 2002, "two");
    }
    out_forgive(o, 2001);
    udp_out_flush(o->queue);
    out_compare(o);
    assert_false(o->line.full);
    assert_true(o->line.errors);
}

static void test_error_told_once_costs_nothing(void **state)
{
    static const int errors[] = {ECONNREFUSED, EHOSTUNREACH, EMSGSIZE, EPERM};
    struct out *o = *state;
    struct wherry_burst b = out_burst(1, 10, 1428, 1428);

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        bool segments = true;

        o->line.errors = false;
        o->once = errors[i];
        out_give(o, 2000, &b, &segments);
        udp_out_flush(o->queue);
        out_compare(o);
        assert_true(segments); /* it was about an earlier datagram */
        assert_true(o->line.errors);
        o->once = errors[i];
        out_give_text(o, 2000, "alone");
        udp_out_flush(o->queue);
        out_compare(o);
    }
}

static void test_peer_that_is_gone_does_not_disturb_others(void **state)
{
    struct out *o = *state;
    struct fixture f;
    struct addr quoted;
    struct addr peer;
    struct addr closed;
    bool unreachable = false;
    int gone = open_on("127.0.0.1", &closed);
    int fd = open_on("127.0.0.1", &peer);

    assert_int_equal(udp_batch_new(&f.batch), RES_OK);
    played.judge = NULL;
    close(gone);
    udp_out_to(o->queue, &o->line);
    udp_out_control(o->queue, &closed, (const uint8_t *)"anybody?", 8);
    udp_out_flush(o->queue);
    wait_for(o->line.fd, POLLERR);
    for (int i = 0; i < 5; i++) {
        udp_out_control(o->queue, &closed, (const uint8_t *)"anybody?", 8);
        udp_out_control(o->queue, &peer, (const uint8_t *)"hello", 5);
    }
    udp_out_flush(o->queue);
    for (int i = 0; i < 5;) {
        size_t n;

        wait_for(fd, POLLIN);
        n = receive(&f, fd);
        for (size_t j = 0; j < n; j++, i++) {
            assert_bytes(&f.packet[j], "hello");
        }
    }
    assert_true(o->line.errors);
    assert_true(udp_take_error(o->line.fd, &quoted, &unreachable));
    assert_true(unreachable);
    assert_true(addr_equal(&quoted, &closed));
    udp_batch_free(f.batch);
    close(fd);
}

/* --- full sockets --- */

static void give_mixed(struct out *o, bool *segments)
{
    struct wherry_burst b = out_burst(1, 50, 1428, 700);
    struct wherry_burst one = out_burst(5, 1, 1428, 1428);

    out_give_text(o, 2000, "first");
    out_give(o, 2001, &b, segments); /* two messages */
    out_give(o, 2002, &one, segments);
    out_give_text(o, 2003, "");
    out_give(o, 2004, &b, segments);
    out_give_text(o, 2005, "last");
}

static void test_full_socket_holds_what_is_left(void **state)
{
    static const int errors[] = {EAGAIN, ENOBUFS, ENOMEM};
    struct out *o = *state;
    bool segments = true;

    for (size_t room = 0; room < 8; room++) { /* joined, there are 8 messages */
        for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
            o->full_error = errors[i];
            o->full_after = room;
            give_mixed(o, &segments);
            udp_out_flush(o->queue);
            assert_true(o->line.full);
            assert_int_equal(o->messages, room);
            assert_false(udp_line_resume(&o->line));
            assert_int_equal(o->messages, room);
            o->full_after = SIZE_MAX;
            assert_true(udp_line_resume(&o->line));
            assert_false(o->line.full);
            assert_null(o->line.held);
            out_compare(o);
        }
    }
    assert_true(segments);
    assert_false(o->line.errors);
}

static void test_held_datagrams_leave_one_by_one_as_there_is_room(void **state)
{
    struct out *o = *state;
    bool segments = true;
    size_t wakes = 0;

    o->full_after = 0;
    give_mixed(o, &segments);
    udp_out_flush(o->queue);
    assert_true(o->line.full);
    assert_int_equal(o->left_count, 0);
    do {
        o->full_after = 1;
        wakes++;
    } while (!udp_line_resume(&o->line));
    assert_int_equal(wakes, 8);
    assert_int_equal(o->joined, 4); /* as they would have left before */
    out_compare(o);
}

static void test_full_line_keeps_the_order_of_what_is_added(void **state)
{
    struct out *o = *state;
    bool segments = true;

    o->full_after = 3;
    give_mixed(o, &segments);
    udp_out_flush(o->queue);
    assert_true(o->line.full);
    o->full_after = SIZE_MAX; /* there is room, but others were first */
    out_give_text(o, 2000, "added");
    udp_out_flush(o->queue);
    assert_int_equal(o->messages, 3);
    assert_true(udp_line_resume(&o->line));
    out_compare(o);
}

static void test_socket_fills_up_among_blocks_that_were_not_joined(void **state)
{
    struct out *o = *state;

    o->joined_error = EMSGSIZE;
    for (size_t room = 0; room <= 21; room++) {
        struct wherry_burst b = out_burst(1, 20, 1428, 700);
        bool segments = true;

        o->full_after = room;
        out_give(o, 2000, &b, &segments);
        out_give_text(o, 2001, "behind");
        udp_out_flush(o->queue);
        assert_int_equal(o->left_count, room);
        assert_int_equal(o->line.full, room < 21);
        o->full_after = 0;
        assert_int_equal(udp_line_resume(&o->line), room == 21);
        o->full_after = SIZE_MAX;
        assert_true(udp_line_resume(&o->line));
        out_compare(o);
    }
}

static void test_held_blocks_that_cannot_be_joined_leave_apart(void **state)
{
    struct out *o = *state;
    struct wherry_burst b = out_burst(1, 20, 1428, 700);
    bool segments = true;

    o->full_after = 0;
    out_give(o, 2000, &b, &segments);
    out_give_text(o, 2001, "behind");
    udp_out_flush(o->queue);
    o->joined_error = EIO;
    o->full_after = 7;
    assert_false(udp_line_resume(&o->line));
    assert_int_equal(o->left_count, 7);
    o->full_after = SIZE_MAX;
    assert_true(udp_line_resume(&o->line));
    out_compare(o);
}

static void test_held_datagram_that_is_refused_is_lost_alone(void **state)
{
    struct out *o = *state;
    bool segments = true;

    o->full_after = 0;
    give_mixed(o, &segments);
    udp_out_flush(o->queue);
    o->full_after = SIZE_MAX;
    o->refused = 2001;
    assert_true(udp_line_resume(&o->line));
    assert_true(o->line.errors);
    out_forgive(o, 2001);
    out_compare(o);
}

static void test_error_told_once_loses_nothing_held(void **state)
{
    struct out *o = *state;
    bool segments = true;

    o->full_after = 0;
    give_mixed(o, &segments);
    udp_out_flush(o->queue);
    o->full_after = SIZE_MAX;
    o->once = ECONNREFUSED;
    assert_true(udp_line_resume(&o->line));
    assert_true(o->line.errors);
    assert_int_equal(o->joined, 4);
    out_compare(o);
}

static void test_full_line_holds_no_more_than_its_bound(void **state)
{
    struct out *o = *state;
    struct wherry_burst b = out_burst(1, 40, 1428, 1428);
    size_t bytes = 0;
    bool segments = true;

    o->full_after = 0;
    for (uint16_t i = 0; i < 20; i++) { /* over a megabyte */
        out_give(o, (uint16_t)(FIRST_PORT + i), &b, &segments);
        udp_out_flush(o->queue);
    }
    o->full_after = SIZE_MAX;
    assert_true(udp_line_resume(&o->line));
    for (size_t i = 0; i < o->left_count; i++) {
        bytes += o->left[i].len;
    }
    assert_true(bytes <= UDP_OUT_HELD_BYTES);
    assert_true(bytes > UDP_OUT_HELD_BYTES * 3 / 4);
    assert_int_equal(o->left_count % 40, 0);
    o->want_count = o->left_count; /* the first ones */
    out_compare(o);
}

static void test_cleared_line_forgets_what_was_held(void **state)
{
    struct out *o = *state;
    bool segments = true;

    o->full_after = 0;
    give_mixed(o, &segments);
    udp_out_flush(o->queue);
    udp_line_clear(&o->line);
    assert_false(o->line.full);
    o->full_after = SIZE_MAX;
    assert_true(udp_line_resume(&o->line));
    o->want_count = 0;
    out_compare(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUT_TEST(test_path_that_refuses_segments_gets_single_datagrams),
        OUT_TEST(test_path_that_refuses_segments_changes_no_other),
        OUT_TEST(test_refused_peer_loses_its_datagrams_alone),
        OUT_TEST(test_error_told_once_costs_nothing),
        OUT_TEST(test_peer_that_is_gone_does_not_disturb_others),
        OUT_TEST(test_full_socket_holds_what_is_left),
        OUT_TEST_SINGLE(test_full_socket_holds_what_is_left),
        OUT_TEST(test_held_datagrams_leave_one_by_one_as_there_is_room),
        OUT_TEST(test_full_line_keeps_the_order_of_what_is_added),
        OUT_TEST_SINGLE(test_full_line_keeps_the_order_of_what_is_added),
        OUT_TEST(test_socket_fills_up_among_blocks_that_were_not_joined),
        OUT_TEST(test_held_blocks_that_cannot_be_joined_leave_apart),
        OUT_TEST(test_held_datagram_that_is_refused_is_lost_alone),
        OUT_TEST(test_error_told_once_loses_nothing_held),
        OUT_TEST(test_full_line_holds_no_more_than_its_bound),
        OUT_TEST(test_cleared_line_forgets_what_was_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
