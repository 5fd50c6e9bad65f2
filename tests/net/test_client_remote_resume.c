/* SPDX-License-Identifier: BSD-2-Clause */
/* `wherry get --resume` and --verify against a server of the file protocol that follows a script.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/scripted_tcp.h"

#define ALL UINT64_MAX
#define V1 7 /* of the validator */
#define V2 8

/* Statuses as the protocol numbers them. */
#define OK 0
#define NOT_FOUND 2
#define RANGE 8
#define IO 10
#define CHANGED 12
#define SHUTDOWN 17

/* What the program said lies in the scratch directory too. */
#define OUTPUT_FILES 2

/* SHA-256 of "abc" (FIPS 180-2, appendix B.1). */
static const uint8_t sha256_of_abc[32] = {
    0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};

static void start(struct scripted_tcp *s, const char *words)
{
    program_start(&s->program, words);
}

static void ends(struct scripted_tcp *s, int code)
{
    program_ends(&s->program, code);
}

static void files_are(size_t count)
{
    assert_int_equal(scratch_count("."), OUTPUT_FILES + count);
}

/* GET from here on, answered with so many of `size` bytes, without an END. */
static void serve_part(struct scripted_tcp *s, uint64_t offset, int if_match, uint64_t size,
                       const char *part, uint8_t validator)
{
    scripted_tcp_take_get(s, "x", offset, ALL, if_match);
    scripted_tcp_get_reply(s, size, offset, size - offset, validator);
    if (part[0] != '\0') {
        scripted_tcp_data(s, part, strlen(part));
    }
}

static void cut(struct scripted_tcp *s, const char *words, const char *part)
{
    start(s, words);
    scripted_tcp_greet(s);
    serve_part(s, 0, -1, 10, part, V1);
    scripted_tcp_close(s);
    ends(s, 4);
}

/* --- what is kept --- */

static void test_what_was_cut_off_is_gone_on_with(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_file("x", "old");
    cut(s, "get URL/x", "01234");
    program_says("lost");
    program_says("5 bytes are kept: run again with --resume");
    scratch_holds("x", "old");
    files_are(2);

    start(s, "get --resume URL/x");
    scripted_tcp_greet(s);
    serve_part(s, 5, V1, 10, "56789", V1);
    scripted_tcp_end(s, OK, "");
    ends(s, 0);
    scratch_holds("x", "0123456789");
    files_are(1);
}

static void test_it_may_be_cut_off_again_and_again(void **state)
{
    struct scripted_tcp *s = *state;
    const char *all = "0123456789";
    char part[2] = "";

    cut(s, "get --resume URL/x", "0");
    program_says("1 byte is kept: run again with --resume");
    for (uint64_t i = 1; i < 9; i++) {
        start(s, "get --resume URL/x");
        scripted_tcp_greet(s);
        part[0] = all[i];
        serve_part(s, i, V1, 10, part, V1);
        scripted_tcp_close(s);
        ends(s, 4);
        files_are(1);
    }
    start(s, "get --resume URL/x");
    scripted_tcp_greet(s);
    serve_part(s, 9, V1, 10, "9", V1);
    scripted_tcp_end(s, OK, "");
    ends(s, 0);
    scratch_holds("x", all);
    files_are(1);
}

static void test_nothing_is_kept_of_nothing(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 0, ALL, -1);
    scripted_tcp_close(s);
    ends(s, 4);
    program_never_says("--resume");
    cut(s, "get URL/x", "");
    program_never_says("--resume");
    files_are(0);
}

static void test_with_nothing_kept_all_of_it_is_asked_for(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get --resume URL/x");
    scripted_tcp_greet(s);
    serve_part(s, 0, -1, 3, "abc", V1);
    scripted_tcp_end(s, OK, "");
    ends(s, 0);
    scratch_holds("x", "abc");
    files_are(1);
}

static void test_a_try_without_resume_begins_anew_and_clears_up(void **state)
{
    struct scripted_tcp *s = *state;

    cut(s, "get URL/x", "01234");
    files_are(1);
    start(s, "get URL/x");
    scripted_tcp_greet(s);
    serve_part(s, 0, -1, 10, "0123456789", V1);
    scripted_tcp_end(s, OK, "");
    ends(s, 0);
    scratch_holds("x", "0123456789");
    files_are(1);
}

static void test_all_bytes_but_the_end_are_kept_too(void **state)
{
    struct scripted_tcp *s = *state;

    cut(s, "get URL/x", "0123456789");
    program_says("10 bytes are kept");
    start(s, "get --resume URL/x");
    scripted_tcp_greet(s);
    serve_part(s, 10, V1, 10, "", V1);
    scripted_tcp_end(s, OK, "");
    ends(s, 0);
    scratch_holds("x", "0123456789");
    files_are(1);
}

