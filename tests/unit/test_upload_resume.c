/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/upload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/keep.h"
#include "store/upload_work.h"
#include "support/scratch.h"
#include "support/upload_story.h"

static const uint8_t zeros[WHERRY_UPLOAD_ID_BYTES];
static const uint8_t id_a[WHERRY_UPLOAD_ID_BYTES] = {0xa};
static const uint8_t id_b[WHERRY_UPLOAD_ID_BYTES] = {0xb};

#define RECORD_A "root/.wherry-r0a000000000000000000000000000000"
#define DATA_A "root/.wherry-u0a000000000000000000000000000000"

static struct upload_request request(const uint8_t *id)
{
    struct upload_request q = story_request("file", 9);

    q.upload_id = id;
    return q;
}

static void begin_at(struct upload_story *st, size_t client, const struct upload_request *q,
                     uint64_t offset)
{
    assert_int_equal(story_begin(st, client, q), RES_OK);
    assert_int_equal(st->clients[client].offset, offset);
}

/* Three bytes of nine. */
static void leave_broken(struct upload_story *st, const struct upload_request *q)
{
    begin_at(st, 0, q, 0);
    assert_int_equal(story_text(st, 0, "one"), RES_OK);
    story_break(st, 0);
}

static void finish_broken(struct upload_story *st, const struct upload_request *q)
{
    begin_at(st, 0, q, 3);
    assert_int_equal(story_text(st, 0, "twoend"), RES_OK);
    assert_int_equal(story_commit(st, 0, NULL), RES_OK);
    scratch_holds("root/file", "onetwoend");
}

/* --- going on --- */

static void test_a_broken_upload_goes_on_where_it_stopped(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    leave_broken(st, &q);
    assert_memory_equal(st->clients[0].id, id_a, sizeof(id_a));
    assert_int_equal(uploads_kept(st->uploads), 1);
    scratch_holds(DATA_A, "one");
    story_expect_files(st, 2);
    finish_broken(st, &q);
    assert_memory_equal(st->clients[0].id, id_a, sizeof(id_a));
    assert_int_equal(uploads_kept(st->uploads), 0);
    story_expect_files(st, 1);
}

static void test_it_may_break_again_and_again(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    leave_broken(st, &q);
    begin_at(st, 0, &q, 3);
    story_break(st, 0); /* nothing new */
    begin_at(st, 0, &q, 3);
    assert_int_equal(story_text(st, 0, "two"), RES_OK);
    story_break(st, 0);
    assert_int_equal(uploads_kept(st->uploads), 1);
    begin_at(st, 0, &q, 6);
    assert_int_equal(story_text(st, 0, "end"), RES_OK);
    assert_int_equal(story_commit(st, 0, NULL), RES_OK);
    scratch_holds("root/file", "onetwoend");
}

static void test_a_restarted_server_goes_on_too(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    leave_broken(st, &q);
    story_restart(st);
    assert_int_equal(st->removed, 0);
    assert_int_equal(uploads_kept(st->uploads), 1);
    finish_broken(st, &q);
    story_expect_files(st, 1);
}

static void test_what_ran_when_the_server_ended_goes_on(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    begin_at(st, 0, &q, 0);
    assert_int_equal(story_text(st, 0, "one"), RES_OK);
    story_restart(st);
    finish_broken(st, &q);
}

enum { KILLED_LEN = 20 << 20, KILLED_PIECE = 1 << 20 };

static int upload_until_killed(void *arg)
{
    const struct upload_request *q = arg;
    struct upload_story *st = story_new();
    char *bytes = story_bytes(KILLED_LEN);

    if (story_begin(st, 0, q) != RES_OK) {
        return 1;
    }
    for (size_t at = 0; at < KILLED_LEN; at += KILLED_PIECE) {
        if (story_add(st, 0, bytes + at, KILLED_PIECE) != RES_OK) {
            return 2;
        }
    }
    story_settle(st);
    _exit(0); /* without a word to anybody */
}

