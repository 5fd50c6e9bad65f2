/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/hasher.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/jail.h"
#include "store/validator.h"
#include "support/scratch.h"

/* Long before now: no write of this test has such a time stamp. */
#define LONG_AGO 1000000000
#define REMEMBERED 2u
#define LONG_BYTES ((off_t)64 * 1024 * 1024)

/* FIPS 180-2, appendix B, and the sum of nothing (NIST's example values). */
#define SUM_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SUM_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SUM_MILLION "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

/* --- what happens while a file is hashed, and what time it is --- */

static atomic_uint digests;
static void (*meanwhile)(void); /* once, in the hasher's thread, before the next bytes are hashed */
static struct timespec wall;    /* tv_sec 0: the real one */

int __real_EVP_DigestInit_ex(EVP_MD_CTX *ctx, const EVP_MD *type, ENGINE *engine);
int __wrap_EVP_DigestInit_ex(EVP_MD_CTX *ctx, const EVP_MD *type, ENGINE *engine);
int __real_EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *bytes, size_t len);
int __wrap_EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *bytes, size_t len);
int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);

int __wrap_EVP_DigestInit_ex(EVP_MD_CTX *ctx, const EVP_MD *type, ENGINE *engine)
{
    atomic_fetch_add(&digests, 1);
    return __real_EVP_DigestInit_ex(ctx, type, engine);
}

int __wrap_EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *bytes, size_t len)
{
    void (*act)(void) = meanwhile;

    if (act != NULL) {
        meanwhile = NULL;
        act();
    }
    return __real_EVP_DigestUpdate(ctx, bytes, len);
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
    if (id == CLOCK_REALTIME && wall.tv_sec != 0) {
        *ret = wall;
        return 0;
    }
    return __real_clock_gettime(id, ret);
}

/* --- a hasher with one thread, and what it answers --- */

struct fixture;

struct asked {
    struct fixture *f;
    struct hashing *hashing;
    unsigned answers;
    unsigned turn; /* which answer of all it was */
    struct hasher_answer a;
    struct asked *victim; /* cancelled by this one's answer */
};

struct fixture {
    struct loop *loop;
    struct jail *jail;
    struct hasher *hasher;
    unsigned answers;
    struct asked one, two;
    sem_t inside, go;
};

static struct fixture *current; /* for what happens in the hasher's thread */

static void on_answer(void *owner, const struct hasher_answer *a)
{
    struct asked *q = owner;

    q->a = *a;
    q->answers++;
    q->turn = ++q->f->answers;
    q->hashing = NULL;
    if (q->victim != NULL) {
        hashing_cancel(q->victim->hashing);
        q->victim->hashing = NULL;
    }
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(scratch_setup(state), 0);
    atomic_store(&digests, 0);
    meanwhile = NULL;
    wall.tv_sec = 0;
    assert_int_equal(loop_new(&f->loop), RES_OK);
    assert_int_equal(jail_open(&f->jail, "."), RES_OK);
    assert_int_equal(hasher_new(&f->hasher, f->loop, f->jail, 1, REMEMBERED), RES_OK);
    assert_int_equal(sem_init(&f->inside, 0, 0), 0);
    assert_int_equal(sem_init(&f->go, 0, 0), 0);
    f->one.f = f;
    f->two.f = f;
    current = f;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    hasher_free(f->hasher);
    jail_free(f->jail);
    loop_free(f->loop);
    sem_destroy(&f->inside);
    sem_destroy(&f->go);
    free(f);
    return scratch_teardown(state);
}

static void set_mtime(const char *path, time_t seconds, long ns)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = seconds, .tv_nsec = ns}};

    assert_return_code(utimensat(AT_FDCWD, path, times, 0), errno);
}

/* A file that nobody wrote to for a long time. */
static void have_file(const char *path, const char *text)
{
    scratch_file(path, text);
    set_mtime(path, LONG_AGO, 0);
}

