/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "support/scratch.h"

#define HOUR_NS (UINT64_C(3600) * 1000000000)
#define ID_TEXT "000102030405060708090a0b0c0d0eff"
#define DATA ".wherry-u" ID_TEXT
#define RECORD ".wherry-r" ID_TEXT

static const uint8_t id[WHERRY_UPLOAD_ID_BYTES] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                   8, 9, 10, 11, 12, 13, 14, 255};

static int dir_fd = -1;

static int setup(void **state)
{
    if (scratch_setup(state) == -1) {
        return -1;
    }
    dir_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return dir_fd == -1 ? -1 : 0;
}

static int teardown(void **state)
{
    close(dir_fd);
    return scratch_teardown(state);
}

static struct keep_record a_record(void)
{
    struct keep_record rec = {
        .facts = {.size = 0x0102030405060708, .create = true, .has_sha256 = true, .name = "a/b"},
        .sequence = 9,
        .synced = 5,
        .used_ns = 7,
    };

    memset(rec.facts.sha256, 0xd1, sizeof(rec.facts.sha256));
    memset(rec.facts.network, 0xee, sizeof(rec.facts.network));
    return rec;
}

/* --- bytes --- */

static void test_a_record_is_these_bytes(void **state)
{
    static const uint8_t head[] = {
        'W', 'H', 'R', 'Y', 'K', 'E', 'E', 'P', /* magic */
        0,   1,                                 /* version */
        1,                                      /* mode: create */
        1,                                      /* has a digest */
        0,   0,   0,   0,   0,   0,   0,   9,   /* sequence */
        1,   2,   3,   4,   5,   6,   7,   8,   /* size */
        0,   0,   0,   0,   0,   0,   0,   5,   /* synced */
        0,   0,   0,   0,   0,   0,   0,   7,   /* last use */
    };
    static const uint8_t name[] = {0, 3, 'a', '/', 'b'};
    struct keep_record rec = a_record();
    uint8_t place[KEEP_PLACE_BYTES];
    uint8_t sum[SHA256_DIGEST_LENGTH];
    size_t at = sizeof(head);

    (void)state;
    keep_encode(&rec, id, place);
    assert_memory_equal(place, head, sizeof(head));
    assert_memory_equal(place + at, rec.facts.network, 16);
    assert_memory_equal(place + at + 16, rec.facts.sha256, 32);
    assert_memory_equal(place + at + 48, id, 16);
    at += 64;
    assert_memory_equal(place + at, name, sizeof(name));
    at += sizeof(name);
    SHA256(place, at, sum);
    assert_memory_equal(place + at, sum, sizeof(sum));
}

static void test_what_was_encoded_is_decoded(void **state)
{
    struct keep_record rec = a_record();
    struct keep_record got;
    uint8_t place[KEEP_PLACE_BYTES];

    (void)state;
    memset(rec.facts.name, 'n', WHERRY_STRING_MAX); /* the longest */
    keep_encode(&rec, id, place);
    assert_int_equal(keep_decode(place, id, &got), RES_OK);
    assert_true(keep_same(&rec.facts, &got.facts));
    assert_int_equal(got.sequence, 9);
    assert_int_equal(got.synced, 5);
    assert_int_equal(got.used_ns, 7);
    rec.facts.create = false;
    rec.facts.has_sha256 = false;
    rec.facts.name[0] = '\0';
    keep_encode(&rec, id, place);
    assert_int_equal(keep_decode(place, id, &got), RES_OK);
    assert_true(keep_same(&rec.facts, &got.facts));
}

static void test_any_changed_byte_is_noticed(void **state)
{
    enum { USED = 108 + 2 + 3 + SHA256_DIGEST_LENGTH }; /* of a_record() */
    struct keep_record rec = a_record();
    struct keep_record got = {.sequence = 1};
    uint8_t place[KEEP_PLACE_BYTES];

    (void)state;
    for (size_t i = 0; i < USED; i++) {
        keep_encode(&rec, id, place);
        place[i] ^= 0x40;
        assert_int_equal(keep_decode(place, id, &got), RES_PROTOCOL);
    }
    assert_int_equal(got.sequence, 1);
    memset(place, 0, sizeof(place));
    assert_int_equal(keep_decode(place, id, &got), RES_PROTOCOL);
}

static void test_a_record_is_of_its_id_only(void **state)
{
    static const uint8_t other[WHERRY_UPLOAD_ID_BYTES] = {1};
    struct keep_record rec = a_record();
    uint8_t place[KEEP_PLACE_BYTES];

    (void)state;
    keep_encode(&rec, id, place);
    assert_int_equal(keep_decode(place, other, &rec), RES_PROTOCOL);
}