static void test_a_killed_server_goes_on_from_what_was_synced(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);
    char *bytes = story_bytes(KILLED_LEN);
    uint8_t sum[WHERRY_SHA256_BYTES];
    uint64_t offset;

    story_sha256(bytes, KILLED_LEN, sum);
    q.size = KILLED_LEN;
    q.sha256 = sum;
    assert_int_equal(scratch_in_child(upload_until_killed, &q, false), 0);
    story_restart(st);
    assert_int_equal(uploads_kept(st->uploads), 1);
    assert_int_equal(story_begin(st, 0, &q), RES_OK);
    offset = st->clients[0].offset;
    assert_in_range(offset, UPLOAD_SYNC_BYTES, KILLED_LEN);
    assert_int_equal(story_add(st, 0, bytes + offset, KILLED_LEN - offset), RES_OK);
    assert_int_equal(story_commit(st, 0, NULL), RES_OK); /* the digest is of the whole */
    free(bytes);
    story_expect_files(st, 1);
}

static void test_bytes_behind_what_counts_are_cut_off(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);
    FILE *data;

    leave_broken(st, &q);
    data = fopen(DATA_A, "a");
    assert_non_null(data);
    assert_int_equal(fputs("torn off", data) >= 0, 1);
    fclose(data);
    finish_broken(st, &q);
}

/* --- ids --- */

static void test_an_id_of_zeros_asks_for_one(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(zeros);
    uint8_t id[WHERRY_UPLOAD_ID_BYTES];

    leave_broken(st, &q);
    memcpy(id, st->clients[0].id, sizeof(id));
    assert_memory_not_equal(id, zeros, sizeof(id));
    begin_at(st, 0, &q, 0);
    assert_memory_not_equal(st->clients[0].id, id, sizeof(id));
    story_drop(st, 0);
    q.upload_id = id;
    finish_broken(st, &q);
}

static void test_two_ids_of_one_name_never_mix(void **state)
{
    struct upload_story *st = *state;
    struct upload_request a = request(id_a);
    struct upload_request b = request(id_b);

    leave_broken(st, &a);
    begin_at(st, 1, &b, 0);
    assert_int_equal(story_text(st, 1, "something"), RES_OK);
    assert_int_equal(story_commit(st, 1, NULL), RES_OK);
    scratch_holds("root/file", "something");
    finish_broken(st, &a);
}

static void test_it_goes_on_only_as_the_same_upload(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);
    struct upload_request other;
    uint8_t sum[WHERRY_SHA256_BYTES];

    scratch_dir("root/dir");
    story_sha256("onetwoend", 9, sum);
    leave_broken(st, &q);
    for (int i = 0; i < 2; i++) { /* the second time after a restart */
        other = q;
        other.name = "other";
        assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
        other.name = "dir/file";
        assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
        other = q;
        other.size = 10;
        assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
        other.size = WHERRY_SIZE_UNKNOWN;
        assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
        other = q;
        other.create = true;
        assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
        other = q;
        other.sha256 = sum;
        assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
        other = q;
        other.network[14]++;
        assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
        assert_int_equal(uploads_kept(st->uploads), 1);
        story_restart(st);
    }
    finish_broken(st, &q);
}

static void test_it_goes_on_only_under_the_policy_of_today(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    leave_broken(st, &q);
    st->limits.policy = POLICY_WRITE_NONE;
    story_limit(st);
    assert_int_equal(story_begin(st, 0, &q), RES_DENIED);
    scratch_file("root/file", "old");
    st->limits.policy = POLICY_WRITE_CREATE;
    story_limit(st);
    story_await(st, &st->swept, 2); /* uploads were allowed anew */
    assert_int_equal(story_begin(st, 0, &q), RES_EXISTS);
    assert_int_equal(uploads_kept(st->uploads), 1);
    st->limits.policy = POLICY_WRITE_REPLACE;
    story_limit(st);
    finish_broken(st, &q);
}

/* --- what is not kept --- */