static void have_long_file(const char *path)
{
    have_file(path, "");
    assert_return_code(truncate(path, LONG_BYTES), errno);
    set_mtime(path, LONG_AGO, 0);
}

static void ask(struct fixture *f, const char *name, struct asked *q)
{
    assert_int_equal(hasher_name(f->hasher, name, NULL, on_answer, q, &q->hashing), RES_OK);
}

static void wait_for(struct fixture *f, const struct asked *q, unsigned answers)
{
    while (q->answers < answers) {
        loop_turn(f->loop, true);
    }
}

static const struct hasher_answer *hash(struct fixture *f, const char *name)
{
    unsigned before = f->one.answers;

    ask(f, name, &f->one);
    wait_for(f, &f->one, before + 1);
    return &f->one.a;
}

static void expect_sum(const struct hasher_answer *a, const char *expected)
{
    char text[2 * WHERRY_SHA256_BYTES + 1];

    assert_int_equal(a->result, RES_OK);
    for (size_t i = 0; i < WHERRY_SHA256_BYTES; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", a->sha256[i]);
    }
    assert_string_equal(text, expected);
}

/* --- sums --- */

static void test_sums_are_those_of_the_standard(void **state)
{
    struct fixture *f = *state;
    char *million = malloc(1000001);

    assert_non_null(million);
    memset(million, 'a', 1000000);
    million[1000000] = '\0';
    scratch_file("empty", "");
    scratch_file("abc", "abc");
    scratch_file("million", million);
    free(million);
    expect_sum(hash(f, "empty"), SUM_EMPTY);
    expect_sum(hash(f, "abc"), SUM_ABC);
    expect_sum(hash(f, "million"), SUM_MILLION);
}

static void test_file_of_many_pieces_is_hashed_whole(void **state)
{
    struct fixture *f = *state;
    const size_t len = 9 * 1024 * 1024 + 17;
    uint8_t *bytes = malloc(len);
    uint8_t expected[SHA256_DIGEST_LENGTH];
    int fd = open("long", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    }
    assert_return_code(fd, errno);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
    assert_non_null(SHA256(bytes, len, expected));
    assert_int_equal(hash(f, "long")->result, RES_OK);
    assert_memory_equal(f->one.a.sha256, expected, sizeof(expected));
    free(bytes);
}

static void test_answer_carries_the_validator_of_the_file(void **state)
{
    struct fixture *f = *state;
    uint8_t validator[WHERRY_VALIDATOR_BYTES];
    struct stat st;

    scratch_file("abc", "abc");
    assert_int_equal(stat("abc", &st), 0);
    validator_make(&st, validator);
    assert_int_equal(hash(f, "abc")->result, RES_OK);
    assert_memory_equal(f->one.a.validator, validator, sizeof(validator));
}

static void test_what_is_no_file_says_so(void **state)
{
    struct fixture *f = *state;

    scratch_dir("dir");
    assert_return_code(mkfifo("fifo", 0644), errno);
    assert_int_equal(hash(f, "missing")->result, RES_NOT_FOUND);
    assert_int_equal(hash(f, "dir")->result, RES_IS_DIR);
    assert_int_equal(hash(f, "fifo")->result, RES_DENIED);
    assert_int_equal(hash(f, "../x")->result, RES_NAME);
}

/* --- what is remembered --- */

static void expect_hashed(struct fixture *f, const char *name, unsigned more)
{
    unsigned before = atomic_load(&digests);

    assert_int_equal(hash(f, name)->result, RES_OK);
    assert_int_equal(atomic_load(&digests) - before, more);
}

static void test_file_at_rest_is_hashed_once(void **state)
{
    struct fixture *f = *state;

    have_file("abc", "abc");
    expect_hashed(f, "abc", 1);
    expect_hashed(f, "abc", 0);
    expect_sum(&f->one.a, SUM_ABC);
}

static void test_remembered_sum_is_answered_by_the_loop_too(void **state)
{
    struct fixture *f = *state;

    have_file("abc", "abc");
    expect_hashed(f, "abc", 1);
    ask(f, "abc", &f->two);
    assert_int_equal(f->two.answers, 0);
    wait_for(f, &f->two, 1);
    expect_sum(&f->two.a, SUM_ABC);
}

