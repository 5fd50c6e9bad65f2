/* SPDX-License-Identifier: BSD-2-Clause */
/* `wherry get` of single files against a server of the file protocol that follows a script. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/scripted_tcp.h"

#define ALL UINT64_MAX
#define V 7 /* of the validator */

/* Statuses as the protocol numbers them. */
#define OK 0
#define NOT_FOUND 2
#define DENIED 3
#define CHANGED 12
#define CANCELLED 16
#define SHUTDOWN 17
#define IS_DIR 18

/* What the program said lies in the scratch directory too. */
#define OUTPUT_FILES 2

static void start(struct scripted_tcp *s, const char *words)
{
    program_start(&s->program, words);
}

static void ends(struct scripted_tcp *s, int code)
{
    program_ends(&s->program, code);
}

/* A whole file is asked for and sent. */
static void serve(struct scripted_tcp *s, const char *path, const char *text)
{
    size_t len = strlen(text);

    scripted_tcp_take_get(s, path, 0, ALL, -1);
    scripted_tcp_get_reply(s, len, 0, len, V);
    if (len > 0) {
        scripted_tcp_data(s, text, len);
    }
    scripted_tcp_end(s, OK, "");
}

static void nothing_is_left(void)
{
    assert_int_equal(scratch_count("."), OUTPUT_FILES);
}

/* --- where the bytes go --- */

static void test_a_file_is_fetched_without_a_word(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get URL/boot/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "boot/x", 0, ALL, -1);
    scripted_tcp_get_reply(s, 11, 0, 11, V);
    scripted_tcp_data(s, "hello ", 6);
    scripted_tcp_data(s, "world", 5);
    scripted_tcp_end(s, OK, "");
    ends(s, 0);
    program_file_is("x", "hello world", 11);
    program_file_is("stdout", "", 0);
    program_file_is("stderr", "", 0);
    assert_int_equal(scratch_count("."), OUTPUT_FILES + 1);
}

static void test_an_empty_file_is_fetched(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get URL/x");
    scripted_tcp_greet(s);
    serve(s, "x", "");
    ends(s, 0);
    program_file_is("x", "", 0);
}