static void test_what_is_dropped_is_not_kept(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    leave_broken(st, &q);
    begin_at(st, 0, &q, 3);
    story_drop(st, 0);
    assert_int_equal(uploads_kept(st->uploads), 0);
    story_expect_files(st, 0);
    begin_at(st, 0, &q, 0);
}

static void test_what_broke_before_its_first_byte_is_not_kept(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    begin_at(st, 0, &q, 0);
    story_break(st, 0);
    assert_int_equal(uploads_kept(st->uploads), 0);
    story_expect_files(st, 0);
}

static void test_what_failed_is_not_kept(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);
    uint8_t sum[WHERRY_SHA256_BYTES];

    begin_at(st, 0, &q, 0);
    assert_int_equal(story_text(st, 0, "ten bytes."), RES_OFFSET);
    story_break(st, 0);
    story_expect_files(st, 0);
    begin_at(st, 0, &q, 0);
    assert_int_equal(story_text(st, 0, "8 bytes."), RES_OK);
    assert_int_equal(story_commit(st, 0, NULL), RES_OFFSET);
    story_expect_files(st, 0);
    story_sha256("something", 9, sum);
    q.sha256 = sum;
    begin_at(st, 0, &q, 0);
    assert_int_equal(story_text(st, 0, "some"), RES_OK);
    story_break(st, 0);
    begin_at(st, 0, &q, 4);
    assert_int_equal(story_text(st, 0, "other"), RES_OK);
    assert_int_equal(story_commit(st, 0, NULL), RES_DIGEST);
    assert_int_equal(uploads_kept(st->uploads), 0);
    story_expect_files(st, 0);
}

static void test_what_breaks_while_it_is_hashed_is_kept(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);
    uint8_t sum[WHERRY_SHA256_BYTES];

    story_sha256("onetwoend", 9, sum);
    begin_at(st, 0, &q, 0);
    assert_int_equal(story_text(st, 0, "onetwoend"), RES_OK);
    story_settle(st);
    upload_commit(st->clients[0].upload, sum);
    story_break(st, 0);
    begin_at(st, 0, &q, 9);
    assert_int_equal(story_commit(st, 0, sum), RES_OK);
    scratch_holds("root/file", "onetwoend");
}

static void test_where_nothing_is_kept_there_is_no_id(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    st->limits.keep_ns = 0;
    story_limit(st);
    leave_broken(st, &q);
    assert_memory_equal(st->clients[0].id, zeros, sizeof(zeros));
    story_expect_files(st, 0);
}

/* --- time --- */

static void await_reaped(struct upload_story *st)
{
    unsigned gone = 0;

    for (int i = 0; i < 1000 && gone == 0; i++) {
        story_pass(st, 10000000);
        gone = uploads_kept(st->uploads) == 0;
    }
    assert_int_equal(gone, 1);
    story_expect_files(st, 0);
}

static void test_what_is_over_is_reaped(void **state)
{
    struct upload_story *st = *state;
    struct upload_request a = request(id_a);
    struct upload_request b = request(id_b);

    st->limits.keep_ns = 200000000;
    story_limit(st);
    leave_broken(st, &a);
    leave_broken(st, &b);
    await_reaped(st);
    begin_at(st, 0, &a, 0); /* the id is free again */
}

static void test_a_shorter_time_holds_at_once(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    leave_broken(st, &q);
    st->limits.keep_ns = 1;
    story_limit(st);
    await_reaped(st);
}

static void test_what_is_over_at_a_restart_is_removed(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    leave_broken(st, &q);
    st->limits.keep_ns = 1;
    story_restart(st);
    assert_int_equal(st->removed, 1);
    assert_int_equal(uploads_kept(st->uploads), 0);
    story_expect_files(st, 0);
}

