/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/upload.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "store/validator.h"
#include "support/scratch.h"
#include "support/upload_broken.h"

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_return_code(stat(path, &st), errno);
    return st.st_mode & 07777;
}

static enum res put(struct upload_story *st, const struct upload_request *q, const char *text)
{
    enum res r = story_begin(st, 0, q);

    if (r != RES_OK) {
        return r;
    }
    r = story_text(st, 0, text);
    if (r != RES_OK) {
        story_drop(st, 0);
        return r;
    }
    return story_commit(st, 0, NULL);
}

static void test_bytes_are_the_file_after_commit(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = story_request("new", 9);
    uint8_t validator[WHERRY_VALIDATOR_BYTES];
    struct stat stat_now;

    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    assert_int_equal(st->clients[0].offset, 0);
    assert_int_equal(story_text(st, 0, "one "), RES_OK);
    assert_int_equal(story_text(st, 0, ""), RES_OK);
    assert_int_equal(story_text(st, 0, "bytes"), RES_OK);
    story_settle(st);
    scratch_absent("root/new");
    assert_int_equal(story_commit(st, 0, NULL), RES_OK);
    scratch_holds("root/new", "one bytes");
    assert_int_equal(mode_of("root/new"), 0640);
    assert_return_code(stat("root/new", &stat_now), errno);
    validator_make(&stat_now, validator);
    assert_memory_equal(st->clients[0].validator, validator, sizeof(validator));
    story_expect_files(st, 1);
}

static void test_an_empty_file_is_a_file(void **state)
{
    struct upload_request q = story_request("empty", 0);

    assert_int_equal(put(*state, &q, ""), RES_OK);
    scratch_holds("root/empty", "");
    story_expect_files(*state, 1);
}

static void test_a_replaced_file_keeps_its_mode(void **state)
{
    struct upload_request q = story_request("file", WHERRY_SIZE_UNKNOWN);

    scratch_file("root/file", "old");
    assert_return_code(chmod("root/file", 0604), errno);
    assert_int_equal(put(*state, &q, "new"), RES_OK);
    scratch_holds("root/file", "new");
    assert_int_equal(mode_of("root/file"), 0604);
    story_expect_files(*state, 1);
}

/* What fsync(2) saw of root/file, called by the pool. */
static struct {
    const struct upload_story *story;
    ino_t file;         /* a regular file was synced: this one ... */
    bool before_name;   /* ... when the name did not lead to it yet ... */
    mode_t named_mode;  /* ... and when it did, with this mode */
    ino_t dir;          /* a directory was synced: this one ... */
    bool behind_name;   /* ... when the name led to the file */
    bool before_answer; /* and nobody had been told */
} synced;

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
    struct stat named = {.st_ino = 0};
    struct stat st;

    assert_return_code(fstat(fd, &st), errno);
    (void)stat("root/file", &named);
    if (S_ISREG(st.st_mode)) {
        synced.file = st.st_ino;
        if (named.st_ino != st.st_ino) {
            synced.before_name = true;
        } else {
            synced.named_mode = st.st_mode;
        }
    } else {
        synced.dir = st.st_ino;
        synced.behind_name = named.st_ino == synced.file;
        synced.before_answer = synced.story->clients[0].committed == 0;
    }
    return __real_fsync(fd);
}

static void expect_synced_put(struct upload_story *st, const char *text)
{
    struct upload_request q = story_request("file", strlen(text));
    struct stat file;
    struct stat dir;

    q.sync = true;
    memset(&synced, 0, sizeof(synced));
    synced.story = st;
    st->clients[0].committed = 0;
    assert_int_equal(put(st, &q, text), RES_OK);
    scratch_holds("root/file", text);
    assert_return_code(stat("root/file", &file), errno);
    assert_return_code(stat("root", &dir), errno);
    assert_int_equal(synced.file, file.st_ino);
    assert_int_equal(synced.named_mode, file.st_mode);
    assert_int_equal(synced.dir, dir.st_ino);
    assert_true(synced.before_name && synced.behind_name && synced.before_answer);
    story_expect_files(st, 1);
}

static void test_file_and_directory_are_on_disk_before_a_synced_upload_is_answered(void **state)
{
    expect_synced_put(*state, "bytes"); /* a new name */
    expect_synced_put(*state, "twice"); /* a file that is replaced */
}

static void test_an_upload_that_nobody_wants_synced_is_not(void **state)
{
    struct upload_request q = story_request("file", 5);

    memset(&synced, 0, sizeof(synced));
    synced.story = *state;
    assert_int_equal(put(*state, &q, "bytes"), RES_OK);
    assert_int_equal(synced.file, 0);
    assert_int_equal(synced.dir, 0);
}