static void test_a_large_file_comes_whole(void **state)
{
    struct scripted_tcp *s = *state;
    const size_t len = 1u << 20;
    const uint8_t *bytes = program_pattern(len);

    start(s, "get URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 0, ALL, -1);
    scripted_tcp_get_reply(s, len, 0, len, V);
    scripted_tcp_data(s, bytes, 1);
    scripted_tcp_data(s, bytes + 1, 700000);
    scripted_tcp_data(s, bytes + 700001, len - 700001);
    scripted_tcp_end(s, OK, "");
    ends(s, 0);
    program_file_is("x", bytes, len);
}

static void test_local_may_be_a_name_a_directory_or_standard_output(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("sub");
    start(s, "get URL/x other");
    scripted_tcp_greet(s);
    serve(s, "x", "one");
    ends(s, 0);
    program_file_is("other", "one", 3);
    start(s, "get URL/x sub");
    scripted_tcp_greet(s);
    serve(s, "x", "two");
    ends(s, 0);
    program_file_is("sub/x", "two", 3);
    start(s, "get URL/x -");
    scripted_tcp_greet(s);
    serve(s, "x", "three");
    ends(s, 0);
    program_file_is("stdout", "three", 5);
    scratch_absent("x");
}

static void test_the_old_file_stays_until_the_new_one_is_whole(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_file("x", "old");
    start(s, "get URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 0, ALL, -1);
    scratch_holds("x", "old");
    scripted_tcp_get_reply(s, 3, 0, 3, V);
    scripted_tcp_data(s, "new", 3);
    scratch_holds("x", "old");
    scripted_tcp_end(s, OK, "");
    ends(s, 0);
    scratch_holds("x", "new");
}

static void test_no_clobber_refuses_before_it_asks(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_file("x", "old");
    start(s, "get --no-clobber URL/x");
    ends(s, 3);
    program_says("--no-clobber");
    scripted_tcp_no_connection(s);
    scratch_holds("x", "old");
}

static void test_a_missing_local_directory_is_said_before_it_asks(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get URL/x none/y");
    ends(s, 3);
    program_says("none/y: no such directory");
    scripted_tcp_no_connection(s);
}

/* --- what the server says --- */

static void refuse(struct scripted_tcp *s, uint16_t status, int code, const char *words)
{
    start(s, "get URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 0, ALL, -1);
    scripted_tcp_end(s, status, "its words");
    ends(s, code);
    program_says(words);
    program_says("server says: \"its words\"");
    nothing_is_left();
}

static void test_refusals_have_their_words_and_exit_codes(void **state)
{
    struct scripted_tcp *s = *state;

    refuse(s, NOT_FOUND, 8, "no such file");
    refuse(s, DENIED, 6, "access denied");
    refuse(s, IS_DIR, 8, "it is a directory");
    refuse(s, SHUTDOWN, 4, "shutting down");
}

static void test_a_file_that_changes_under_way_is_thrown_away(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_file("x", "old");
    start(s, "get URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 0, ALL, -1);
    scripted_tcp_get_reply(s, 10, 0, 10, V);
    scripted_tcp_data(s, "12345\0\0\0\0\0", 10);
    scripted_tcp_end(s, CHANGED, "");
    ends(s, 9);
    program_says("changed on the server");
    program_never_says("--resume");
    scratch_holds("x", "old");
    assert_int_equal(scratch_count("."), OUTPUT_FILES + 1);
}

static void test_more_bytes_than_announced_are_a_lie(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 0, ALL, -1);
    scripted_tcp_get_reply(s, 3, 0, 3, V);
    scripted_tcp_data(s, "four", 4);
    ends(s, 7);
    program_never_says("--resume");
    nothing_is_left();
}

static void test_an_end_before_all_bytes_is_a_lie(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 0, ALL, -1);
    scripted_tcp_get_reply(s, 3, 0, 3, V);
    scripted_tcp_data(s, "ab", 2);
    scripted_tcp_end(s, OK, "");
    ends(s, 7);
    nothing_is_left();
}

static void test_silence_ends_with_exit_code_4(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get --timeout 1 URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 0, ALL, -1);
    ends(s, 4);
    nothing_is_left();
}

static void test_nobody_there_ends_with_exit_code_4(void **state)
{
    struct scripted_tcp *s = *state;

    assert_return_code(shutdown(s->listener, SHUT_RDWR), errno);
    start(s, "get URL/x");
    ends(s, 4);
    nothing_is_left();
}

/* --- several URLs --- */

static void test_several_files_share_a_connection(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("sub");
    start(s, "get URL/a URL/dir/b URL/c sub");
    scripted_tcp_greet(s);
    serve(s, "a", "one");
    serve(s, "dir/b", "two");
    serve(s, "c", "three");
    ends(s, 0);
    scripted_tcp_no_connection(s);
    scratch_holds("sub/a", "one");
    scratch_holds("sub/b", "two");
    scratch_holds("sub/c", "three");
}

static void test_several_files_go_to_the_working_directory(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get URL/a URL/b");
    scripted_tcp_greet(s);
    serve(s, "a", "one");
    serve(s, "b", "two");
    ends(s, 0);
    scratch_holds("a", "one");
    scratch_holds("b", "two");
}

static void test_the_first_failure_is_the_exit_code_and_the_others_go_on(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get URL/a URL/b URL/c");
    scripted_tcp_greet(s);
    serve(s, "a", "one");
    scripted_tcp_take_get(s, "b", 0, ALL, -1);
    scripted_tcp_end(s, DENIED, "");
    scripted_tcp_take_get(s, "c", 0, ALL, -1);
    scripted_tcp_end(s, NOT_FOUND, "");
    ends(s, 6);
    program_says("/b: access denied");
    program_says("/c: no such file");
    scratch_holds("a", "one");
}

static void test_several_need_a_directory_that_exists(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_file("file", "");
    start(s, "get URL/a URL/b file");
    ends(s, 2);
    program_says("file: several URLs need a directory");
    start(s, "get URL/a URL/b none");
    ends(s, 2);
    start(s, "get URL/a URL/b -");
    ends(s, 2);
    scripted_tcp_no_connection(s);
}

static void test_a_bad_url_among_several_is_said_before_anything_is_asked(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get URL/a ftp://host/b");
    ends(s, 2);
    start(s, "get URL/a URL/b/");
    ends(s, 2);
    program_says("-r fetches a directory");
    scripted_tcp_no_connection(s);
    nothing_is_left();
}

static void test_two_files_of_one_name_are_refused_before_anything_is_asked(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get URL/a/x URL/y URL/b/x");
    ends(s, 2);
    program_says("get x: two of the URLs end in this name");
    scripted_tcp_no_connection(s);
}

static void test_a_server_that_says_goaway_is_called_again(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get URL/a URL/b");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "a", 0, ALL, -1);
    scripted_tcp_goaway(s, SHUTDOWN, "", 0);
    scripted_tcp_get_reply(s, 3, 0, 3, V);
    scripted_tcp_data(s, "one", 3);
    scripted_tcp_end(s, OK, "");
    scripted_tcp_greet(s);
    serve(s, "b", "two");
    ends(s, 0);
    scratch_holds("a", "one");
    scratch_holds("b", "two");
}

/* --- our own side fails --- */

static void test_a_device_that_is_full_calls_the_request_off(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("sub");
    scratch_link("/dev/full", "sub/a");
    start(s, "get URL/a URL/b sub");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "a", 0, ALL, -1);
    scripted_tcp_get_reply(s, 10, 0, 10, V);
    scripted_tcp_data(s, "12345", 5);
    scripted_tcp_take(s, TCP_CANCEL);
    scripted_tcp_data(s, "67", 2); /* was on its way */
    scripted_tcp_end(s, CANCELLED, "");
    serve(s, "b", "two");
    ends(s, 3);
    program_says("sub/a: no space left");
    scratch_holds("sub/b", "two");
}