static void test_remembered_sum_comes_with_its_validator(void **state)
{
    struct fixture *f = *state;
    struct hasher_answer first;

    have_file("abc", "abc");
    first = *hash(f, "abc");
    expect_hashed(f, "abc", 0);
    assert_memory_equal(f->one.a.validator, first.validator, sizeof(first.validator));
}

static void test_sum_is_found_under_every_name_of_the_file(void **state)
{
    struct fixture *f = *state;

    have_file("abc", "abc");
    assert_return_code(symlink("abc", "other"), errno);
    expect_hashed(f, "abc", 1);
    expect_hashed(f, "other", 0);
}

/* A write within the same time stamp could not be told from the one before it. */
static void test_file_written_less_than_2_s_ago_is_hashed_each_time(void **state)
{
    struct fixture *f = *state;

    have_file("abc", "abc");
    set_mtime("abc", LONG_AGO, 500);
    wall = (struct timespec){.tv_sec = LONG_AGO + 2, .tv_nsec = 499};
    expect_hashed(f, "abc", 1);
    expect_hashed(f, "abc", 1);
}

static void test_file_written_2_s_ago_is_hashed_once(void **state)
{
    struct fixture *f = *state;

    have_file("abc", "abc");
    set_mtime("abc", LONG_AGO, 500);
    wall = (struct timespec){.tv_sec = LONG_AGO + 2, .tv_nsec = 500};
    expect_hashed(f, "abc", 1);
    expect_hashed(f, "abc", 0);
}

static void test_file_of_the_future_is_hashed_each_time(void **state)
{
    struct fixture *f = *state;

    have_file("abc", "abc");
    wall = (struct timespec){.tv_sec = LONG_AGO - 10};
    expect_hashed(f, "abc", 1);
    expect_hashed(f, "abc", 1);
}

static void test_rewritten_file_has_its_new_sum(void **state)
{
    struct fixture *f = *state;

    have_file("file", "xyz");
    expect_hashed(f, "file", 1);
    scratch_file("file", "abc");
    expect_hashed(f, "file", 1);
    expect_sum(&f->one.a, SUM_ABC);
}

static void test_least_recently_used_sum_goes_first(void **state)
{
    struct fixture *f = *state; /* two are kept */

    have_file("a", "a");
    have_file("b", "b");
    have_file("c", "c");
    expect_hashed(f, "a", 1);
    expect_hashed(f, "b", 1);
    expect_hashed(f, "a", 0);
    expect_hashed(f, "c", 1); /* b's goes */
    expect_hashed(f, "a", 0);
    expect_hashed(f, "b", 1);
}

static void test_hasher_may_remember_nothing(void **state)
{
    struct fixture *f = *state;

    hasher_free(f->hasher);
    assert_int_equal(hasher_new(&f->hasher, f->loop, f->jail, 1, 0), RES_OK);
    have_file("abc", "abc");
    expect_hashed(f, "abc", 1);
    expect_hashed(f, "abc", 1);
}

/* --- files that change meanwhile --- */

static void append_to_file(void)
{
    int fd = open("file", O_WRONLY | O_APPEND | O_CLOEXEC);

    if (fd != -1) {
        (void)!write(fd, "more", 4);
        (void)close(fd);
    }
}

static void rewrite_file(void)
{
    int fd = open("file", O_WRONLY | O_CLOEXEC);

    if (fd != -1) {
        (void)!write(fd, "xyz", 3);
        (void)close(fd);
    }
}

static void cut_file(void)
{
    (void)!truncate("file", 100000);
}

static void rename_over_file(void)
{
    (void)rename("other", "file");
}

static void test_file_that_grows_meanwhile_is_changed(void **state)
{
    struct fixture *f = *state;

    have_file("file", "abc");
    meanwhile = append_to_file;
    assert_int_equal(hash(f, "file")->result, RES_CHANGED);
}

