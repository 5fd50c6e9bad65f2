/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"

/* --- a loop, a pool, a root, and who owns the sink --- */

struct fixture {
    struct loop *loop;
    struct pool *pool;
    struct jail *jail;
    struct sink *sink;
    size_t descriptors; /* open before there was a sink */

    unsigned opened;
    unsigned stored;
    unsigned committed;
    enum res result; /* of the last answer */
    uint64_t block;
    bool free_in_callback;
};

static void answer(struct fixture *f, unsigned *count, enum res r)
{
    ++*count;
    f->result = r;
    if (f->free_in_callback) {
        sink_free(f->sink);
        f->sink = NULL;
    }
}

static void on_opened(void *owner, enum res r)
{
    struct fixture *f = owner;

    answer(f, &f->opened, r);
}

static void on_stored(void *owner, enum res r, uint64_t block)
{
    struct fixture *f = owner;

    f->block = block;
    answer(f, &f->stored, r);
}

static void on_committed(void *owner, enum res r)
{
    struct fixture *f = owner;

    answer(f, &f->committed, r);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (f == NULL || scratch_setup(state) == -1) {
        free(f);
        return -1;
    }
    scratch_dir("root");
    assert_int_equal(loop_new(&f->loop), RES_OK);
    assert_int_equal(pool_new(&f->pool, f->loop, 2), RES_OK);
    assert_int_equal(jail_open(&f->jail, "root"), RES_OK);
    f->descriptors = scratch_count("/proc/self/fd");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    sink_free(f->sink);
    pool_free(f->pool);
    loop_free(f->loop);
    jail_free(f->jail);
    free(f);
    return scratch_teardown(state);
}

static struct sink_params params(struct fixture *f, bool netascii)
{
    return (struct sink_params){
        .pool = f->pool,
        .netascii = netascii,
        .opened = on_opened,
        .stored = on_stored,
        .committed = on_committed,
        .owner = f,
    };
}

/* Turns the loop until so many answers of a kind have come, or until the pool has none left. */
static void await(struct fixture *f, const unsigned *count, unsigned expected)
{
    while (*count < expected) {
        loop_turn(f->loop, true);
    }
    assert_int_equal(*count, expected);
}

static void await_idle(struct fixture *f)
{
    while (!pool_idle(f->pool)) {
        loop_turn(f->loop, true);
    }
}

static const struct policy_who creates = {.write = POLICY_WRITE_CREATE};
static const struct policy_who replaces = {.write = POLICY_WRITE_REPLACE};

static const struct writer_params any_size = {
    .replace = true, .mode = 0640, .expected_size = WRITER_SIZE_UNKNOWN};

static void start_upload(struct fixture *f, const char *name, bool netascii)
{
    struct sink_params p = params(f, netascii);

    assert_int_equal(sink_open(&f->sink, &p, f->jail, name, &replaces, &any_size), RES_LATER);
    assert_int_equal(f->opened, 0);
}

static void open_upload(struct fixture *f, const char *name, bool netascii)
{
    start_upload(f, name, netascii);
    await(f, &f->opened, 1);
    assert_int_equal(f->result, RES_OK);
}

static void add(struct fixture *f, uint64_t block, const void *bytes, size_t len)
{
    const struct wherry_view view = {.bytes = bytes, .len = len};

    assert_int_equal(sink_add(f->sink, block, view), RES_OK);
}

static void store(struct fixture *f, uint64_t block, const void *bytes, size_t len)
{
    add(f, block, bytes, len);
    sink_flush(f->sink);
    await(f, &f->stored, f->stored + 1);
    assert_int_equal(f->result, RES_OK);
    assert_int_equal(f->block, block);
}

static void commit(struct fixture *f)
{
    sink_commit(f->sink);
    await(f, &f->committed, 1);
    assert_int_equal(f->result, RES_OK);
}

/* Nothing of the upload is left, and no descriptor of it. */
static void expect_nothing_left(struct fixture *f)
{
    await_idle(f);
    assert_int_equal(scratch_count("root"), 0);
    assert_int_equal(scratch_count("/proc/self/fd"), f->descriptors);
}

/* --- uploads --- */

static void test_stored_blocks_are_the_file_after_commit(void **state)
{
    struct fixture *f = *state;

    open_upload(f, "file", false);
    add(f, 1, "one ", 4);
    add(f, 2, "two ", 4);
    sink_flush(f->sink);
    assert_int_equal(f->stored, 0); /* never from inside a call */
    await(f, &f->stored, 1);
    assert_int_equal(f->block, 2);
    assert_int_equal(sink_bytes(f->sink), 8);
    store(f, 3, "three", 5);
    scratch_absent("root/file");
    commit(f);
    scratch_holds("root/file", "one two three");
    assert_int_equal(sink_bytes(f->sink), 13);
}