static void test_names_are_told_apart(void **state)
{
    uint8_t got[WHERRY_UPLOAD_ID_BYTES] = {0};

    (void)state;
    assert_int_equal(keep_parse_name(DATA, got), KEEP_DATA);
    assert_memory_equal(got, id, sizeof(id));
    assert_int_equal(keep_parse_name(RECORD, got), KEEP_RECORD);
    assert_int_equal(keep_parse_name(".wherry-uabcdefg", got),
                     KEEP_NONE); /* as temp.h makes them */
    assert_int_equal(keep_parse_name(DATA "0", got), KEEP_NONE);
    assert_int_equal(keep_parse_name(".wherry-u000102030405060708090a0b0c0d0eFF", got), KEEP_NONE);
    assert_int_equal(keep_parse_name(".wherry-u000102030405060708090a0b0c0d0efg", got), KEEP_NONE);
    assert_int_equal(keep_parse_name(".wherry-x" ID_TEXT, got), KEEP_NONE);
    assert_int_equal(keep_parse_name("u" ID_TEXT, got), KEEP_NONE);
}

static void test_age_never_runs_backwards(void **state)
{
    const struct keep_record rec = {.used_ns = 1000};

    (void)state;
    assert_int_equal(keep_age_ns(&rec, 1500), 500);
    assert_int_equal(keep_age_ns(&rec, 900), 0);
}

/* --- files --- */

static void open_new(struct keep_record *rec, struct temp *t)
{
    assert_int_equal(keep_open(dir_fd, id, HOUR_NS, rec, t), RES_OK);
    assert_int_equal(rec->synced, 0);
    assert_string_equal(t->name, DATA);
}

/* Leaves these bytes, all of which count. */
static void leave(const char *text)
{
    struct keep_record rec = a_record();
    struct temp t;

    open_new(&rec, &t);
    assert_int_equal(write(t.fd, text, strlen(text)), strlen(text));
    rec.synced = strlen(text);
    assert_int_equal(keep_write(dir_fd, id, &rec), RES_OK);
    temp_leave(&t);
}

static mode_t mode_of(const char *name)
{
    struct stat st;

    assert_return_code(stat(name, &st), errno);
    return st.st_mode & 07777;
}

static void test_data_and_record_are_for_nobody_else(void **state)
{
    (void)state;
    leave("one");
    assert_int_equal(scratch_count("."), 2);
    assert_int_equal(mode_of(DATA), 0600);
    assert_int_equal(mode_of(RECORD), 0600);
}

static void test_what_counts_is_gone_on_from(void **state)
{
    struct keep_record rec = a_record();
    struct temp t;

    (void)state;
    leave("one");
    assert_int_equal(keep_open(dir_fd, id, HOUR_NS, &rec, &t), RES_OK);
    assert_int_equal(rec.synced, 3);
    assert_int_equal(write(t.fd, "two", 3), 3);
    temp_leave(&t);
    scratch_holds(DATA, "onetwo");
    rec = a_record();
    assert_int_equal(keep_open(dir_fd, id, HOUR_NS, &rec, &t), RES_OK);
    assert_int_equal(rec.synced, 3); /* nobody has written that more counts */
    temp_leave(&t);
    scratch_holds(DATA, "one");
}

static void test_other_facts_are_refused_and_change_nothing(void **state)
{
    struct keep_record rec = a_record();
    struct temp t;

    (void)state;
    leave("one");
    rec.facts.size++;
    assert_int_equal(keep_open(dir_fd, id, HOUR_NS, &rec, &t), RES_OFFSET);
    scratch_holds(DATA, "one");
    rec = a_record();
    assert_int_equal(keep_open(dir_fd, id, HOUR_NS, &rec, &t), RES_OK);
    assert_int_equal(rec.synced, 3);
    temp_close(&t);
}

static void test_what_is_too_old_does_not_count(void **state)
{
    struct keep_record rec = a_record();
    struct temp t;

    (void)state;
    leave("one");
    rec.facts.size++; /* so it may be something else */
    assert_int_equal(keep_open(dir_fd, id, 0, &rec, &t), RES_OK);
    assert_int_equal(rec.synced, 0);
    scratch_holds(DATA, "");
    temp_close(&t);
}

static void test_what_runs_is_busy(void **state)
{
    struct keep_record rec = a_record();
    struct keep_record other = a_record();
    struct temp t;
    struct temp second;

    (void)state;
    open_new(&rec, &t);
    assert_int_equal(keep_open(dir_fd, id, HOUR_NS, &other, &second), RES_BUSY);
    assert_int_equal(keep_remove(dir_fd, id), RES_BUSY);
    assert_int_equal(keep_inspect(dir_fd, id, &other), RES_BUSY);
    assert_int_equal(scratch_count("."), 2);
    temp_leave(&t);
    assert_int_equal(keep_inspect(dir_fd, id, &other), RES_OK);
    assert_int_equal(other.synced, 0);
    assert_int_equal(keep_remove(dir_fd, id), RES_OK);
    assert_int_equal(scratch_count("."), 0);
    assert_int_equal(keep_remove(dir_fd, id), RES_OK); /* there is nothing more to do */
}