static void test_file_rewritten_meanwhile_is_changed(void **state)
{
    struct fixture *f = *state;

    have_file("file", "abc");
    meanwhile = rewrite_file;
    assert_int_equal(hash(f, "file")->result, RES_CHANGED);
}

static void test_file_that_shrinks_meanwhile_is_changed(void **state)
{
    struct fixture *f = *state;

    have_long_file("file");
    meanwhile = cut_file;
    assert_int_equal(hash(f, "file")->result, RES_CHANGED);
}

static void test_changed_file_is_not_remembered(void **state)
{
    struct fixture *f = *state;

    have_file("file", "abc");
    meanwhile = append_to_file;
    assert_int_equal(hash(f, "file")->result, RES_CHANGED);
    set_mtime("file", LONG_AGO, 0);
    expect_hashed(f, "file", 1);
}

/* The open file is still the old one, whole. */
static void test_file_replaced_meanwhile_has_the_sum_of_the_old(void **state)
{
    struct fixture *f = *state;

    have_file("file", "abc");
    have_file("other", "xyz");
    meanwhile = rename_over_file;
    expect_sum(hash(f, "file"), SUM_ABC);
    expect_hashed(f, "file", 1);
}

/* --- descriptors --- */

static void ask_fd(struct fixture *f, int fd)
{
    assert_int_equal(hasher_fd(f->hasher, fd, on_answer, &f->one, &f->one.hashing), RES_OK);
}

static void test_descriptor_is_hashed_from_its_beginning_wherever_it_stands(void **state)
{
    struct fixture *f = *state;
    int fd;

    scratch_file("abc", "abc");
    fd = open("abc", O_RDWR | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
    ask_fd(f, fd);
    wait_for(f, &f->one, 1);
    expect_sum(&f->one.a, SUM_ABC);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 2);
    assert_int_equal(close(fd), 0);
}