static void test_what_a_write_has_begun_with_waits_but_is_not_gathered(void **state)
{
    struct fixture *f = *state;

    open_upload(f, "file", false);
    add(f, 1, "one ", 4);
    assert_int_equal(sink_waiting(f->sink), 4);
    assert_int_equal(sink_gathered(f->sink), 4);
    sink_flush(f->sink);
    add(f, 2, "two", 3);
    assert_int_equal(sink_waiting(f->sink), 7); /* nobody looks for answers meanwhile */
    assert_int_equal(sink_gathered(f->sink), 3);
    await(f, &f->stored, 1);
    assert_int_equal(sink_waiting(f->sink), 3);
    assert_int_equal(sink_gathered(f->sink), 3);
}

static void test_blocks_added_while_writing_go_with_the_next_batch(void **state)
{
    struct fixture *f = *state;

    open_upload(f, "file", false);
    add(f, 1, "a", 1);
    sink_flush(f->sink);
    add(f, 2, "b", 1);
    add(f, 3, "c", 1);
    sink_flush(f->sink);
    await(f, &f->stored, 1);
    assert_int_equal(f->block, 1);
    await(f, &f->stored, 2);
    assert_int_equal(f->block, 3);
    commit(f);
    scratch_holds("root/file", "abc");
}

static void test_a_flush_of_nothing_is_not_answered(void **state)
{
    struct fixture *f = *state;

    open_upload(f, "file", false);
    sink_flush(f->sink);
    assert_true(pool_idle(f->pool));
    store(f, 1, "a", 1);
    sink_flush(f->sink);
    assert_true(pool_idle(f->pool));
    assert_int_equal(f->stored, 1);
}

static void test_an_empty_last_block_is_stored_too(void **state)
{
    struct fixture *f = *state;

    open_upload(f, "file", false);
    store(f, 1, NULL, 0);
    commit(f);
    scratch_holds("root/file", "");
}

static void test_netascii_is_decoded_across_blocks_and_at_the_end(void **state)
{
    struct fixture *f = *state;

    open_upload(f, "file", true);
    store(f, 1, "a\r", 2);
    store(f, 2, "\nb\r", 3);
    store(f, 3, "\0c\r", 3);
    assert_int_equal(sink_bytes(f->sink), 5); /* the last CR is held back */
    commit(f);
    scratch_holds("root/file", "a\nb\rc\r");
    assert_int_equal(sink_bytes(f->sink), 6);
}

static void test_a_large_upload_arrives_byte_by_byte(void **state)
{
    enum { BLOCK = 1428, BLOCKS = 500 };
    struct fixture *f = *state;
    char *bytes = malloc(BLOCK * BLOCKS + 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < BLOCK * BLOCKS; i++) {
        bytes[i] = (char)('a' + i % 23);
    }
    bytes[BLOCK * BLOCKS] = '\0';
    open_upload(f, "file", false);
    for (uint64_t b = 1; b <= BLOCKS; b++) {
        add(f, b, bytes + (b - 1) * BLOCK, BLOCK);
        if (b % 16 == 0) {
            sink_flush(f->sink);
        }
        loop_turn(f->loop, false);
    }
    sink_flush(f->sink);
    while (f->block < BLOCKS) {
        loop_turn(f->loop, true);
    }
    commit(f);
    scratch_holds("root/file", bytes);
    free(bytes);
}

static void test_why_an_upload_cannot_begin_is_told(void **state)
{
    struct fixture *f = *state;
    struct sink_params p = params(f, false);

    assert_int_equal(sink_open(&f->sink, &p, f->jail, "none/file", &creates, &any_size), RES_LATER);
    await(f, &f->opened, 1);
    assert_int_equal(f->result, RES_NOT_FOUND);
    sink_free(f->sink);
    scratch_file("root/file", "old");
    assert_int_equal(sink_open(&f->sink, &p, f->jail, "file", &creates, &any_size), RES_LATER);
    await(f, &f->opened, 2);
    assert_int_equal(f->result, RES_EXISTS);
}

static void test_a_failed_write_fails_all_that_follows(void **state)
{
    const struct writer_params w = {.replace = true, .mode = 0644};
    struct fixture *f = *state;
    struct sink_params p = params(f, false);

    assert_int_equal(sink_open_local(&f->sink, &p, "/dev/full", &w), RES_LATER);
    await(f, &f->opened, 1);
    assert_int_equal(f->result, RES_OK);
    add(f, 1, "a", 1);
    sink_flush(f->sink);
    await(f, &f->stored, 1);
    assert_int_equal(f->result, RES_NO_SPACE);
    sink_commit(f->sink);
    await(f, &f->committed, 1);
    assert_int_equal(f->result, RES_NO_SPACE);
    assert_int_equal(sink_bytes(f->sink), 0);
    sink_free(f->sink);
    f->sink = NULL;
    expect_nothing_left(f);
}