static void test_records_are_written_in_turn(void **state)
{
    struct keep_record rec = a_record();
    struct keep_record got;
    uint8_t garbage[KEEP_PLACE_BYTES] = {0};
    int fd;

    (void)state;
    rec.sequence = 0;
    for (uint64_t i = 1; i <= 4; i++) {
        rec.synced = i * 10;
        assert_int_equal(keep_write(dir_fd, id, &rec), RES_OK);
        assert_int_equal(rec.sequence, i);
        assert_int_equal(keep_read(dir_fd, id, &got), RES_OK);
        assert_int_equal(got.synced, i * 10);
    }
    fd = open(RECORD, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, garbage, sizeof(garbage), 0), sizeof(garbage)); /* the fourth */
    assert_int_equal(keep_read(dir_fd, id, &got), RES_OK);
    assert_int_equal(got.synced, 30);
    assert_int_equal(pwrite(fd, garbage, sizeof(garbage), KEEP_PLACE_BYTES), sizeof(garbage));
    assert_int_equal(keep_read(dir_fd, id, &got), RES_NOT_FOUND);
    close(fd);
}

/* keep_write() where files may not grow beyond so many bytes. */
static enum res write_within(rlim_t bytes, struct keep_record *rec)
{
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    struct rlimit usual;
    struct rlimit tight;
    enum res r;

    assert_return_code(getrlimit(RLIMIT_FSIZE, &usual), errno);
    tight = (struct rlimit){.rlim_cur = bytes, .rlim_max = usual.rlim_max};
    assert_return_code(setrlimit(RLIMIT_FSIZE, &tight), errno);
    r = keep_write(dir_fd, id, rec);
    assert_return_code(setrlimit(RLIMIT_FSIZE, &usual), errno);
    assert_true(signal(SIGXFSZ, before) != SIG_ERR);
    return r;
}

static void test_records_that_could_not_be_written_leave_the_last_one(void **state)
{
    struct keep_record rec = a_record();
    struct keep_record got;

    (void)state;
    rec.sequence = 0;
    rec.synced = 10;
    assert_int_equal(keep_write(dir_fd, id, &rec), RES_OK);
    rec.synced = 20;
    assert_int_equal(keep_write(dir_fd, id, &rec), RES_OK);
    rec.synced = 30;
    for (int i = 0; i < 3; i++) {
        assert_int_not_equal(write_within(100, &rec), RES_OK);
        assert_int_equal(rec.sequence, 2);
        assert_int_equal(keep_read(dir_fd, id, &got), RES_OK);
        assert_int_equal(got.synced, 20);
    }
    assert_int_equal(keep_write(dir_fd, id, &rec), RES_OK);
    assert_int_equal(keep_read(dir_fd, id, &got), RES_OK);
    assert_int_equal(got.synced, 30);
}

static void test_links_of_our_names_are_not_followed(void **state)
{
    struct keep_record rec = a_record();
    struct temp t;

    (void)state;
    scratch_file("theirs", "theirs");
    scratch_link("theirs", DATA);
    assert_int_not_equal(keep_open(dir_fd, id, HOUR_NS, &rec, &t), RES_OK);
    assert_int_not_equal(keep_remove(dir_fd, id), RES_OK);
    assert_return_code(unlink(DATA), errno);
    scratch_link("theirs", RECORD);
    assert_int_not_equal(keep_open(dir_fd, id, HOUR_NS, &rec, &t), RES_OK);
    scratch_holds("theirs", "theirs");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_record_is_these_bytes),
        TEST(test_what_was_encoded_is_decoded),
        TEST(test_any_changed_byte_is_noticed),
        TEST(test_a_record_is_of_its_id_only),
        TEST(test_names_are_told_apart),
        TEST(test_age_never_runs_backwards),
        TEST(test_data_and_record_are_for_nobody_else),
        TEST(test_what_counts_is_gone_on_from),
        TEST(test_other_facts_are_refused_and_change_nothing),
        TEST(test_what_is_too_old_does_not_count),
        TEST(test_what_runs_is_busy),
        TEST(test_records_are_written_in_turn),
        TEST(test_records_that_could_not_be_written_leave_the_last_one),
        TEST(test_links_of_our_names_are_not_followed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
