/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/source.h"

enum {
    BLOCK = 1000,
    SMALL_FILE = 3000,
    LARGE_FILE = 8 << 20, /* twice what pieces may hold */
    READERS = 5
};

/* --- a kernel, a clock of files and a clock of the loop that do as they are told --- */

static bool cold;
static unsigned reads; /* that asked for what is in memory */
static unsigned loads; /* by the pool */
static int load_errno; /* 0: none fails */
static struct timespec file_clock;
static uint64_t loop_clock; /* 0: the real one */

ssize_t __real_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
enum res __real_reader_load(const struct reader *r, uint64_t offset, uint8_t *to, size_t len);
enum res __wrap_reader_load(const struct reader *r, uint64_t offset, uint8_t *to, size_t len);
int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);
uint64_t __real_loop_now_ns(const struct loop *l);
uint64_t __wrap_loop_now_ns(const struct loop *l);

/* Memory that answers on every file system: not all of them do. */
ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    assert_int_equal(count, 1);
    assert_int_equal(flags, RWF_NOWAIT);
    reads++;
    if (cold) {
        errno = EAGAIN;
        return -1;
    }
    return pread(fd, iov->iov_base, iov->iov_len, offset);
}

ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    return __wrap_preadv2(fd, iov, count, offset, flags);
}

/* Runs in the pool's only thread; the test looks at `loads` when the pool is idle. */
enum res __wrap_reader_load(const struct reader *r, uint64_t offset, uint8_t *to, size_t len)
{
    loads++;
    return load_errno != 0 ? RES_IO : __real_reader_load(r, offset, to, len);
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
    if (id != CLOCK_REALTIME_COARSE) {
        return __real_clock_gettime(id, ret);
    }
    *ret = file_clock;
    return 0;
}

uint64_t __wrap_loop_now_ns(const struct loop *l)
{
    return loop_clock != 0 ? loop_clock : __real_loop_now_ns(l);
}

/* --- a directory, a table of files, and sources that read --- */

struct fixture;

struct asker {
    struct fixture *f;
    struct source *source;
    unsigned ready;
    bool free_all; /* in ready() */
};

struct fixture {
    char dir[256];
    char path[300];
    char other[300]; /* a second name */
    struct loop *loop;
    struct pool *pool;
    struct jail *jail;
    struct files *files;
    struct asker askers[READERS];
    uint8_t to[65536];
};

static void free_sources(struct fixture *f)
{
    for (size_t i = 0; i < READERS; i++) {
        source_free(f->askers[i].source);
        f->askers[i].source = NULL;
    }
}

static void on_opened(void *owner, enum res r)
{
    const struct asker *a = owner;

    assert_int_equal(r, RES_OK);
    assert_non_null(a->source);
}

static void on_ready(void *owner)
{
    struct asker *a = owner;

    a->ready++;
    if (a->free_all) {
        free_sources(a->f);
    }
}

static uint8_t file_byte(uint64_t offset, unsigned version)
{
    return (uint8_t)(offset * 7 + offset / 253 + (offset >> 16) + version * 101);
}