static void test_time_goes_on_over_a_restart(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);
    struct keep_record rec;
    int dir_fd = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    uint8_t place[KEEP_PLACE_BYTES];
    int fd;

    leave_broken(st, &q);
    assert_int_equal(keep_read(dir_fd, id_a, &rec), RES_OK);
    rec.sequence++;
    rec.used_ns -= STORY_HOUR_NS - 300000000; /* soon over */
    keep_encode(&rec, id_a, place);
    fd = open(RECORD_A, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, place, sizeof(place), (off_t)(rec.sequence % 2 * sizeof(place))),
                     sizeof(place));
    close(fd);
    close(dir_fd);
    story_restart(st);
    await_reaped(st);
}

/* --- one id, many who name it --- */

static void test_the_newest_takes_an_id_over(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    begin_at(st, 1, &q, 0);
    assert_int_equal(story_text(st, 1, "one"), RES_OK);
    finish_broken(st, &q); /* it waits until the other's bytes are safe */
    assert_int_equal(st->clients[1].superseded, 1);
    assert_int_equal(uploads_kept(st->uploads), 0);
    story_expect_files(st, 1);
}

static void test_what_the_older_drops_is_gone(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    begin_at(st, 1, &q, 0);
    assert_int_equal(story_text(st, 1, "one"), RES_OK);
    st->clients[1].drops = true;
    begin_at(st, 0, &q, 0);
    assert_int_equal(st->clients[1].superseded, 1);
}

static void ignore(void *owner, enum res r, uint64_t offset,
                   const uint8_t id[WHERRY_UPLOAD_ID_BYTES])
{
    (void)owner;
    (void)r;
    (void)offset;
    (void)id;
    fail();
}

struct waiting {
    struct upload *upload;
    unsigned superseded;
};

static void give_way(void *owner)
{
    struct waiting *w = owner;

    w->superseded++;
    upload_break(w->upload);
    w->upload = NULL;
}

static void test_who_waits_for_an_id_gives_way_to_a_newer(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);
    struct waiting w = {0};
    const struct upload_params p = {.opened = ignore, .superseded = give_way, .owner = &w};

    begin_at(st, 1, &q, 0);
    assert_int_equal(story_text(st, 1, "one"), RES_OK);
    assert_int_equal(upload_begin(&w.upload, st->uploads, &q, &p), RES_LATER);
    finish_broken(st, &q);
    assert_int_equal(st->clients[1].superseded, 1);
    assert_int_equal(w.superseded, 1);
}

static void test_who_waits_for_an_id_may_go(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);
    struct waiting w = {0};
    const struct upload_params p = {.opened = ignore, .superseded = give_way, .owner = &w};

    begin_at(st, 1, &q, 0);
    assert_int_equal(story_text(st, 1, "one"), RES_OK);
    assert_int_equal(upload_begin(&w.upload, st->uploads, &q, &p), RES_LATER);
    upload_drop(w.upload);
    story_settle(st);
    assert_int_equal(st->clients[1].superseded, 1);
    finish_broken(st, &q);
}

static void test_another_upload_ends_nobody(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);
    struct upload_request other = q;

    other.network[14]++;
    begin_at(st, 1, &q, 0);
    assert_int_equal(story_text(st, 1, "one"), RES_OK);
    assert_int_equal(story_begin(st, 0, &other), RES_OFFSET);
    assert_int_equal(st->clients[1].superseded, 0);
    assert_int_equal(story_text(st, 1, "twoend"), RES_OK);
    assert_int_equal(story_commit(st, 1, NULL), RES_OK);
}

static void test_a_commit_under_way_is_waited_for(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    begin_at(st, 1, &q, 0);
    assert_int_equal(story_text(st, 1, "onetwoend"), RES_OK);
    story_settle(st);
    upload_commit(st->clients[1].upload, NULL);
    begin_at(st, 0, &q, 0); /* the id is unknown by now */
    assert_int_equal(st->clients[1].committed, 1);
    assert_int_equal(st->clients[1].result, RES_OK);
    assert_int_equal(st->clients[1].superseded, 0);
    scratch_holds("root/file", "onetwoend");
}

/* --- what a power cut leaves --- */