static void test_a_large_upload_arrives_byte_by_byte(void **state)
{
    enum { LEN = 3000000, PIECE = 262144 };
    struct upload_story *st = *state;
    struct upload_request q = story_request("large", LEN);
    char *bytes = story_bytes(LEN);
    uint8_t expected[WHERRY_SHA256_BYTES];
    struct stat stored;

    story_sha256(bytes, LEN, expected);
    q.sha256 = expected;
    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    for (size_t at = 0; at < LEN; at += PIECE) {
        assert_int_equal(story_add(st, 0, bytes + at, LEN - at < PIECE ? LEN - at : PIECE), RES_OK);
    }
    assert_int_equal(story_commit(st, 0, expected), RES_OK);
    assert_return_code(stat("root/large", &stored), errno);
    assert_int_equal(stored.st_size, LEN);
    free(bytes);
    story_expect_files(st, 1);
}

/* --- who may --- */

static void test_where_nobody_may_upload_it_is_denied(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = story_request("file", 3);

    st->limits.policy = POLICY_WRITE_NONE;
    story_limit(st);
    assert_int_equal(put(st, &q, "new"), RES_DENIED);
    q.name = "none/file";
    assert_int_equal(put(st, &q, "new"), RES_DENIED);
    story_expect_files(st, 0);
}

static void test_create_is_for_new_names_only(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = story_request("file", 3);

    q.create = true;
    assert_int_equal(put(st, &q, "one"), RES_OK);
    assert_int_equal(put(st, &q, "two"), RES_EXISTS);
    q.create = false;
    assert_int_equal(put(st, &q, "new"), RES_OK);
    st->limits.policy = POLICY_WRITE_CREATE;
    story_limit(st);
    assert_int_equal(put(st, &q, "two"), RES_EXISTS);
    q.name = "other";
    assert_int_equal(put(st, &q, "new"), RES_OK);
    scratch_holds("root/file", "new");
    story_expect_files(st, 2);
}

static void test_of_two_creations_the_later_gets_exists(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = story_request("file", 3);

    q.create = true;
    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    assert_int_equal(story_begin(st, 1, &q), RES_OK);
    assert_int_equal(story_text(st, 0, "one"), RES_OK);
    assert_int_equal(story_text(st, 1, "two"), RES_OK);
    assert_int_equal(story_commit(st, 1, NULL), RES_OK);
    assert_int_equal(story_commit(st, 0, NULL), RES_EXISTS);
    scratch_holds("root/file", "two");
    story_expect_files(st, 1);
}

static void test_a_name_that_cannot_be_a_file_says_why(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = story_request("dir", 3);

    scratch_dir("root/dir");
    assert_return_code(mkfifo("root/fifo", 0600), errno);
    assert_int_equal(put(st, &q, "new"), RES_IS_DIR);
    q.name = "";
    assert_int_equal(put(st, &q, "new"), RES_IS_DIR);
    q.name = "fifo";
    assert_int_equal(put(st, &q, "new"), RES_DENIED);
    q.name = "none/file";
    assert_int_equal(put(st, &q, "new"), RES_NOT_FOUND);
    q.name = "../file";
    assert_int_equal(put(st, &q, "new"), RES_NAME);
    q.name = "dir/.wherry-aaaaaaaa";
    assert_int_equal(put(st, &q, "new"), RES_NAME);
    story_expect_files(st, 2);
}

static void test_a_backslash_is_a_character(void **state)
{
    struct upload_request q = story_request("dir\\file", 3);

    scratch_dir("root/dir");
    assert_int_equal(put(*state, &q, "new"), RES_OK);
    scratch_holds("root/dir\\file", "new");
    assert_int_equal(scratch_count("root/dir"), 0);
}

/* --- what came is not what was announced --- */

static void test_fewer_bytes_than_announced_store_nothing(void **state)
{
    struct upload_request q = story_request("file", 4);

    scratch_file("root/file", "old");
    assert_int_equal(put(*state, &q, "new"), RES_OFFSET);
    scratch_holds("root/file", "old");
    story_expect_files(*state, 1);
}

static void test_more_bytes_than_announced_store_nothing(void **state)
{
    struct upload_request q = story_request("file", 4);

    assert_int_equal(put(*state, &q, "a new"), RES_OFFSET);
    story_expect_files(*state, 0);
}

static void test_a_digest_that_fits_is_accepted(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = story_request("file", WHERRY_SIZE_UNKNOWN);
    uint8_t sum[WHERRY_SHA256_BYTES];

    story_sha256("bytes", 5, sum);
    q.sha256 = sum;
    assert_int_equal(put(st, &q, "bytes"), RES_OK);
    q.sha256 = NULL;
    q.name = "other";
    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    assert_int_equal(story_text(st, 0, "bytes"), RES_OK);
    assert_int_equal(story_commit(st, 0, sum), RES_OK);
    story_expect_files(st, 2);
}