static void interrupt_midway(struct scripted_tcp *s, const char *words, int signum)
{
    start(s, words);
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 0, ALL, -1);
    scripted_tcp_get_reply(s, 10, 0, 10, V);
    scripted_tcp_data(s, "12345", 5);
    program_signal(&s->program, signum);
    scripted_tcp_gone(s);
    ends(s, 128 + signum);
}

static void test_a_signal_leaves_nothing_behind(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_file("x", "old");
    interrupt_midway(s, "get URL/x URL/y", SIGINT);
    program_says("interrupted by SIGINT");
    interrupt_midway(s, "get URL/x", SIGTERM);
    scratch_holds("x", "old");
    assert_int_equal(scratch_count("."), OUTPUT_FILES + 1);
    scripted_tcp_no_connection(s);
}

/* --- output that takes its time --- */

struct reader {
    int fd;
    uint8_t *bytes;
    size_t len, cap;
};

/* Reads what is there; false at the end. */
static bool drain(struct reader *r)
{
    ssize_t n;

    assert_true(r->len < r->cap);
    n = read(r->fd, r->bytes + r->len, r->cap - r->len);
    if (n == -1) {
        assert_int_equal(errno, EAGAIN);
        return true;
    }
    r->len += (size_t)n;
    return n > 0;
}

static uint64_t number_at(const uint8_t *bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < 8; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* Nobody reads, so it fills: with pages, which small writes may leave half empty. The kernel tells
 * of no such event, so it is asked. */
static void await_full(void)
{
    const time_t end = time(NULL) + 30;
    struct pollfd p = {.fd = open("fifo", O_WRONLY | O_NONBLOCK | O_CLOEXEC), .events = POLLOUT};

    assert_return_code(p.fd, errno);
    while (poll(&p, 1, 0) == 1) {
        assert_true(time(NULL) < end);
        (void)sched_yield();
    }
    assert_return_code(close(p.fd), errno);
}

static void open_fifo(struct reader *r, uint8_t *bytes, size_t cap)
{
    assert_return_code(mkfifo("fifo", 0600), errno);
    *r = (struct reader){.bytes = bytes, .cap = cap};
    r->fd = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_return_code(r->fd, errno);
}

/* The pipe holds 64 KiB; the server loses patience while it is full. */
static void test_a_server_that_lost_patience_with_our_output_is_called_again(void **state)
{
    struct scripted_tcp *s = *state;
    static uint8_t got[(1u << 20) + 1];
    const size_t len = 1u << 20;
    const size_t first = 300000;
    const uint8_t *bytes = program_pattern(len);
    uint8_t validator[16];
    struct reader r;
    uint64_t offset;

    open_fifo(&r, got, sizeof(got));
    start(s, "get URL/x fifo");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 0, ALL, -1);
    scripted_tcp_get_reply(s, len, 0, len, V);
    scripted_tcp_data(s, bytes, first);
    scripted_tcp_goaway(s, 15, "too slow", 0);
    scripted_tcp_close(s);
    await_full();
    for (bool called = false; !called;) {
        struct pollfd p[2] = {{.fd = s->listener, .events = POLLIN},
                              {.fd = r.fd, .events = POLLIN}};

        assert_true(poll(p, 2, 30000) > 0);
        called = p[0].revents != 0;
        if (p[1].revents != 0) {
            assert_true(drain(&r));
        }
    }
    scripted_tcp_greet(s);
    scripted_tcp_take(s, TCP_GET);
    offset = number_at(s->frame);
    assert_int_equal(offset, first);
    memset(validator, V, sizeof(validator));
    assert_memory_equal(s->frame + s->len - sizeof(validator), validator, sizeof(validator));
    scripted_tcp_get_reply(s, len, offset, len - offset, V);
    while (offset < len) { /* little enough for the socket to take while nobody reads */
        size_t piece = len - offset < 30000 ? (size_t)(len - offset) : 30000;

        scripted_tcp_data(s, bytes + offset, piece);
        offset += piece;
        (void)drain(&r);
    }
    scripted_tcp_end(s, OK, "");
    for (bool more = true; more;) {
        struct pollfd p = {.fd = r.fd, .events = POLLIN};

        assert_int_equal(poll(&p, 1, 30000), 1);
        more = drain(&r);
    }
    ends(s, 0);
    assert_int_equal(r.len, len);
    assert_memory_equal(got, bytes, len);
    assert_return_code(close(r.fd), errno);
}