static void write_file(const char *path, size_t size, unsigned version)
{
    uint8_t *bytes = malloc(size);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_non_null(bytes);
    assert_int_not_equal(fd, -1);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = file_byte(i, version);
    }
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    assert_int_equal(close(fd), 0);
    free(bytes);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const char *tmp = getenv("TMPDIR");

    assert_non_null(f);
    cold = false;
    reads = 0;
    loads = 0;
    load_errno = 0;
    loop_clock = UINT64_C(1000000000000);
    assert_int_equal(__real_clock_gettime(CLOCK_REALTIME, &file_clock), 0);
    file_clock.tv_sec += 3600; /* all files are settled */
    (void)snprintf(f->dir, sizeof(f->dir), "%s/files-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof(f->path), "%s/file", f->dir);
    (void)snprintf(f->other, sizeof(f->other), "%s/other", f->dir);
    for (size_t i = 0; i < READERS; i++) {
        f->askers[i].f = f;
    }
    assert_int_equal(loop_new(&f->loop), RES_OK);
    assert_int_equal(pool_new(&f->pool, f->loop, 1), RES_OK);
    assert_int_equal(jail_open(&f->jail, f->dir), RES_OK);
    assert_int_equal(files_new(&f->files, f->loop, f->pool), RES_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    free_sources(f);
    files_free(f->files);
    pool_free(f->pool);
    loop_free(f->loop);
    jail_free(f->jail);
    (void)unlink(f->path);
    (void)unlink(f->other);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static void open_name(struct fixture *f, size_t i, const char *name)
{
    const struct source_params p = {.loop = f->loop,
                                    .pool = f->pool,
                                    .files = f->files,
                                    .opened = on_opened,
                                    .ready = on_ready,
                                    .owner = &f->askers[i]};
    enum res r;

    assert_null(f->askers[i].source);
    r = source_open(&f->askers[i].source, &p, f->jail, name);
    while (r == RES_LATER) { /* a file system that cannot look names up without waiting */
        loop_turn(f->loop, true);
        r = source_length(f->askers[i].source) == WHERRY_LENGTH_UNKNOWN ? RES_LATER : RES_OK;
    }
    assert_int_equal(r, RES_OK);
}

static enum res ask(struct fixture *f, size_t i, uint64_t offset, size_t len)
{
    const struct wherry_burst b = {
        .first = 1, .offset = offset, .count = 1, .blksize = 65464, .last_len = (uint16_t)len};
    bool ended = true;
    enum res r = source_burst(f->askers[i].source, &b, f->to, &ended);

    assert_true(r != RES_OK || !ended);
    return r;
}

static void expect_bytes(const struct fixture *f, uint64_t offset, size_t len, unsigned version)
{
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(f->to[i], file_byte(offset + i, version));
    }
}

static void expect_block(struct fixture *f, size_t i, uint64_t offset, unsigned version)
{
    memset(f->to, 0, BLOCK);
    assert_int_equal(ask(f, i, offset, BLOCK), RES_OK);
    expect_bytes(f, offset, BLOCK, version);
}

static void wait_for_pool(struct fixture *f)
{
    while (!pool_idle(f->pool)) {
        loop_turn(f->loop, true);
    }
}

/* Until the file system's clock has moved: older kernels move it every 4 ms. */
static void rewrite(const char *path, size_t size, unsigned version)
{
    const time_t give_up = time(NULL) + 30;
    struct stat before;
    struct stat after;

    assert_int_equal(stat(path, &before), 0);
    do {
        assert_true(time(NULL) < give_up);
        write_file(path, size, version);
        assert_int_equal(stat(path, &after), 0);
    } while (after.st_ctim.tv_sec == before.st_ctim.tv_sec &&
             after.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
}

/* --- one descriptor for many --- */

static void test_readers_of_one_file_share_a_descriptor(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, SMALL_FILE, 1);
    for (size_t i = 0; i < READERS; i++) {
        open_name(f, i, "file");
        assert_int_equal(files_open(f->files), 1);
    }
    for (size_t i = 0; i < READERS; i++) {
        expect_block(f, i, BLOCK, 1);
    }
    assert_int_equal(reads, 1);
}

static void test_two_names_of_one_file_share_a_descriptor(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, SMALL_FILE, 1);
    assert_int_equal(link(f->path, f->other), 0);
    open_name(f, 0, "file");
    open_name(f, 1, "other");
    assert_int_equal(files_open(f->files), 1);
}

static void test_different_files_are_not_shared(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, SMALL_FILE, 1);
    write_file(f->other, SMALL_FILE, 2);
    open_name(f, 0, "file");
    open_name(f, 1, "other");
    assert_int_equal(files_open(f->files), 2);
    expect_block(f, 0, 0, 1);
    expect_block(f, 1, 0, 2);
    expect_block(f, 0, BLOCK, 1);
}