static void tear(off_t at)
{
    int fd = open(RECORD_A, O_WRONLY | O_CLOEXEC);

    assert_return_code(fd, errno);
    assert_int_equal(pwrite(fd, "torn", 4, at), 4);
    close(fd);
}

static void test_one_torn_record_leaves_the_one_before(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    leave_broken(st, &q); /* second writing: after begin and break */
    tear(20);             /* the first place holds writing 2 */
    story_restart(st);
    /* The one before says that nothing counts. */
    assert_int_equal(uploads_kept(st->uploads), 0);
    assert_int_equal(st->removed, 1);

    leave_broken(st, &q);
    tear(KEEP_PLACE_BYTES + 20);
    story_restart(st);
    assert_int_equal(uploads_kept(st->uploads), 1);
    finish_broken(st, &q);
}

static void test_records_without_use_are_removed(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    leave_broken(st, &q);
    tear(20);
    tear(KEEP_PLACE_BYTES + 20);
    story_restart(st);
    assert_int_equal(st->removed, 1);
    story_expect_files(st, 0);

    leave_broken(st, &q);
    assert_return_code(unlink(DATA_A), errno);
    story_restart(st);
    assert_int_equal(st->removed, 1);
    story_expect_files(st, 0);

    leave_broken(st, &q);
    assert_return_code(unlink(RECORD_A), errno);
    story_restart(st);
    assert_int_equal(st->removed, 1);
    story_expect_files(st, 0);

    leave_broken(st, &q);
    assert_return_code(truncate(DATA_A, 2), errno); /* less than counts */
    begin_at(st, 0, &q, 0);
}

static void test_what_was_moved_cannot_go_on_and_is_removed(void **state)
{
    struct upload_story *st = *state;
    struct upload_request q = request(id_a);

    leave_broken(st, &q);
    scratch_dir("root/dir");
    assert_return_code(rename(DATA_A, "root/dir/.wherry-u0a000000000000000000000000000000"), errno);
    assert_return_code(rename(RECORD_A, "root/dir/.wherry-r0a000000000000000000000000000000"),
                       errno);
    story_restart(st);
    assert_int_equal(uploads_kept(st->uploads), 0);
    assert_int_equal(scratch_count("root/dir"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, story_setup, story_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_broken_upload_goes_on_where_it_stopped),
        TEST(test_it_may_break_again_and_again),
        TEST(test_a_restarted_server_goes_on_too),
        TEST(test_what_ran_when_the_server_ended_goes_on),
        TEST(test_a_killed_server_goes_on_from_what_was_synced),
        TEST(test_bytes_behind_what_counts_are_cut_off),
        TEST(test_an_id_of_zeros_asks_for_one),
        TEST(test_two_ids_of_one_name_never_mix),
        TEST(test_it_goes_on_only_as_the_same_upload),
        TEST(test_it_goes_on_only_under_the_policy_of_today),
        TEST(test_what_is_dropped_is_not_kept),
        TEST(test_what_broke_before_its_first_byte_is_not_kept),
        TEST(test_what_failed_is_not_kept),
        TEST(test_what_breaks_while_it_is_hashed_is_kept),
        TEST(test_where_nothing_is_kept_there_is_no_id),
        TEST(test_what_is_over_is_reaped),
        TEST(test_a_shorter_time_holds_at_once),
        TEST(test_what_is_over_at_a_restart_is_removed),
        TEST(test_time_goes_on_over_a_restart),
        TEST(test_the_newest_takes_an_id_over),
        TEST(test_what_the_older_drops_is_gone),
        TEST(test_who_waits_for_an_id_gives_way_to_a_newer),
        TEST(test_who_waits_for_an_id_may_go),
        TEST(test_another_upload_ends_nobody),
        TEST(test_a_commit_under_way_is_waited_for),
        TEST(test_one_torn_record_leaves_the_one_before),
        TEST(test_records_without_use_are_removed),
        TEST(test_what_was_moved_cannot_go_on_and_is_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