static void test_a_digest_that_does_not_fit_stores_nothing(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = story_request("file", WHERRY_SIZE_UNKNOWN);
    uint8_t sum[WHERRY_SHA256_BYTES];
    uint8_t other[WHERRY_SHA256_BYTES];

    story_sha256("bytes", 5, sum);
    story_sha256("Bytes", 5, other);
    scratch_file("root/file", "old");
    q.sha256 = sum;
    assert_int_equal(put(st, &q, "Bytes"), RES_DIGEST);
    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    assert_int_equal(story_text(st, 0, "bytes"), RES_OK);
    assert_int_equal(story_commit(st, 0, other), RES_DIGEST); /* END's differs from PUT's */
    q.sha256 = NULL;
    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    assert_int_equal(story_text(st, 0, "bytes"), RES_OK);
    assert_int_equal(story_commit(st, 0, other), RES_DIGEST);
    scratch_holds("root/file", "old");
    story_expect_files(st, 1);
}

/* --- owners that go away --- */

static void test_what_is_dropped_or_broken_leaves_nothing(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = story_request("file", 3);

    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    assert_int_equal(story_text(st, 0, "new"), RES_OK);
    story_drop(st, 0);
    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    assert_int_equal(story_text(st, 0, "new"), RES_OK);
    story_break(st, 0); /* without an id */
    assert_int_equal(uploads_kept(st->uploads), 0);
    story_expect_files(st, 0);
    upload_drop(NULL);
    upload_break(NULL);
}

static void test_an_upload_dropped_while_it_opens_answers_nobody(void **state)
{
    static const struct upload_params p = {.opened = broken_never_opened};
    struct upload_story *st = *state;
    struct upload_request q = story_request("file", 3);
    struct upload *u;

    assert_int_equal(upload_begin(&u, st->uploads, &q, &p), RES_LATER);
    assert_true(upload_may_stop(u));
    upload_drop(u);
    assert_int_equal(upload_begin(&u, st->uploads, &q, &p), RES_LATER);
    upload_break(u);
    story_expect_files(st, 0);
}

static void test_a_commit_past_its_last_step_is_finished(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = story_request("file", 3);
    struct story_client *c = &st->clients[0];

    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    assert_int_equal(story_text(st, 0, "new"), RES_OK);
    story_settle(st);
    upload_commit(c->upload, NULL);
    assert_false(upload_may_stop(c->upload));
    story_drop(st, 0);
    assert_int_equal(c->committed, 0);
    scratch_holds("root/file", "new");
    story_expect_files(st, 1);
}

static void test_a_commit_before_its_last_step_may_be_dropped(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = story_request("file", 3);
    struct story_client *c = &st->clients[0];
    uint8_t sum[WHERRY_SHA256_BYTES];

    story_sha256("new", 3, sum);
    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    assert_int_equal(story_text(st, 0, "new"), RES_OK);
    story_settle(st);
    upload_commit(c->upload, sum); /* it is hashed first */
    assert_true(upload_may_stop(c->upload));
    story_drop(st, 0);
    assert_int_equal(c->committed, 0);
    story_expect_files(st, 0);
}

static void test_a_server_that_ends_leaves_nothing(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = story_request("file", 3);

    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    assert_int_equal(story_text(st, 0, "new"), RES_OK);
    story_restart(st);
    story_expect_files(st, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, story_setup, story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bytes_are_the_file_after_commit),
        TEST(test_an_empty_file_is_a_file),
        TEST(test_a_replaced_file_keeps_its_mode),
        TEST(test_file_and_directory_are_on_disk_before_a_synced_upload_is_answered),
        TEST(test_an_upload_that_nobody_wants_synced_is_not),
        TEST(test_a_large_upload_arrives_byte_by_byte),
        TEST(test_where_nobody_may_upload_it_is_denied),
        TEST(test_create_is_for_new_names_only),
        TEST(test_of_two_creations_the_later_gets_exists),
        TEST(test_a_name_that_cannot_be_a_file_says_why),
        TEST(test_a_backslash_is_a_character),
        TEST(test_fewer_bytes_than_announced_store_nothing),
        TEST(test_more_bytes_than_announced_store_nothing),
        TEST(test_a_digest_that_fits_is_accepted),
        TEST(test_a_digest_that_does_not_fit_stores_nothing),
        TEST(test_what_is_dropped_or_broken_leaves_nothing),
        TEST(test_an_upload_dropped_while_it_opens_answers_nobody),
        TEST(test_a_commit_past_its_last_step_is_finished),
        TEST(test_a_commit_before_its_last_step_may_be_dropped),
        TEST(test_a_server_that_ends_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