static void test_a_local_path_is_written_whole(void **state)
{
    const struct writer_params w = {
        .replace = true, .mode = 0644, .expected_size = WRITER_SIZE_UNKNOWN};
    struct fixture *f = *state;
    struct sink_params p = params(f, false);

    scratch_file("local", "old");
    assert_int_equal(sink_open_local(&f->sink, &p, "local", &w), RES_LATER);
    await(f, &f->opened, 1);
    store(f, 1, "new", 3);
    scratch_holds("local", "old");
    commit(f);
    scratch_holds("local", "new");
}

static void open_fifo(struct fixture *f)
{
    const struct writer_params w = {
        .replace = true, .mode = 0644, .expected_size = WRITER_SIZE_UNKNOWN};
    struct sink_params p = params(f, false);

    assert_return_code(mkfifo("fifo", 0600), errno);
    assert_int_equal(sink_open_local(&f->sink, &p, "fifo", &w), RES_LATER);
}

static void test_a_fifo_opens_when_its_reader_comes(void **state)
{
    struct fixture *f = *state;
    char text[8] = "";
    int reader;

    open_fifo(f);
    assert_int_equal(f->opened, 0);
    reader = open("fifo", O_RDONLY | O_CLOEXEC); /* comes back when the sink opened its end */
    assert_return_code(reader, errno);
    await(f, &f->opened, 1);
    assert_int_equal(f->result, RES_OK);
    store(f, 1, "text", 4);
    commit(f);
    assert_int_equal(read(reader, text, sizeof(text)), 4);
    assert_string_equal(text, "text");
    assert_int_equal(read(reader, text, sizeof(text)), 0); /* it was closed */
    close(reader);
}

/* --- owners that go away --- */

static void test_a_fifo_without_reader_holds_up_nobody_who_gives_up(void **state)
{
    struct fixture *f = *state;

    open_fifo(f);
    sink_free(f->sink);
    f->sink = NULL;
    await_idle(f);
    assert_int_equal(f->opened, 0);
    assert_int_equal(scratch_count("/proc/self/fd"), f->descriptors);
}

static void let_go(struct fixture *f)
{
    sink_free(f->sink);
    f->sink = NULL;
}

static void test_a_sink_freed_at_any_time_leaves_nothing(void **state)
{
    struct fixture *f = *state;

    start_upload(f, "file", false);
    let_go(f); /* while it opens */
    expect_nothing_left(f);
    assert_int_equal(f->opened, 0);

    open_upload(f, "file", false);
    let_go(f); /* at rest */
    expect_nothing_left(f);

    f->opened = 0;
    open_upload(f, "file", false);
    add(f, 1, "a", 1);
    sink_flush(f->sink);
    let_go(f); /* while it writes */
    expect_nothing_left(f);
    assert_int_equal(f->stored, 0);
    sink_free(NULL);
}

static void test_a_commit_under_way_is_finished(void **state)
{
    struct fixture *f = *state;

    open_upload(f, "file", false);
    store(f, 1, "whole", 5);
    sink_commit(f->sink);
    let_go(f);
    await_idle(f);
    assert_int_equal(f->committed, 0);
    scratch_holds("root/file", "whole");
    assert_int_equal(scratch_count("/proc/self/fd"), f->descriptors);
}

static void test_a_sink_may_be_freed_in_its_callbacks(void **state)
{
    struct fixture *f = *state;

    f->free_in_callback = true;
    start_upload(f, "file", false);
    await(f, &f->opened, 1);
    expect_nothing_left(f);

    f->free_in_callback = false;
    f->opened = 0;
    open_upload(f, "file", false);
    f->free_in_callback = true;
    add(f, 1, "a", 1);
    sink_flush(f->sink);
    add(f, 2, "b", 1); /* the next batch is under way when the first is answered */
    sink_flush(f->sink);
    await(f, &f->stored, 1);
    expect_nothing_left(f);
    assert_int_equal(f->stored, 1);

    f->free_in_callback = false;
    f->opened = 0;
    open_upload(f, "file", false);
    f->free_in_callback = true;
    sink_commit(f->sink);
    await(f, &f->committed, 1);
    await_idle(f);
    scratch_holds("root/file", "");
}

static void test_a_pool_that_ends_first_leaves_nothing(void **state)
{
    struct fixture *f = *state;

    open_upload(f, "file", false);
    store(f, 1, "a", 1);
    let_go(f); /* and nobody turns the loop any more */
    pool_free(f->pool);
    f->pool = NULL;
    assert_int_equal(scratch_count("root"), 0);
}

/* --- descriptors --- */

static void open_pipe(struct fixture *f, int ends[2], int flags)
{
    struct sink_params p = params(f, false);

    assert_return_code(pipe2(ends, flags | O_CLOEXEC), errno);
    assert_int_equal(sink_from_fd(&f->sink, &p, ends[1]), RES_OK);
}