static void test_files_are_shared_only_with_all_five_equal(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    struct stat others[5];
    struct file *file = NULL;
    int fd;

    write_file(f->path, SMALL_FILE, 1);
    fd = open(f->path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    assert_false(files_know(f->files, &st));
    assert_int_equal(files_get(f->files, fd, &st, &file), RES_OK);
    assert_true(files_know(f->files, &st));
    for (size_t i = 0; i < 5; i++) {
        others[i] = st;
    }
    others[0].st_dev++;
    others[1].st_ino++;
    others[2].st_size++;
    others[3].st_mtim.tv_nsec ^= 1;
    others[4].st_ctim.tv_nsec ^= 1;
    for (size_t i = 0; i < 5; i++) {
        assert_false(files_know(f->files, &others[i]));
    }
    file_leave(file);
}

static void test_descriptor_of_a_file_that_is_open_already_is_closed(void **state)
{
    struct fixture *f = *state;
    struct file *files[2] = {NULL};
    struct stat st;
    int fds[2];

    write_file(f->path, SMALL_FILE, 1);
    for (size_t i = 0; i < 2; i++) {
        fds[i] = open(f->path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(fstat(fds[i], &st), 0);
        assert_int_equal(files_get(f->files, fds[i], &st, &files[i]), RES_OK);
    }
    assert_ptr_equal(files[0], files[1]);
    assert_int_equal(fcntl(fds[1], F_GETFD), -1);
    file_leave(files[0]);
    file_leave(files[1]);
    file_leave(NULL);
}

static void test_source_without_a_table_shares_with_nobody(void **state)
{
    struct fixture *f = *state;
    struct files *files = f->files;

    write_file(f->path, SMALL_FILE, 1);
    open_name(f, 0, "file");
    f->files = NULL;
    open_name(f, 1, "file");
    f->files = files;
    expect_block(f, 0, 0, 1);
    expect_block(f, 1, 0, 1);
    assert_int_equal(files_open(f->files), 1);
    assert_int_equal(reads, 2);
}

/* --- never stale, never mixed --- */

static void test_who_asks_after_a_rewrite_gets_the_new_bytes(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, SMALL_FILE, 1);
    open_name(f, 0, "file");
    expect_block(f, 0, 0, 1);
    rewrite(f->path, SMALL_FILE, 2);
    open_name(f, 1, "file");
    expect_block(f, 1, 0, 2);
    expect_block(f, 1, 2 * BLOCK, 2);
    /* The older one still has bytes of the version it began with, and no others. */
    expect_block(f, 0, BLOCK, 1);
    loop_clock += PIECES_FRESH_NS;
    assert_int_equal(ask(f, 0, 2 * BLOCK, BLOCK), RES_CHANGED);
    expect_block(f, 1, BLOCK, 2);
}

static void test_who_asks_after_a_replacement_gets_the_new_bytes(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, SMALL_FILE, 1);
    open_name(f, 0, "file");
    expect_block(f, 0, 0, 1);
    write_file(f->other, SMALL_FILE, 2);
    assert_int_equal(rename(f->other, f->path), 0);
    open_name(f, 1, "file");
    expect_block(f, 1, 0, 2);
    loop_clock += PIECES_FRESH_NS;
    expect_block(f, 0, BLOCK, 1); /* its file is whole, only nameless */
}

static void test_a_rewrite_is_seen_at_the_first_byte_that_no_piece_has(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, 4 * PIECE_BYTES, 1);
    open_name(f, 0, "file");
    open_name(f, 1, "file");
    expect_block(f, 0, 0, 1);
    rewrite(f->path, 4 * PIECE_BYTES, 2);
    expect_block(f, 1, PIECE_STRIDE - BLOCK, 1);
    assert_int_equal(ask(f, 0, PIECE_STRIDE, BLOCK), RES_CHANGED);
    /* Once one has seen it, all have. */
    assert_int_equal(ask(f, 1, 0, BLOCK), RES_CHANGED);
    assert_int_equal(ask(f, 0, 0, BLOCK), RES_CHANGED);
}

static void test_file_that_was_seen_to_change_is_not_shared(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, SMALL_FILE, 1);
    open_name(f, 0, "file");
    rewrite(f->path, SMALL_FILE, 2);
    assert_int_equal(ask(f, 0, 0, BLOCK), RES_CHANGED);
    open_name(f, 1, "file");
    assert_int_equal(files_open(f->files), 2);
    expect_block(f, 1, 0, 2);
    source_free(f->askers[0].source);
    f->askers[0].source = NULL;
    assert_int_equal(files_open(f->files), 1); /* at once: nobody can want it */
}