static void test_a_signal_is_heard_while_our_output_takes_nothing(void **state)
{
    struct scripted_tcp *s = *state;
    static uint8_t got[1u << 20];
    const uint8_t *bytes = program_pattern(1u << 20);
    struct reader r;

    open_fifo(&r, got, sizeof(got));
    start(s, "get URL/x fifo");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 0, ALL, -1);
    scripted_tcp_get_reply(s, 1u << 20, 0, 1u << 20, V);
    scripted_tcp_data(s, bytes, 200000);
    await_full();
    program_signal(&s->program, SIGTERM);
    ends(s, 128 + SIGTERM);
    assert_return_code(close(r.fd), errno);
}

static void test_a_reader_that_went_away_is_a_failure_of_our_side(void **state)
{
    struct scripted_tcp *s = *state;
    static uint8_t got[1u << 20];
    struct reader r;

    open_fifo(&r, got, sizeof(got));
    start(s, "get URL/x fifo");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 0, ALL, -1);
    assert_return_code(close(r.fd), errno);
    scripted_tcp_get_reply(s, 10, 0, 10, V);
    scripted_tcp_data(s, "12345", 5);
    scripted_tcp_take(s, TCP_CANCEL);
    scripted_tcp_end(s, CANCELLED, "");
    ends(s, 3);
    program_says("fifo: nobody reads it any more");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scripted_tcp_setup, scripted_tcp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_file_is_fetched_without_a_word),
        TEST(test_an_empty_file_is_fetched),
        TEST(test_a_large_file_comes_whole),
        TEST(test_local_may_be_a_name_a_directory_or_standard_output),
        TEST(test_the_old_file_stays_until_the_new_one_is_whole),
        TEST(test_no_clobber_refuses_before_it_asks),
        TEST(test_a_missing_local_directory_is_said_before_it_asks),
        TEST(test_refusals_have_their_words_and_exit_codes),
        TEST(test_a_file_that_changes_under_way_is_thrown_away),
        TEST(test_more_bytes_than_announced_are_a_lie),
        TEST(test_an_end_before_all_bytes_is_a_lie),
        TEST(test_silence_ends_with_exit_code_4),
        TEST(test_nobody_there_ends_with_exit_code_4),
        TEST(test_several_files_share_a_connection),
        TEST(test_several_files_go_to_the_working_directory),
        TEST(test_the_first_failure_is_the_exit_code_and_the_others_go_on),
        TEST(test_several_need_a_directory_that_exists),
        TEST(test_a_bad_url_among_several_is_said_before_anything_is_asked),
        TEST(test_two_files_of_one_name_are_refused_before_anything_is_asked),
        TEST(test_a_server_that_says_goaway_is_called_again),
        TEST(test_a_device_that_is_full_calls_the_request_off),
        TEST(test_a_signal_leaves_nothing_behind),
        TEST(test_a_server_that_lost_patience_with_our_output_is_called_again),
        TEST(test_a_signal_is_heard_while_our_output_takes_nothing),
        TEST(test_a_reader_that_went_away_is_a_failure_of_our_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
