/* SPDX-License-Identifier: BSD-2-Clause */
/* LIST over a connection: frames of entries, room for them, and ends. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/tcp_served.h"
#include "support/scratch.h"

enum {
    MANY = 20000, /* of 250 bytes: more than the sockets of a client that does not read hold */
    NAME_BYTES = 250
};

static void many_name(char name[NAME_BYTES + 1], unsigned i)
{
    (void)snprintf(name, NAME_BYTES + 1, "%0*u", NAME_BYTES, i);
}

static void make_many(void)
{
    char path[5 + NAME_BYTES + 1] = "many/";

    scratch_dir("many");
    for (unsigned i = 0; i < MANY; i++) {
        int fd;

        many_name(path + 5, i);
        fd = open(path, O_CREAT | O_WRONLY, 0644);
        assert_true(fd >= 0);
        assert_int_equal(close(fd), 0);
    }
}

/* The entries of the frame received last. first: of make_many(). Returns how many. */
static unsigned expect_many(const struct tcp_client *c, unsigned first)
{
    struct wherry_view rest = c->payload;
    struct wherry_message_entry e;
    char name[NAME_BYTES + 1];
    unsigned n = 0;

    assert_true(rest.len > 0); /* no frame is empty */
    while (rest.len > 0) {
        assert_int_equal(wherry_message_next_entry(&rest, &e), RES_OK);
        many_name(name, first + n++);
        assert_int_equal(e.name.len, NAME_BYTES);
        assert_memory_equal(e.name.bytes, name, NAME_BYTES);
        assert_int_equal(e.kind, WHERRY_KIND_FILE);
    }
    return n;
}

static void expect_entry(struct wherry_view *rest, enum wherry_kind kind, uint64_t size,
                         const char *name)
{
    struct wherry_message_entry e;

    assert_int_equal(wherry_message_next_entry(rest, &e), RES_OK);
    assert_int_equal(e.name.len, strlen(name));
    assert_memory_equal(e.name.bytes, name, e.name.len);
    assert_int_equal(e.kind, kind);
    assert_int_equal(e.size, size);
}

/* --- what is said --- */

static void test_entries_come_sorted_then_the_end(void **state)
{
    struct wherry_view rest;
    struct tcp_client c;
    const char *line;

    scratch_file("b\\c", "12345");
    scratch_dir("a");
    scratch_file("new\nline", "1");
    scratch_file(".wherry-hidden", "");
    tcp_client_greet(&c, *state);
    tcp_client_list(&c, 7, "", "");
    tcp_client_expect(&c, WHERRY_FRAME_ENTRIES, 7);
    rest = c.payload;
    expect_entry(&rest, WHERRY_KIND_DIRECTORY, 0, "a");
    expect_entry(&rest, WHERRY_KIND_FILE, 5, "b\\c");
    expect_entry(&rest, WHERRY_KIND_FILE, 1, "new\nline");
    assert_int_equal(rest.len, 0);
    tcp_client_expect_end(&c, 7, WHERRY_STATUS_OK);
    line = tcp_served_line(*state, "done op=list via=wherry peer=127.0.0.1:");
    assert_non_null(strstr(line, "name=\"\""));
    tcp_client_close(&c);
}

static void test_an_empty_directory_is_just_an_end(void **state)
{
    struct tcp_client c;

    scratch_dir("empty");
    tcp_client_greet(&c, *state);
    tcp_client_list(&c, 1, "empty", "");
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OK);
    tcp_client_close(&c);
}

static void test_start_after_is_left_out(void **state)
{
    struct wherry_view rest;
    struct tcp_client c;

    scratch_dir("dir");
    scratch_file("dir/a", "");
    scratch_file("dir/b", "");
    scratch_file("dir/c", "");
    tcp_client_greet(&c, *state);
    tcp_client_list(&c, 1, "dir", "b");
    tcp_client_expect(&c, WHERRY_FRAME_ENTRIES, 1);
    rest = c.payload;
    expect_entry(&rest, WHERRY_KIND_FILE, 0, "c");
    assert_int_equal(rest.len, 0);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OK);
    tcp_client_list(&c, 2, "dir", "c");
    tcp_client_expect_end(&c, 2, WHERRY_STATUS_OK);
    tcp_client_close(&c);
}

static void test_what_cannot_be_listed_is_refused_and_the_connection_goes_on(void **state)
{
    struct tcp_client c;

    scratch_file("file", "");
    tcp_client_greet(&c, *state);
    tcp_client_list(&c, 1, "file", "");
    tcp_client_list(&c, 2, "absent", "");
    tcp_client_list(&c, 3, "../", "");
    tcp_client_list(&c, 4, "", "");
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_NOT_FOUND);
    tcp_client_expect_end(&c, 2, WHERRY_STATUS_NOT_FOUND);
    tcp_client_expect_end(&c, 3, WHERRY_STATUS_NAME);
    tcp_client_expect(&c, WHERRY_FRAME_ENTRIES, 4);
    tcp_client_expect_end(&c, 4, WHERRY_STATUS_OK);
    tcp_served_line(*state, "missing op=list via=wherry ");
    tcp_client_close(&c);
}

/* --- room --- */