static void test_bytes_loaded_around_a_rewrite_reach_nobody(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, SMALL_FILE, 1);
    open_name(f, 0, "file");
    open_name(f, 1, "file");
    cold = true;
    assert_int_equal(ask(f, 0, 0, BLOCK), RES_LATER);
    assert_int_equal(ask(f, 1, 0, BLOCK), RES_LATER);
    rewrite(f->path, SMALL_FILE, 2);
    wait_for_pool(f);
    assert_int_equal(f->askers[0].ready, 1);
    assert_int_equal(f->askers[1].ready, 1);
    assert_int_equal(ask(f, 0, 0, BLOCK), RES_CHANGED);
    assert_int_equal(ask(f, 1, 0, BLOCK), RES_CHANGED);
    assert_int_equal(files_pieces(f->files), 0);
}

/* A next rewrite could have the same stamps. */
static void test_file_that_is_not_settled_is_kept_in_no_piece(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    write_file(f->path, SMALL_FILE, 1);
    assert_int_equal(stat(f->path, &st), 0);
    file_clock = st.st_ctim;
    open_name(f, 0, "file");
    expect_block(f, 0, 0, 1);
    expect_block(f, 0, 0, 1);
    assert_int_equal(files_pieces(f->files), 0);
    assert_int_equal(reads, 2);
    cold = true;
    assert_int_equal(ask(f, 0, 0, BLOCK), RES_LATER);
    wait_for_pool(f);
    expect_block(f, 0, 0, 1);
    assert_int_equal(ask(f, 0, 0, BLOCK), RES_LATER); /* it was for once */
    wait_for_pool(f);
    assert_int_equal(files_pieces(f->files), 0);
    file_clock.tv_sec += 1;
    cold = false;
    source_free(f->askers[0].source);
    f->askers[0].source = NULL;
    open_name(f, 0, "file");
    expect_block(f, 0, 0, 1);
    assert_int_equal(files_pieces(f->files), SMALL_FILE);
}

/* --- pieces --- */

static void test_blocks_of_a_piece_need_one_read(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, 4 * PIECE_BYTES, 1);
    open_name(f, 0, "file");
    for (uint64_t at = 0; at + BLOCK <= PIECE_STRIDE; at += BLOCK) {
        expect_block(f, 0, at, 1);
    }
    assert_int_equal(reads, 1);
    assert_int_equal(files_pieces(f->files), PIECE_BYTES);
}

static void test_small_bursts_at_all_places_are_whole(void **state)
{
    struct fixture *f = *state;
    const size_t size = 3 * PIECE_BYTES + 123;

    write_file(f->path, size, 1);
    open_name(f, 0, "file");
    for (uint64_t at = 0; at + PIECE_BURST <= size; at += 777) {
        assert_int_equal(ask(f, 0, at, PIECE_BURST), RES_OK);
        expect_bytes(f, at, PIECE_BURST, 1);
    }
    assert_int_equal(ask(f, 0, size - 123, 123), RES_OK);
    expect_bytes(f, size - 123, 123, 1);
    /* Pieces begin at multiples of the stride; the last are cut by the end. */
    assert_true(reads <= size / PIECE_STRIDE + 1);
}

static void test_large_bursts_are_read_from_the_file(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, 4 * PIECE_BYTES, 1);
    open_name(f, 0, "file");
    assert_int_equal(ask(f, 0, 100, PIECE_BURST + 1), RES_OK);
    expect_bytes(f, 100, PIECE_BURST + 1, 1);
    assert_int_equal(files_pieces(f->files), 0);
}

static void test_larger_bursts_of_a_crowd_come_from_shared_pieces(void **state)
{
    struct fixture *f = *state;
    const size_t size = 2 * PIECE_STRIDE - 1; /* of two pieces: a crowd is four */

    write_file(f->path, size, 1);
    for (size_t i = 0; i < 3; i++) {
        open_name(f, i, "file");
    }
    assert_int_equal(ask(f, 0, 0, PIECE_BYTES / 2), RES_OK);
    assert_int_equal(files_pieces(f->files), 0); /* three are none */
    open_name(f, 3, "file");
    reads = 0;
    for (uint64_t at = 0; at + PIECE_BYTES / 2 <= size; at += 777) { /* also across the border */
        assert_int_equal(ask(f, at % 4, at, PIECE_BYTES / 2), RES_OK);
        expect_bytes(f, at, PIECE_BYTES / 2, 1);
    }
    assert_int_equal(reads, 2);
    assert_int_equal(ask(f, 0, 0, PIECE_BYTES / 2 + 1), RES_OK);
    assert_int_equal(reads, 3); /* straight from the file */
    source_free(f->askers[3].source);
    f->askers[3].source = NULL;
    assert_int_equal(ask(f, 0, 0, PIECE_BYTES / 2), RES_OK);
    assert_int_equal(reads, 4);
}