static void test_a_server_that_is_away_costs_nothing(void **state)
{
    struct scripted_tcp *s = *state;

    cut(s, "get URL/x", "01234");
    start(s, "get --resume URL/x");
    scripted_tcp_accept(s);
    scripted_tcp_close(s);
    ends(s, 4);
    program_says("5 bytes are kept: run again with --resume");
    files_are(1);
    start(s, "get --resume URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 5, ALL, V1);
    scripted_tcp_end(s, NOT_FOUND, "");
    ends(s, 8);
    files_are(1);
}

static void test_a_server_that_shuts_down_midway_leaves_what_came(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get URL/x");
    scripted_tcp_greet(s);
    serve_part(s, 0, -1, 10, "01234", V1);
    scripted_tcp_end(s, SHUTDOWN, "");
    ends(s, 4);
    program_says("5 bytes are kept: run again with --resume");
    files_are(1);
}

/* Then the rest of the frame was filled up with anything. */
static void test_nothing_is_kept_after_a_read_error_of_the_server(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get --resume URL/x");
    scripted_tcp_greet(s);
    serve_part(s, 0, -1, 10, "01234", V1);
    scripted_tcp_end(s, IO, "");
    ends(s, 8);
    program_never_says("kept");
    files_are(0);
}

static void interrupt(struct scripted_tcp *s, const char *words, int signum)
{
    start(s, words);
    scripted_tcp_greet(s);
    serve_part(s, 0, -1, 10, "01234", V1);
    program_signal(&s->program, signum);
    scripted_tcp_gone(s);
    ends(s, 128 + signum);
}

static void test_a_signal_keeps_only_with_resume(void **state)
{
    struct scripted_tcp *s = *state;

    interrupt(s, "get URL/x", SIGTERM);
    files_are(0);
    interrupt(s, "get --resume URL/x", SIGINT);
    /* What had arrived by then; the signal may have been first. */
    assert_in_range(scratch_count("."), OUTPUT_FILES, OUTPUT_FILES + 1);
}

/* --- never two versions in one --- */

static void begin_anew_after(struct scripted_tcp *s, uint16_t status)
{
    cut(s, "get URL/x", "01234");
    start(s, "get --resume URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 5, ALL, V1);
    scripted_tcp_end(s, status, "");
    serve_part(s, 0, -1, 8, "new file", V2);
    scripted_tcp_end(s, OK, "");
    ends(s, 0);
    scratch_holds("x", "new file");
    files_are(1);
}

static void test_a_file_that_changed_since_is_fetched_anew(void **state)
{
    begin_anew_after(*state, CHANGED);
}

static void test_a_file_that_is_shorter_now_is_fetched_anew(void **state)
{
    begin_anew_after(*state, RANGE);
}

static void test_a_reply_of_another_version_than_asked_for_is_a_lie(void **state)
{
    struct scripted_tcp *s = *state;

    cut(s, "get URL/x", "01234");
    start(s, "get --resume URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 5, ALL, V1);
    scripted_tcp_get_reply(s, 10, 5, 5, V2);
    ends(s, 7);
    scratch_absent("x");
}

static void test_a_file_that_changes_during_the_second_try_is_thrown_away(void **state)
{
    struct scripted_tcp *s = *state;

    cut(s, "get URL/x", "01234");
    start(s, "get --resume URL/x");
    scripted_tcp_greet(s);
    serve_part(s, 5, V1, 10, "56\0\0\0", V1);
    scripted_tcp_data(s, "\0\0\0", 3);
    scripted_tcp_end(s, CHANGED, "");
    ends(s, 9);
    files_are(0);
}

/* --- digests --- */

static void fetch_abc(struct scripted_tcp *s, const char *words)
{
    start(s, words);
    scripted_tcp_greet(s);
    serve_part(s, 0, -1, 3, "abc", V1);
    scripted_tcp_end(s, OK, "");
    scripted_tcp_take_path(s, TCP_HASH, "x");
}

static void test_verify_compares_and_agrees(void **state)
{
    struct scripted_tcp *s = *state;

    fetch_abc(s, "get --verify -v URL/x");
    scratch_absent("x");
    scripted_tcp_hash_reply(s, V1, sha256_of_abc);
    scripted_tcp_end(s, OK, "");
    ends(s, 0);
    program_says("SHA-256");
    scratch_holds("x", "abc");
    files_are(1);
}

static void test_another_digest_leaves_the_old_file(void **state)
{
    struct scripted_tcp *s = *state;
    uint8_t wrong[32];

    memcpy(wrong, sha256_of_abc, sizeof(wrong));
    wrong[31] ^= 1;
    scratch_file("x", "old");
    fetch_abc(s, "get --verify URL/x");
    scripted_tcp_hash_reply(s, V1, wrong);
    scripted_tcp_end(s, OK, "");
    ends(s, 9);
    program_says("SHA-256");
    program_never_says("--resume");
    scratch_holds("x", "old");
    files_are(1);
}

static void test_a_digest_of_another_version_proves_nothing(void **state)
{
    struct scripted_tcp *s = *state;

    fetch_abc(s, "get --verify URL/x");
    scripted_tcp_hash_reply(s, V2, sha256_of_abc);
    scripted_tcp_end(s, OK, "");
    ends(s, 9);
    program_says("changed on the server");
    files_are(0);
}

static void test_without_a_digest_nothing_gets_the_name(void **state)
{
    struct scripted_tcp *s = *state;

    fetch_abc(s, "get --verify URL/x");
    scripted_tcp_end(s, IO, "");
    ends(s, 8);
    files_are(0);
    fetch_abc(s, "get --verify URL/x");
    scripted_tcp_close(s);
    ends(s, 4);
    program_says("3 bytes are kept");
    scratch_absent("x");
}

static void test_the_digest_is_of_what_was_kept_too(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get URL/x");
    scripted_tcp_greet(s);
    serve_part(s, 0, -1, 3, "ab", V1);
    scripted_tcp_close(s);
    ends(s, 4);
    start(s, "get --resume --verify URL/x");
    scripted_tcp_greet(s);
    serve_part(s, 2, V1, 3, "c", V1);
    scripted_tcp_end(s, OK, "");
    scripted_tcp_take_path(s, TCP_HASH, "x");
    scripted_tcp_hash_reply(s, V1, sha256_of_abc);
    scripted_tcp_end(s, OK, "");
    ends(s, 0);
    scratch_holds("x", "abc");
    files_are(1);
}

static void test_a_digest_begins_anew_with_the_file(void **state)
{
    struct scripted_tcp *s = *state;

    cut(s, "get URL/x", "01234");
    start(s, "get --resume --verify URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_get(s, "x", 5, ALL, V1);
    scripted_tcp_end(s, CHANGED, "");
    serve_part(s, 0, -1, 3, "abc", V2);
    scripted_tcp_end(s, OK, "");
    scripted_tcp_take_path(s, TCP_HASH, "x");
    scripted_tcp_hash_reply(s, V2, sha256_of_abc);
    scripted_tcp_end(s, OK, "");
    ends(s, 0);
    scratch_holds("x", "abc");
    files_are(1);
}

static void test_what_a_pipe_was_sent_is_compared_too(void **state)
{
    struct scripted_tcp *s = *state;
    const uint8_t wrong[32] = {0};

    fetch_abc(s, "get --verify URL/x -");
    scripted_tcp_hash_reply(s, V1, wrong);
    scripted_tcp_end(s, OK, "");
    ends(s, 9);
    scratch_holds("stdout", "abc");
}

static void test_resume_needs_a_file(void **state)
{
    struct scripted_tcp *s = *state;

    start(s, "get --resume URL/x -");
    ends(s, 2);
    program_says("--resume needs a file");
    start(s, "get --resume URL/x /dev/null");
    ends(s, 2);
    scripted_tcp_no_connection(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scripted_tcp_setup, scripted_tcp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_cut_off_is_gone_on_with),
        TEST(test_it_may_be_cut_off_again_and_again),
        TEST(test_nothing_is_kept_of_nothing),
        TEST(test_with_nothing_kept_all_of_it_is_asked_for),
        TEST(test_a_try_without_resume_begins_anew_and_clears_up),
        TEST(test_all_bytes_but_the_end_are_kept_too),
        TEST(test_a_server_that_is_away_costs_nothing),
        TEST(test_a_server_that_shuts_down_midway_leaves_what_came),
        TEST(test_nothing_is_kept_after_a_read_error_of_the_server),
        TEST(test_a_signal_keeps_only_with_resume),
        TEST(test_a_file_that_changed_since_is_fetched_anew),
        TEST(test_a_file_that_is_shorter_now_is_fetched_anew),
        TEST(test_a_reply_of_another_version_than_asked_for_is_a_lie),
        TEST(test_a_file_that_changes_during_the_second_try_is_thrown_away),
        TEST(test_verify_compares_and_agrees),
        TEST(test_another_digest_leaves_the_old_file),
        TEST(test_a_digest_of_another_version_proves_nothing),
        TEST(test_without_a_digest_nothing_gets_the_name),
        TEST(test_the_digest_is_of_what_was_kept_too),
        TEST(test_a_digest_begins_anew_with_the_file),
        TEST(test_what_a_pipe_was_sent_is_compared_too),
        TEST(test_resume_needs_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