static void test_a_large_directory_takes_many_frames(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;
    unsigned n = 0;
    unsigned frames = 0;

    make_many();
    tcp_client_greet(&c, f);
    tcp_client_list(&c, 1, "many", "");
    tcp_client_path(&c, WHERRY_FRAME_STAT, 2, "many");
    while (n < MANY) {
        tcp_client_expect(&c, WHERRY_FRAME_ENTRIES, 1);
        assert_true(c.payload.len <= f->config.output_max);
        n += expect_many(&c, n);
        frames++;
    }
    assert_true(frames >= MANY * NAME_BYTES / f->config.output_max);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OK);
    tcp_client_expect(&c, WHERRY_FRAME_INFO, 2);
    tcp_client_expect_end(&c, 2, WHERRY_STATUS_OK);
    assert_int_equal(listings_held(f->room.listings), 0);
    tcp_client_close(&c);
}

/* A client that asked for many and does not read: the server waits. */
static void ask_and_do_not_read(struct tcp_client *c, struct tcp_served *f)
{
    make_many();
    tcp_client_greet(c, f);
    tcp_client_list(c, 1, "many", "");
    tcp_served_settle(f);
    assert_int_equal(listings_held(f->room.listings), 1);
    assert_int_equal(tcp_served_line_count(f, "done op=list"), 0);
}

static void test_a_client_that_does_not_read_holds_no_more_than_its_output(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;
    unsigned n = 0;

    ask_and_do_not_read(&c, f);
    assert_true(wherry_exchange_held_bytes(tcp_served_newest(f)->exchange) <=
                f->config.output_max + WHERRY_MESSAGE_BYTES);
    while (n < MANY) {
        tcp_client_expect(&c, WHERRY_FRAME_ENTRIES, 1);
        n += expect_many(&c, n);
    }
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OK);
    tcp_client_close(&c);
}

static void test_more_directories_than_may_be_read_at_once_are_busy(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client slow;
    struct tcp_client c;

    scratch_dir("other");
    scratch_file("other/file", "");
    listings_limit(f->room.listings, 1);
    ask_and_do_not_read(&slow, f);
    tcp_client_greet(&c, f);
    tcp_client_list(&c, 1, "other", "");
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_BUSY);
    tcp_client_close(&slow);
    tcp_served_connections(f, 1);
    tcp_client_list(&c, 2, "other", "");
    tcp_client_expect(&c, WHERRY_FRAME_ENTRIES, 2);
    tcp_client_expect_end(&c, 2, WHERRY_STATUS_OK);
    tcp_client_close(&c);
}

/* --- ends --- */

static void test_cancel_ends_a_listing_between_two_frames(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;
    unsigned n = 0;

    ask_and_do_not_read(&c, f);
    tcp_client_frame(&c, WHERRY_FRAME_CANCEL, 1, NULL, 0);
    tcp_served_settle(f);
    assert_int_equal(listings_held(f->room.listings), 0); /* before anything is read */
    for (;;) {
        tcp_client_receive(&c);
        if (c.frame.type != WHERRY_FRAME_ENTRIES) {
            break;
        }
        n += expect_many(&c, n);
    }
    assert_int_equal(c.frame.type, WHERRY_FRAME_END_REPLY);
    assert_int_equal(c.frame.status, WHERRY_STATUS_CANCELLED);
    assert_true(n < MANY);
    tcp_client_list(&c, 2, "many", "absurd");
    tcp_client_expect_end(&c, 2, WHERRY_STATUS_OK);
    tcp_client_close(&c);
}

static void test_cancel_ends_a_listing_that_is_not_open_yet(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    scratch_dir("dir");
    tcp_client_greet(&c, f);
    /* LIST 1 of "dir" and CANCEL in one piece: nobody can be faster. */
    tcp_client_send(&c, "\0\0\0\7\2\0\0\0\0\0\0\1\0\3dir\0\0\0\0\0\0\10\0\0\0\0\0\0\1", 31);
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_CANCELLED);
    tcp_served_settle(f);
    assert_int_equal(listings_held(f->room.listings), 0);
    tcp_client_list(&c, 1, "dir", "");
    tcp_client_expect_end(&c, 1, WHERRY_STATUS_OK);
    tcp_client_close(&c);
}

static void test_a_client_that_goes_away_leaves_no_snapshot(void **state)
{
    struct tcp_served *f = *state;
    struct tcp_client c;

    ask_and_do_not_read(&c, f);
    tcp_client_reset(&c);
    tcp_served_connections(f, 0);
    tcp_served_settle(f);
    assert_int_equal(listings_held(f->room.listings), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tcp_served_setup, tcp_served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_entries_come_sorted_then_the_end),
        TEST(test_an_empty_directory_is_just_an_end),
        TEST(test_start_after_is_left_out),
        TEST(test_what_cannot_be_listed_is_refused_and_the_connection_goes_on),
        TEST(test_a_large_directory_takes_many_frames),
        TEST(test_a_client_that_does_not_read_holds_no_more_than_its_output),
        TEST(test_more_directories_than_may_be_read_at_once_are_busy),
        TEST(test_cancel_ends_a_listing_between_two_frames),
        TEST(test_cancel_ends_a_listing_that_is_not_open_yet),
        TEST(test_a_client_that_goes_away_leaves_no_snapshot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