static void test_piece_is_read_anew_after_100_ms(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, SMALL_FILE, 1);
    open_name(f, 0, "file");
    expect_block(f, 0, 0, 1);
    loop_clock += PIECES_FRESH_NS - 1;
    expect_block(f, 0, 0, 1);
    assert_int_equal(reads, 1);
    loop_clock += 1;
    expect_block(f, 0, 0, 1);
    assert_int_equal(reads, 2);
    assert_int_equal(files_pieces(f->files), SMALL_FILE);
}

static void test_pieces_are_bounded(void **state)
{
    struct fixture *f = *state;
    uint64_t at = 0;

    write_file(f->path, LARGE_FILE, 1);
    open_name(f, 0, "file");
    for (; at + PIECE_BYTES <= LARGE_FILE; at += PIECE_STRIDE) {
        expect_block(f, 0, at, 1);
        assert_true(files_pieces(f->files) <= PIECES_BYTES);
    }
    /* Full of pieces that are still in use: the rest came straight from the file. */
    assert_int_equal(files_pieces(f->files), PIECES_BYTES);
    reads = 0;
    expect_block(f, 0, 0, 1);
    assert_int_equal(reads, 0); /* the first was not driven out */
    expect_block(f, 0, at - PIECE_STRIDE, 1);
    expect_block(f, 0, at - PIECE_STRIDE, 1);
    assert_int_equal(reads, 2);
}

static void test_piece_that_was_read_to_its_end_makes_room(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, LARGE_FILE, 1);
    open_name(f, 0, "file");
    for (uint64_t at = 0; at + BLOCK <= LARGE_FILE; at += BLOCK) {
        expect_block(f, 0, at, 1);
        assert_true(files_pieces(f->files) <= PIECES_BYTES);
    }
    assert_true(reads <= LARGE_FILE / PIECE_STRIDE + 1);
}

/* Also right after nothing could. */
static void test_room_that_a_piece_makes_is_seen_at_once(void **state)
{
    struct fixture *f = *state;
    uint64_t at = 0;

    write_file(f->path, LARGE_FILE, 1);
    open_name(f, 0, "file");
    for (; files_pieces(f->files) < PIECES_BYTES; at += PIECE_STRIDE) {
        expect_block(f, 0, at, 1);
    }
    reads = 0;
    expect_block(f, 0, at, 1);
    expect_block(f, 0, at, 1);
    assert_int_equal(reads, 2); /* no room */
    expect_block(f, 0, PIECE_STRIDE - BLOCK, 1);
    reads = 0;
    expect_block(f, 0, at, 1);
    expect_block(f, 0, at, 1);
    assert_int_equal(reads, 1);
    assert_int_equal(files_pieces(f->files), PIECES_BYTES);
}

static void test_piece_that_is_not_fresh_makes_room(void **state)
{
    struct fixture *f = *state;
    uint64_t at = 0;

    write_file(f->path, LARGE_FILE, 1);
    open_name(f, 0, "file");
    for (; files_pieces(f->files) < PIECES_BYTES; at += PIECE_STRIDE) {
        expect_block(f, 0, at, 1);
    }
    loop_clock += PIECES_FRESH_NS;
    reads = 0;
    expect_block(f, 0, at, 1);
    expect_block(f, 0, at + BLOCK, 1);
    assert_int_equal(reads, 1);
    assert_int_equal(files_pieces(f->files), PIECES_BYTES);
}

/* --- what is not in memory --- */

static void test_one_load_serves_all_who_wait_for_a_piece(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, 2 * PIECE_BYTES, 1);
    cold = true;
    for (size_t i = 0; i < READERS; i++) {
        open_name(f, i, "file");
        assert_int_equal(ask(f, i, i * BLOCK, BLOCK), RES_LATER);
        assert_int_equal(ask(f, i, i * BLOCK, BLOCK), RES_LATER);
    }
    wait_for_pool(f);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(f->askers[i].ready, 1);
        expect_block(f, i, i * BLOCK, 1);
        expect_block(f, i, 20 * BLOCK, 1);
    }
    assert_int_equal(loads, 1);
}