static void test_descriptor_may_be_closed_at_once(void **state)
{
    struct fixture *f = *state;
    int fd;

    scratch_file("abc", "abc");
    fd = open("abc", O_RDONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    ask_fd(f, fd);
    assert_int_equal(close(fd), 0);
    wait_for(f, &f->one, 1);
    expect_sum(&f->one.a, SUM_ABC);
}

static void test_descriptor_is_neither_remembered_nor_recalled(void **state)
{
    struct fixture *f = *state;
    int fd;

    have_file("abc", "abc");
    fd = open("abc", O_RDONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    ask_fd(f, fd);
    wait_for(f, &f->one, 1);
    expect_hashed(f, "abc", 1);
    ask_fd(f, fd);
    wait_for(f, &f->one, 3);
    assert_int_equal(atomic_load(&digests), 3);
    assert_int_equal(close(fd), 0);
}

static void test_descriptor_that_cannot_be_read_is_an_error(void **state)
{
    struct fixture *f = *state;
    int fd;

    scratch_file("abc", "abc");
    fd = open("abc", O_WRONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    ask_fd(f, fd);
    wait_for(f, &f->one, 1);
    assert_int_equal(f->one.a.result, RES_IO);
    assert_int_equal(close(fd), 0);
    assert_int_equal(hasher_fd(f->hasher, -1, on_answer, &f->one, &f->one.hashing), RES_IO);
}

/* --- many at once --- */

static void test_short_file_does_not_wait_for_a_long_one_begun_before(void **state)
{
    struct fixture *f = *state; /* one thread */

    have_long_file("long");
    have_file("abc", "abc");
    ask(f, "long", &f->one);
    ask(f, "abc", &f->two);
    wait_for(f, &f->one, 1);
    assert_int_equal(f->two.turn, 1);
    assert_int_equal(f->one.turn, 2);
    expect_sum(&f->two.a, SUM_ABC);
    assert_int_equal(f->one.a.result, RES_OK);
}

static void test_cancelled_before_it_began_is_never_answered(void **state)
{
    struct fixture *f = *state;

    have_file("abc", "abc");
    ask(f, "abc", &f->one);
    hashing_cancel(f->one.hashing);
    ask(f, "abc", &f->two);
    wait_for(f, &f->two, 1);
    hasher_free(f->hasher);
    f->hasher = NULL;
    assert_int_equal(f->one.answers, 0);
    hashing_cancel(NULL);
}

static void stop_inside(void)
{
    sem_post(&current->inside);
    while (sem_wait(&current->go) == -1 && errno == EINTR) {
    }
}

static void wait_until_inside(struct fixture *f)
{
    while (sem_trywait(&f->inside) == -1) {
        assert_true(errno == EAGAIN || errno == EINTR);
        loop_turn(f->loop, false); /* hands the file from one turn to the next */
    }
}

static void test_cancelled_while_it_is_hashed_is_never_answered(void **state)
{
    struct fixture *f = *state;

    have_long_file("long");
    have_file("abc", "abc");
    meanwhile = stop_inside;
    ask(f, "long", &f->one);
    wait_until_inside(f);
    hashing_cancel(f->one.hashing);
    sem_post(&f->go);
    expect_sum(hash(f, "abc"), SUM_ABC); /* counts in f->one.answers */
    assert_int_equal(f->answers, 1);
}

static void test_hasher_may_be_freed_while_a_cancelled_file_is_hashed(void **state)
{
    struct fixture *f = *state;

    have_long_file("long");
    meanwhile = stop_inside;
    ask(f, "long", &f->one);
    wait_until_inside(f);
    hashing_cancel(f->one.hashing);
    sem_post(&f->go);
    hasher_free(f->hasher);
    f->hasher = NULL;
    hasher_free(NULL);
    assert_int_equal(f->answers, 0);
}

static void test_answer_may_cancel_another(void **state)
{
    struct fixture *f = *state;

    have_long_file("long");
    have_file("abc", "abc");
    ask(f, "long", &f->one);
    ask(f, "abc", &f->two);
    f->two.victim = &f->one;
    wait_for(f, &f->two, 1);
    hasher_free(f->hasher);
    f->hasher = NULL;
    assert_int_equal(f->one.answers, 0);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_sums_are_those_of_the_standard),
        STORY(test_file_of_many_pieces_is_hashed_whole),
        STORY(test_answer_carries_the_validator_of_the_file),
        STORY(test_what_is_no_file_says_so),
        STORY(test_file_at_rest_is_hashed_once),
        STORY(test_remembered_sum_is_answered_by_the_loop_too),
        STORY(test_remembered_sum_comes_with_its_validator),
        STORY(test_sum_is_found_under_every_name_of_the_file),
        STORY(test_file_written_less_than_2_s_ago_is_hashed_each_time),
        STORY(test_file_written_2_s_ago_is_hashed_once),
        STORY(test_file_of_the_future_is_hashed_each_time),
        STORY(test_rewritten_file_has_its_new_sum),
        STORY(test_least_recently_used_sum_goes_first),
        STORY(test_hasher_may_remember_nothing),
        STORY(test_file_that_grows_meanwhile_is_changed),
        STORY(test_file_rewritten_meanwhile_is_changed),
        STORY(test_file_that_shrinks_meanwhile_is_changed),
        STORY(test_changed_file_is_not_remembered),
        STORY(test_file_replaced_meanwhile_has_the_sum_of_the_old),
        STORY(test_descriptor_is_hashed_from_its_beginning_wherever_it_stands),
        STORY(test_descriptor_may_be_closed_at_once),
        STORY(test_descriptor_is_neither_remembered_nor_recalled),
        STORY(test_descriptor_that_cannot_be_read_is_an_error),
        STORY(test_short_file_does_not_wait_for_a_long_one_begun_before),
        STORY(test_cancelled_before_it_began_is_never_answered),
        STORY(test_cancelled_while_it_is_hashed_is_never_answered),
        STORY(test_hasher_may_be_freed_while_a_cancelled_file_is_hashed),
        STORY(test_answer_may_cancel_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
