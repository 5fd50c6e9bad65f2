/* SPDX-License-Identifier: BSD-2-Clause */
/* `wherry put` to wherry:// URLs, against a server that follows a script. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <wherry/frame.h>

#include "support/put_story.h"
#include "support/scratch.h"

#define CORK 3 /* TCP_CORK of tcp(7), whose header has names that scripted_tcp.h has too */

#define WHOLE 300000 /* bytes: a DATA frame of 256 KiB and another */

/* FIPS 180-2, appendix B.1 */
static const uint8_t sha256_of_abc[32] = {
    0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};

/* --- one file --- */

static void test_file_goes_in_frames_of_256_kib_and_nothing_is_said(void **state)
{
    struct scripted_tcp *s = *state;
    const uint8_t *bytes = program_pattern(WHOLE);

    program_put_file("local", bytes, WHOLE);
    program_start(&s->program, "put local URL/up/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "up/x", WHOLE, PUT_REPLACE);
    assert_null(scripted_tcp_tag(s, 1));
    assert_null(scripted_tcp_tag(s, 3));
    scripted_tcp_ready(s, 0, 0);
    scripted_tcp_take(s, TCP_DATA);
    assert_int_equal(s->len, 262144);
    assert_memory_equal(s->frame, bytes, 262144);
    scripted_tcp_take_data(s, bytes + 262144, WHOLE - 262144);
    scripted_tcp_take(s, TCP_END);
    assert_int_equal(s->len, 0);
    scripted_tcp_end(s, WHERRY_STATUS_OK, "");
    scripted_tcp_gone(s);
    program_ends(&s->program, 0);
    program_file_is("stderr", "", 0);
}

static void test_empty_file_has_no_data(void **state)
{
    struct scripted_tcp *s = *state;

    program_put_file("local", "", 0);
    program_start(&s->program, "put local URL/x");
    scripted_tcp_greet(s);
    put_story(s, "x", "", 0);
    program_ends(&s->program, 0);
}

static void test_url_with_a_slash_at_its_end_is_a_directory(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("here");
    program_put_file("here/local", "ok", 2);
    program_start(&s->program, "put here/local URL/up/");
    scripted_tcp_greet(s);
    put_story(s, "up/local", "ok", 2);
    program_ends(&s->program, 0);
}

static void test_no_replace_asks_for_a_new_name(void **state)
{
    struct scripted_tcp *s = *state;

    program_put_file("local", "ok", 2);
    program_start(&s->program, "put --no-replace local URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "x", 2, PUT_CREATE);
    scripted_tcp_end(s, WHERRY_STATUS_EXISTS, "it is there");
    program_ends(&s->program, 8);
    program_says("it is there");
}

static void test_pipe_is_put_once_there_is_something_and_its_size_is_unknown(void **state)
{
    struct scripted_tcp *s = *state;
    int ends[2];

    assert_return_code(pipe2(ends, O_CLOEXEC), errno);
    program_start_with_input(&s->program, "put - URL/x", ends[0]);
    assert_return_code(close(ends[0]), errno);
    scripted_tcp_greet(s);
    assert_int_equal(write(ends[1], "one", 3), 3);
    scripted_tcp_take_put(s, "x", SCRIPTED_TCP_UNKNOWN, PUT_REPLACE);
    scripted_tcp_ready(s, 0, 0);
    scripted_tcp_take_data(s, "one", 3);
    assert_int_equal(write(ends[1], "two", 3), 3);
    scripted_tcp_take_data(s, "two", 3);
    assert_return_code(close(ends[1]), errno);
    scripted_tcp_take(s, TCP_END);
    scripted_tcp_end(s, WHERRY_STATUS_OK, "");
    program_ends(&s->program, 0);
}

static void test_size_of_a_redirected_file_is_what_is_left_of_it(void **state)
{
    struct scripted_tcp *s = *state;
    int fd;

    program_put_file("local", "gone before: left", 17);
    fd = open("local", O_RDONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_int_equal(lseek(fd, 13, SEEK_SET), 13);
    program_start_with_input(&s->program, "put - URL/x", fd);
    assert_return_code(close(fd), errno);
    scripted_tcp_greet(s);
    put_story(s, "x", "left", 4);
    program_ends(&s->program, 0);
}

/* --- what goes wrong --- */

static void test_early_end_stops_the_sending(void **state)
{
    struct scripted_tcp *s = *state;
    int ends[2];

    assert_return_code(pipe2(ends, O_CLOEXEC), errno);
    program_start_with_input(&s->program, "put - URL/x", ends[0]);
    assert_return_code(close(ends[0]), errno);
    assert_int_equal(write(ends[1], "more", 4), 4);
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "x", SCRIPTED_TCP_UNKNOWN, PUT_REPLACE);
    scripted_tcp_ready(s, 0, 0);
    scripted_tcp_take_data(s, "more", 4);
    scripted_tcp_end(s, WHERRY_STATUS_NO_SPACE, "the disk is full");
    scripted_tcp_take(s, TCP_CANCEL); /* though the pipe is still open */
    program_ends(&s->program, 8);
    program_says("the disk is full");
    assert_return_code(close(ends[1]), errno);
}

static void test_file_that_became_shorter_is_cancelled(void **state)
{
    struct scripted_tcp *s = *state;
    const uint8_t *bytes = program_pattern(WHOLE);

    program_put_file("local", bytes, WHOLE);
    program_put_file("next", "ok", 2);
    program_start(&s->program, "put local next URL/");
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "local", WHOLE, PUT_REPLACE);
    assert_return_code(truncate("local", 1000), errno);
    scripted_tcp_ready(s, 0, 0);
    scripted_tcp_take_data(s, bytes, 1000);
    scripted_tcp_take(s, TCP_CANCEL);
    scripted_tcp_end(s, WHERRY_STATUS_CANCELLED, "");
    put_story(s, "next", "ok", 2);
    program_ends(&s->program, 3);
    program_says("local: changed while being read");
}

static void test_file_that_became_longer_is_cancelled(void **state)
{
    struct scripted_tcp *s = *state;

    program_put_file("local", "short", 5);
    program_start(&s->program, "put local URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "x", 5, PUT_REPLACE);
    program_put_file("local", "shorter", 7);
    scripted_tcp_ready(s, 0, 0);
    scripted_tcp_take_data(s, "short", 5);
    scripted_tcp_take(s, TCP_CANCEL);
    scripted_tcp_end(s, WHERRY_STATUS_CANCELLED, "");
    program_ends(&s->program, 3);
}

static void test_lost_connection_is_exit_4_and_keeps_nothing(void **state)
{
    struct scripted_tcp *s = *state;
    const uint8_t *bytes = program_pattern(WHOLE);

    program_put_file("local", bytes, WHOLE);
    program_start(&s->program, "put local URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "x", WHOLE, PUT_REPLACE);
    scripted_tcp_ready(s, 0, 0);
    scripted_tcp_reset(s);
    program_ends(&s->program, 4);
    program_never_says("--resume");
}

static void test_signal_ends_it(void **state)
{
    struct scripted_tcp *s = *state;
    int ends[2];

    assert_return_code(pipe2(ends, O_CLOEXEC), errno);
    program_start_with_input(&s->program, "put - URL/x", ends[0]);
    assert_return_code(close(ends[0]), errno);
    assert_int_equal(write(ends[1], "more", 4), 4);
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "x", SCRIPTED_TCP_UNKNOWN, PUT_REPLACE);
    scripted_tcp_ready(s, 0, 0);
    scripted_tcp_take_data(s, "more", 4); /* it waits at the pipe now, or soon */
    program_signal(&s->program, SIGINT);
    scripted_tcp_gone(s);
    program_ends(&s->program, 130);
    assert_return_code(close(ends[1]), errno);
}

static void test_signal_ends_the_wait_for_a_fifo_and_decides(void **state)
{
    struct scripted_tcp *s = *state;

    assert_return_code(mkfifo("fifo", 0600), errno);
    program_start(&s->program, "put missing fifo URL/");
    scripted_tcp_greet(s); /* and no PUT, for nobody writes */
    program_signal(&s->program, SIGTERM);
    scripted_tcp_gone(s);
    program_ends(&s->program, 143);
}

static void test_name_that_no_request_carries_is_not_sent(void **state)
{
    struct scripted_tcp *s = *state;

    program_put_file(".wherry-local", "ok", 2);
    program_start(&s->program, "put .wherry-local URL/");
    program_ends(&s->program, 6);
    program_says(".wherry-");
    scripted_tcp_no_connection(s);
}

static void test_directory_needs_r(void **state)
{
    struct scripted_tcp *s = *state;

    scratch_dir("here");
    program_start(&s->program, "put here URL/x");
    program_ends(&s->program, 3);
    program_says("-r");
    scripted_tcp_no_connection(s);
}

/* --- several --- */

static void test_failure_does_not_stop_the_others(void **state)
{
    struct scripted_tcp *s = *state;

    program_put_file("a", "aa", 2);
    program_put_file("c", "cc", 2);
    program_start(&s->program, "put a missing c URL/up/");
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "up/a", 2, PUT_REPLACE);
    scripted_tcp_end(s, WHERRY_STATUS_DENIED, "not here");
    put_story(s, "up/c", "cc", 2);
    scripted_tcp_gone(s);
    program_ends(&s->program, 6); /* the first failure's */
    program_says("not here");
    program_says("put missing: No such file or directory");
}

static void test_several_go_into_a_directory_of_the_server(void **state)
{
    struct scripted_tcp *s = *state;

    program_put_file("a", "aa", 2);
    program_put_file("b", "bb", 2);
    program_start(&s->program, "put a b URL/up");
    scripted_tcp_greet(s);
    scripted_tcp_take_path(s, TCP_STAT, "up");
    scripted_tcp_info(s, SCRIPTED_TCP_DIRECTORY, 0, 0, 1);
    scripted_tcp_end(s, WHERRY_STATUS_OK, "");
    put_story(s, "up/a", "aa", 2);
    put_story(s, "up/b", "bb", 2);
    program_ends(&s->program, 0);
}

static void test_several_do_not_go_into_a_file(void **state)
{
    struct scripted_tcp *s = *state;

    program_put_file("a", "aa", 2);
    program_put_file("b", "bb", 2);
    program_start(&s->program, "put a b URL/up");
    scripted_tcp_greet(s);
    scripted_tcp_take_path(s, TCP_STAT, "up");
    scripted_tcp_info(s, SCRIPTED_TCP_FILE, 2, 0, 1);
    scripted_tcp_end(s, WHERRY_STATUS_OK, "");
    scripted_tcp_gone(s);
    program_ends(&s->program, 8);
    program_says("directory");
}

static void test_server_that_left_between_two_files_is_asked_again(void **state)
{
    struct scripted_tcp *s = *state;
    int fd;

    assert_return_code(mkfifo("a", 0600), errno);
    program_put_file("b", "bb", 2);
    program_start(&s->program, "put b a URL/up/");
    scripted_tcp_greet(s);
    put_story_begin(s, "up/b", 2);
    scripted_tcp_take_data(s, "bb", 2);
    scripted_tcp_take(s, TCP_END);
    /* Both in one piece: the client has heard of the end when it turns to the next file. */
    assert_return_code(setsockopt(s->fd, IPPROTO_TCP, CORK, &(int){1}, sizeof(int)), errno);
    scripted_tcp_end(s, WHERRY_STATUS_OK, "");
    scripted_tcp_goaway(s, WHERRY_STATUS_SHUTDOWN, "", 0);
    scripted_tcp_close(s);
    fd = open("a", O_WRONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_return_code(close(fd), errno); /* only now there is something to ask for */
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "up/a", SCRIPTED_TCP_UNKNOWN, PUT_REPLACE);
    scripted_tcp_ready(s, 0, 0);
    scripted_tcp_take(s, TCP_END);
    scripted_tcp_end(s, WHERRY_STATUS_OK, "");
    program_ends(&s->program, 0);
}

static void test_several_over_tftp_need_a_slash(void **state)
{
    struct scripted_tcp *s = *state;

    s->program.scheme = "tftp://";
    program_put_file("a", "aa", 2);
    program_start(&s->program, "put a a URL/up");
    program_ends(&s->program, 2);
    program_says("slash");
}

/* --- digests --- */

static void test_verify_sends_the_digest_with_end(void **state)
{
    struct scripted_tcp *s = *state;

    program_put_file("local", "abc", 3);
    program_start(&s->program, "put -v --verify local URL/x");
    scripted_tcp_greet(s);
    put_story_begin(s, "x", 3);
    scripted_tcp_take_data(s, "abc", 3);
    scripted_tcp_take(s, TCP_END);
    assert_non_null(scripted_tcp_tag(s, 1));
    assert_memory_equal(scripted_tcp_tag(s, 1), sha256_of_abc, 32);
    scripted_tcp_end(s, WHERRY_STATUS_OK, "");
    program_ends(&s->program, 0);
    program_says("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_digest_that_the_server_refuses_is_exit_9(void **state)
{
    struct scripted_tcp *s = *state;

    program_put_file("local", "abc", 3);
    program_start(&s->program, "put --verify local URL/x");
    scripted_tcp_greet(s);
    put_story_begin(s, "x", 3);
    scripted_tcp_take_data(s, "abc", 3);
    scripted_tcp_take(s, TCP_END);
    scripted_tcp_end(s, WHERRY_STATUS_DIGEST, "");
    program_ends(&s->program, 9);
}

static void test_another_digest_in_the_answer_is_exit_9(void **state)
{
    struct scripted_tcp *s = *state;
    const uint8_t other[32] = {1};

    program_put_file("local", "abc", 3);
    program_start(&s->program, "put --verify local URL/x");
    scripted_tcp_greet(s);
    put_story_begin(s, "x", 3);
    scripted_tcp_take_data(s, "abc", 3);
    scripted_tcp_take(s, TCP_END);
    scripted_tcp_end_with(s, WHERRY_STATUS_OK, "", other, -1);
    program_ends(&s->program, 9);
}

/* --- resume --- */

/* The upload id of the PUT that was taken. */
static void keep_id(const struct scripted_tcp *s, uint8_t id[16])
{
    const uint8_t *tag = scripted_tcp_tag(s, 3);

    assert_non_null(tag);
    memcpy(id, tag, 16);
}

static void test_resume_goes_on_where_the_server_says(void **state)
{
    struct scripted_tcp *s = *state;
    const uint8_t *bytes = program_pattern(WHOLE);
    const uint8_t zeros[16] = {0};
    uint8_t first[16];
    uint8_t second[16];

    program_put_file("local", bytes, WHOLE);
    program_start(&s->program, "put --resume local URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "x", WHOLE, PUT_REPLACE);
    keep_id(s, first);
    assert_memory_not_equal(first, zeros, 16);
    put_story_ready(s, 0, first);
    scripted_tcp_take(s, TCP_DATA);
    scripted_tcp_reset(s);
    program_ends(&s->program, 4);
    program_says("--resume");

    program_start(&s->program, "put -v --resume local URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "x", WHOLE, PUT_REPLACE);
    keep_id(s, second);
    assert_memory_equal(second, first, 16);
    put_story_ready(s, 200001, second);
    put_story_finish(s, bytes + 200001, WHOLE - 200001);
    program_ends(&s->program, 0);
    program_says("going on at 200001 of 300000 bytes");
}

static void test_signal_says_how_to_go_on(void **state)
{
    struct scripted_tcp *s = *state;
    uint8_t id[16];

    program_put_file("local", program_pattern(WHOLE), WHOLE);
    program_start(&s->program, "put --resume local URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "x", WHOLE, PUT_REPLACE);
    keep_id(s, id);
    put_story_ready(s, 0, id);
    scripted_tcp_take_data(s, program_pattern(WHOLE), WHOLE);
    scripted_tcp_take(s, TCP_END);
    program_signal(&s->program, SIGINT);
    scripted_tcp_gone(s);
    program_ends(&s->program, 130);
    program_says("interrupted by SIGINT; run the same command again, with --resume");
}

static void test_resume_of_all_bytes_sends_none(void **state)
{
    struct scripted_tcp *s = *state;
    uint8_t id[16];

    program_put_file("local", "abc", 3);
    program_start(&s->program, "put --resume local URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "x", 3, PUT_REPLACE);
    keep_id(s, id);
    put_story_ready(s, 3, id);
    put_story_finish(s, "", 0);
    program_ends(&s->program, 0);
}

/* Runs a put with these words up to its PUT, and returns the upload id. */
static void ask_id(struct scripted_tcp *s, const char *words, uint8_t id[16])
{
    program_start(&s->program, words);
    scripted_tcp_greet(s);
    scripted_tcp_take(s, TCP_PUT);
    keep_id(s, id);
    scripted_tcp_reset(s);
    program_ends(&s->program, 4);
}

static void test_upload_id_is_of_the_file_and_its_place(void **state)
{
    struct scripted_tcp *s = *state;
    uint8_t first[16];
    uint8_t other[16];

    program_put_file("local", "abc", 3);
    program_put_file("twin", "abc", 3);
    ask_id(s, "put --resume local URL/x", first);
    ask_id(s, "put --resume local URL/y", other);
    assert_memory_not_equal(other, first, 16);
    ask_id(s, "put --resume twin URL/x", other);
    assert_memory_not_equal(other, first, 16);
    ask_id(s, "put --resume --no-replace local URL/x", other);
    assert_memory_not_equal(other, first, 16);
    program_put_file("local", "abcd", 4);
    ask_id(s, "put --resume local URL/x", other);
    assert_memory_not_equal(other, first, 16);
}

static void test_kept_bytes_of_another_upload_begin_anew_once(void **state)
{
    struct scripted_tcp *s = *state;
    const uint8_t zeros[16] = {0};
    const uint8_t given[16] = {7};
    uint8_t id[16];

    program_put_file("local", "abc", 3);
    program_start(&s->program, "put --resume local URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "x", 3, PUT_REPLACE);
    scripted_tcp_end(s, WHERRY_STATUS_OFFSET, "");
    scripted_tcp_take_put(s, "x", 3, PUT_REPLACE);
    keep_id(s, id);
    assert_memory_equal(id, zeros, 16);
    put_story_ready(s, 0, given);
    put_story_finish(s, "abc", 3);
    program_ends(&s->program, 0);

    program_start(&s->program, "put --resume local URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "x", 3, PUT_REPLACE);
    scripted_tcp_end(s, WHERRY_STATUS_OFFSET, "");
    scripted_tcp_take_put(s, "x", 3, PUT_REPLACE);
    scripted_tcp_end(s, WHERRY_STATUS_OFFSET, "again");
    scripted_tcp_gone(s);
    program_ends(&s->program, 9);
    program_says("again");
}

static void test_resume_with_verify_announces_the_digest(void **state)
{
    struct scripted_tcp *s = *state;
    uint8_t id[16];

    program_put_file("local", "abc", 3);
    program_start(&s->program, "put --resume --verify local URL/x");
    scripted_tcp_greet(s);
    scripted_tcp_take_put(s, "x", 3, PUT_REPLACE);
    assert_non_null(scripted_tcp_tag(s, 1));
    assert_memory_equal(scripted_tcp_tag(s, 1), sha256_of_abc, 32);
    keep_id(s, id);
    put_story_ready(s, 2, id);
    put_story_finish(s, "c", 1);
    program_ends(&s->program, 0);
}

static void test_pipe_cannot_be_resumed(void **state)
{
    struct scripted_tcp *s = *state;
    int ends[2];

    assert_return_code(pipe2(ends, O_CLOEXEC), errno);
    program_start_with_input(&s->program, "put --resume - URL/x", ends[0]);
    program_ends(&s->program, 2);
    program_says("regular file");
    scripted_tcp_no_connection(s);
    assert_return_code(close(ends[0]), errno);
    assert_return_code(close(ends[1]), errno);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scripted_tcp_setup, scripted_tcp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_file_goes_in_frames_of_256_kib_and_nothing_is_said),
        TEST(test_empty_file_has_no_data),
        TEST(test_url_with_a_slash_at_its_end_is_a_directory),
        TEST(test_no_replace_asks_for_a_new_name),
        TEST(test_pipe_is_put_once_there_is_something_and_its_size_is_unknown),
        TEST(test_size_of_a_redirected_file_is_what_is_left_of_it),
        TEST(test_early_end_stops_the_sending),
        TEST(test_file_that_became_shorter_is_cancelled),
        TEST(test_file_that_became_longer_is_cancelled),
        TEST(test_lost_connection_is_exit_4_and_keeps_nothing),
        TEST(test_signal_ends_it),
        TEST(test_signal_ends_the_wait_for_a_fifo_and_decides),
        TEST(test_name_that_no_request_carries_is_not_sent),
        TEST(test_directory_needs_r),
        TEST(test_failure_does_not_stop_the_others),
        TEST(test_several_go_into_a_directory_of_the_server),
        TEST(test_several_do_not_go_into_a_file),
        TEST(test_server_that_left_between_two_files_is_asked_again),
        TEST(test_several_over_tftp_need_a_slash),
        TEST(test_verify_sends_the_digest_with_end),
        TEST(test_digest_that_the_server_refuses_is_exit_9),
        TEST(test_another_digest_in_the_answer_is_exit_9),
        TEST(test_resume_goes_on_where_the_server_says),
        TEST(test_signal_says_how_to_go_on),
        TEST(test_resume_of_all_bytes_sends_none),
        TEST(test_upload_id_is_of_the_file_and_its_place),
        TEST(test_kept_bytes_of_another_upload_begin_anew_once),
        TEST(test_resume_with_verify_announces_the_digest),
        TEST(test_pipe_cannot_be_resumed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