/* A disk may take longer than a piece stays fresh. */
static void test_piece_that_came_late_still_serves_those_who_waited(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, 2 * PIECE_BYTES, 1);
    cold = true;
    open_name(f, 0, "file");
    open_name(f, 1, "file");
    assert_int_equal(ask(f, 0, 0, BLOCK), RES_LATER);
    loop_clock += 50 * PIECES_FRESH_NS;
    wait_for_pool(f);
    expect_block(f, 0, 0, 1);
    assert_int_equal(loads, 1);
    assert_int_equal(ask(f, 1, 0, BLOCK), RES_LATER); /* and nobody else */
    wait_for_pool(f);
    assert_int_equal(loads, 2);
}

/* Both pieces have to come from a disk that takes longer than they stay fresh. */
static void test_burst_across_two_pieces_waits_for_each_but_once(void **state)
{
    struct fixture *f = *state;
    const uint64_t at = PIECE_STRIDE - 100;
    unsigned waits = 0;

    write_file(f->path, 2 * PIECE_STRIDE - 1, 1);
    for (size_t i = 0; i < 4; i++) {
        open_name(f, i, "file");
    }
    cold = true;
    while (ask(f, 0, at, PIECE_BYTES / 2) == RES_LATER) {
        assert_true(++waits <= 2);
        loop_clock += 50 * PIECES_FRESH_NS;
        wait_for_pool(f);
    }
    expect_bytes(f, at, PIECE_BYTES / 2, 1);
}

static void test_large_cold_burst_is_loaded_for_one(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, 2 * PIECE_BYTES, 1);
    cold = true;
    open_name(f, 0, "file");
    assert_int_equal(ask(f, 0, 5, 60000), RES_LATER);
    wait_for_pool(f);
    assert_int_equal(ask(f, 0, 5, 60000), RES_OK);
    expect_bytes(f, 5, 60000, 1);
    assert_int_equal(files_pieces(f->files), 0);
}

static void test_failed_load_is_told_to_all_and_tried_anew_for_others(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, SMALL_FILE, 1);
    cold = true;
    load_errno = EIO;
    for (size_t i = 0; i < 3; i++) {
        open_name(f, i, "file");
    }
    assert_int_equal(ask(f, 0, 0, BLOCK), RES_LATER);
    assert_int_equal(ask(f, 1, 0, BLOCK), RES_LATER);
    wait_for_pool(f);
    assert_int_equal(ask(f, 0, 0, BLOCK), RES_IO);
    assert_int_equal(ask(f, 1, 0, BLOCK), RES_IO);
    assert_int_equal(files_pieces(f->files), 0);
    load_errno = 0;
    assert_int_equal(ask(f, 2, 0, BLOCK), RES_LATER);
    wait_for_pool(f);
    expect_block(f, 2, 0, 1);
}

static void test_who_waits_may_free_all_who_wait(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, SMALL_FILE, 1);
    cold = true;
    for (size_t i = 0; i < READERS; i++) {
        open_name(f, i, "file");
        assert_int_equal(ask(f, i, 0, BLOCK), RES_LATER);
    }
    f->askers[1].free_all = true;
    wait_for_pool(f);
    assert_int_equal(f->askers[0].ready, 1);
    assert_int_equal(f->askers[1].ready, 1);
    for (size_t i = 2; i < READERS; i++) {
        assert_int_equal(f->askers[i].ready, 0);
    }
}

static void test_all_may_be_freed_while_a_piece_loads(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, SMALL_FILE, 1);
    cold = true;
    for (size_t i = 0; i < READERS; i++) {
        open_name(f, i, "file");
        assert_int_equal(ask(f, i, 0, BLOCK), RES_LATER);
    }
    free_sources(f);
    files_free(f->files);
    f->files = NULL;
    wait_for_pool(f);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(f->askers[i].ready, 0);
    }
}

static void test_piece_that_nobody_waits_for_any_more_is_there_for_the_next(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, SMALL_FILE, 1);
    cold = true;
    open_name(f, 0, "file");
    assert_int_equal(ask(f, 0, 0, BLOCK), RES_LATER);
    free_sources(f);
    open_name(f, 1, "file");
    assert_int_equal(ask(f, 1, 0, BLOCK), RES_LATER);
    wait_for_pool(f);
    expect_block(f, 1, 0, 1);
    assert_int_equal(loads, 1);
}