static void test_a_descriptor_gets_the_bytes_and_stays_open(void **state)
{
    struct fixture *f = *state;
    char text[16] = "";
    int ends[2];

    open_pipe(f, ends, 0);
    store(f, 1, "one", 3);
    commit(f);
    let_go(f);
    await_idle(f);
    assert_int_equal(write(ends[1], "two", 3), 3);
    assert_int_equal(read(ends[0], text, sizeof(text)), 6);
    assert_string_equal(text, "onetwo");
    close(ends[0]);
    close(ends[1]);
}

static void test_a_nonblocking_descriptor_gets_more_than_it_holds(void **state)
{
    enum { LEN = 300000 }; /* a pipe holds 65,536 */
    struct fixture *f = *state;
    char *bytes = calloc(1, LEN);
    char *got = malloc(LEN);
    size_t have = 0;
    int ends[2];

    assert_non_null(bytes);
    assert_non_null(got);
    for (size_t i = 0; i < LEN; i++) {
        bytes[i] = (char)(i % 251);
    }
    open_pipe(f, ends, 0);
    assert_return_code(fcntl(ends[1], F_SETFL, O_NONBLOCK), errno);
    add(f, 1, bytes, LEN);
    sink_flush(f->sink);
    while (have < LEN) {
        ssize_t n = read(ends[0], got + have, LEN - have);

        assert_true(n > 0);
        have += (size_t)n;
    }
    assert_memory_equal(got, bytes, LEN);
    await(f, &f->stored, 1);
    assert_int_equal(f->result, RES_OK);
    close(ends[0]);
    close(ends[1]);
    free(bytes);
    free(got);
}

static void test_a_reader_that_went_away_is_an_error(void **state)
{
    struct fixture *f = *state;
    int ends[2];

    open_pipe(f, ends, 0);
    close(ends[0]);
    add(f, 1, "a", 1);
    sink_flush(f->sink);
    await(f, &f->stored, 1);
    assert_int_equal(f->result, RES_LOST);
    close(ends[1]);
}

static void test_a_full_pipe_holds_up_nobody_who_gives_up(void **state)
{
    enum { LEN = 300000 };
    struct fixture *f = *state;
    char *bytes = calloc(1, LEN);
    int ends[2];

    assert_non_null(bytes);
    open_pipe(f, ends, 0);
    add(f, 1, bytes, LEN);
    sink_flush(f->sink);
    let_go(f);
    await_idle(f); /* though nobody reads */
    close(ends[0]);
    close(ends[1]);
    free(bytes);
}

static void test_a_regular_file_may_be_the_descriptor(void **state)
{
    struct fixture *f = *state;
    struct sink_params p = params(f, false);
    int fd = open("out", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_return_code(fd, errno);
    assert_int_equal(sink_from_fd(&f->sink, &p, fd), RES_OK);
    store(f, 1, "one", 3);
    commit(f);
    scratch_holds("out", "one");
    close(fd);
}

static void test_a_closed_descriptor_is_refused(void **state)
{
    struct fixture *f = *state;
    struct sink_params p = params(f, false);

    assert_int_equal(sink_from_fd(&f->sink, &p, -1), RES_IO);
    assert_null(f->sink);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stored_blocks_are_the_file_after_commit),
        TEST(test_what_a_write_has_begun_with_waits_but_is_not_gathered),
        TEST(test_blocks_added_while_writing_go_with_the_next_batch),
        TEST(test_a_flush_of_nothing_is_not_answered),
        TEST(test_an_empty_last_block_is_stored_too),
        TEST(test_netascii_is_decoded_across_blocks_and_at_the_end),
        TEST(test_a_large_upload_arrives_byte_by_byte),
        TEST(test_why_an_upload_cannot_begin_is_told),
        TEST(test_a_failed_write_fails_all_that_follows),
        TEST(test_a_local_path_is_written_whole),
        TEST(test_a_fifo_opens_when_its_reader_comes),
        TEST(test_a_fifo_without_reader_holds_up_nobody_who_gives_up),
        TEST(test_a_sink_freed_at_any_time_leaves_nothing),
        TEST(test_a_commit_under_way_is_finished),
        TEST(test_a_sink_may_be_freed_in_its_callbacks),
        TEST(test_a_pool_that_ends_first_leaves_nothing),
        TEST(test_a_descriptor_gets_the_bytes_and_stays_open),
        TEST(test_a_nonblocking_descriptor_gets_more_than_it_holds),
        TEST(test_a_reader_that_went_away_is_an_error),
        TEST(test_a_full_pipe_holds_up_nobody_who_gives_up),
        TEST(test_a_regular_file_may_be_the_descriptor),
        TEST(test_a_closed_descriptor_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