/* --- files that nobody reads --- */

static void test_idle_file_stays_open_for_a_second(void **state)
{
    struct fixture *f = *state;

    loop_clock = 0; /* its timer goes by the real one */
    write_file(f->path, SMALL_FILE, 1);
    open_name(f, 0, "file");
    expect_block(f, 0, 0, 1);
    free_sources(f);
    assert_int_equal(files_open(f->files), 1);
    open_name(f, 1, "file");
    assert_int_equal(files_open(f->files), 1);
    free_sources(f);
    while (files_open(f->files) > 0) {
        loop_turn(f->loop, true);
    }
    assert_int_equal(files_pieces(f->files), 0);
}

static void test_idle_files_are_bounded(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 2 * FILES_IDLE_MAX; i++) {
        char path[320];

        (void)snprintf(path, sizeof(path), "%s/%u", f->dir, i);
        write_file(path, SMALL_FILE, 1);
        open_name(f, 0, strrchr(path, '/'));
        expect_block(f, 0, 0, 1);
        free_sources(f);
        assert_true(files_open(f->files) <= FILES_IDLE_MAX);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(files_open(f->files), FILES_IDLE_MAX);
    assert_int_equal(files_pieces(f->files), FILES_IDLE_MAX * SMALL_FILE);
    assert_true(files_close_idle(f->files));
    assert_int_equal(files_open(f->files), 0);
    assert_int_equal(files_pieces(f->files), 0);
    assert_false(files_close_idle(f->files));
}

static void test_file_in_use_is_never_closed_as_idle(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, SMALL_FILE, 1);
    open_name(f, 0, "file");
    open_name(f, 1, "file");
    source_free(f->askers[1].source);
    f->askers[1].source = NULL;
    assert_false(files_close_idle(f->files));
    expect_block(f, 0, 0, 1);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_readers_of_one_file_share_a_descriptor),
        STORY(test_two_names_of_one_file_share_a_descriptor),
        STORY(test_different_files_are_not_shared),
        STORY(test_files_are_shared_only_with_all_five_equal),
        STORY(test_descriptor_of_a_file_that_is_open_already_is_closed),
        STORY(test_source_without_a_table_shares_with_nobody),
        STORY(test_who_asks_after_a_rewrite_gets_the_new_bytes),
        STORY(test_who_asks_after_a_replacement_gets_the_new_bytes),
        STORY(test_a_rewrite_is_seen_at_the_first_byte_that_no_piece_has),
        STORY(test_file_that_was_seen_to_change_is_not_shared),
        STORY(test_bytes_loaded_around_a_rewrite_reach_nobody),
        STORY(test_file_that_is_not_settled_is_kept_in_no_piece),
        STORY(test_blocks_of_a_piece_need_one_read),
        STORY(test_small_bursts_at_all_places_are_whole),
        STORY(test_large_bursts_are_read_from_the_file),
        STORY(test_larger_bursts_of_a_crowd_come_from_shared_pieces),
        STORY(test_piece_is_read_anew_after_100_ms),
        STORY(test_pieces_are_bounded),
        STORY(test_piece_that_was_read_to_its_end_makes_room),
        STORY(test_room_that_a_piece_makes_is_seen_at_once),
        STORY(test_piece_that_is_not_fresh_makes_room),
        STORY(test_one_load_serves_all_who_wait_for_a_piece),
        STORY(test_piece_that_came_late_still_serves_those_who_waited),
        STORY(test_burst_across_two_pieces_waits_for_each_but_once),
        STORY(test_large_cold_burst_is_loaded_for_one),
        STORY(test_failed_load_is_told_to_all_and_tried_anew_for_others),
        STORY(test_who_waits_may_free_all_who_wait),
        STORY(test_all_may_be_freed_while_a_piece_loads),
        STORY(test_piece_that_nobody_waits_for_any_more_is_there_for_the_next),
        STORY(test_idle_file_stays_open_for_a_second),
        STORY(test_idle_files_are_bounded),
        STORY(test_file_in_use_is_never_closed_as_idle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
