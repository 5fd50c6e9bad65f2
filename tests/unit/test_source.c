/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/source.h"

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

#include "store/jail.h"

enum { ROOM = 1 << 20 };

/* --- a kernel that has nothing in memory, when told so --- */

static bool cold_data;
static bool cold_names;

ssize_t __real_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
enum res __real_jail_open_file(const struct jail *j, const char *name, enum jail_how how,
                               const struct jail_terms *terms, int *ret_fd, struct stat *ret_stat);
enum res __wrap_jail_open_file(const struct jail *j, const char *name, enum jail_how how,
                               const struct jail_terms *terms, int *ret_fd, struct stat *ret_stat);

ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    if (cold_data) {
        errno = EAGAIN;
        return -1;
    }
    return __real_preadv2(fd, iov, count, offset, flags);
}

ssize_t __wrap_preadv64v2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    return __wrap_preadv2(fd, iov, count, offset, flags);
}

enum res __wrap_jail_open_file(const struct jail *j, const char *name, enum jail_how how,
                               const struct jail_terms *terms, int *ret_fd, struct stat *ret_stat)
{
    if (cold_names && how == JAIL_CACHED) {
        return RES_LATER;
    }
    return __real_jail_open_file(j, name, cold_names ? how : JAIL_ANY, terms, ret_fd, ret_stat);
}

/* The clock that tells whether a file is settled: by default long after it was written. */
static struct timespec file_clock;

int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);

int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
    if (id != CLOCK_REALTIME_COARSE) {
        return __real_clock_gettime(id, ret);
    }
    *ret = file_clock;
    return 0;
}

/* --- a directory, a loop, a pool of one thread, and who owns the source --- */

struct fixture {
    char dir[256];
    char path[300];
    struct loop *loop;
    struct pool *pool;
    struct jail *jail;
    struct source *source;
    unsigned opened;
    enum res opened_res;
    unsigned ready;
    bool free_in_callback;
    uint8_t *wire; /* what the stream must be */
    size_t wire_len;
    uint8_t *to;
};

static void on_opened(void *owner, enum res r)
{
    struct fixture *f = owner;

    f->opened++;
    f->opened_res = r;
    if (f->free_in_callback) {
        source_free(f->source);
        f->source = NULL;
    }
}

static void on_ready(void *owner)
{
    struct fixture *f = owner;

    f->ready++;
    if (f->free_in_callback) {
        source_free(f->source);
        f->source = NULL;
    }
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const char *tmp = getenv("TMPDIR");

    assert_non_null(f);
    cold_data = false;
    cold_names = false;
    assert_int_equal(__real_clock_gettime(CLOCK_REALTIME, &file_clock), 0);
    file_clock.tv_sec += 3600;
    (void)snprintf(f->dir, sizeof(f->dir), "%s/source-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof(f->path), "%s/file", f->dir);
    f->to = malloc(ROOM);
    assert_non_null(f->to);
    assert_int_equal(loop_new(&f->loop), RES_OK);
    assert_int_equal(pool_new(&f->pool, f->loop, 1), RES_OK);
    assert_int_equal(jail_open(&f->jail, f->dir), RES_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    source_free(f->source);
    pool_free(f->pool);
    loop_free(f->loop);
    jail_free(f->jail);
    (void)unlink(f->path);
    assert_int_equal(rmdir(f->dir), 0);
    free(f->wire);
    free(f->to);
    free(f);
    return 0;
}

static struct source_params params(struct fixture *f, bool netascii)
{
    return (struct source_params){.loop = f->loop,
                                  .pool = f->pool,
                                  .netascii = netascii,
                                  .opened = on_opened,
                                  .ready = on_ready,
                                  .owner = f};
}

static void set_wire(struct fixture *f, const void *bytes, size_t len)
{
    free(f->wire);
    f->wire = malloc(len + 1);
    assert_non_null(f->wire);
    memcpy(f->wire, bytes, len);
    f->wire_len = len;
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

/* Bytes without a pattern that a wrong offset would hit. */
static uint8_t *make_bytes(size_t len)
{
    uint8_t *bytes = malloc(len + 1);
    uint32_t x = 12345;

    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(x >> 24);
    }
    return bytes;
}

/* A file of len bytes, given to the source as octets. */
static void have_octet_file(struct fixture *f, size_t len)
{
    struct source_params p = params(f, false);
    uint8_t *bytes = make_bytes(len);

    write_file(f->path, bytes, len);
    set_wire(f, bytes, len);
    free(bytes);
    assert_int_equal(source_open(&f->source, &p, f->jail, "file"), RES_OK);
}

/* Text with many line ends and bare CRs; what goes over the wire is made by the table of RFC 764
 * as RFC 1350 uses it: LF is CR LF, CR is CR NUL. */
static void have_netascii_file(struct fixture *f, size_t len)
{
    struct source_params p = params(f, true);
    uint8_t *text = make_bytes(len);
    uint8_t *wire = malloc(2 * len + 1);
    size_t wire_len = 0;

    assert_non_null(wire);
    for (size_t i = 0; i < len; i++) {
        text[i] = (uint8_t)(text[i] % 5 == 0 ? '\n' : text[i] % 7 == 0 ? '\r' : 'a' + text[i] % 26);
        if (text[i] == '\n' || text[i] == '\r') {
            wire[wire_len++] = '\r';
        }
        wire[wire_len++] = text[i] == '\r' ? 0 : text[i];
    }
    write_file(f->path, text, len);
    set_wire(f, wire, wire_len);
    free(text);
    free(wire);
    assert_int_equal(source_open(&f->source, &p, f->jail, "file"), RES_OK);
}

/* --- bursts, as a sender asks for them --- */

static struct wherry_burst burst_of(uint64_t first, uint32_t count, uint16_t blksize,
                                    uint16_t last_len, uint64_t kept)
{
    return (struct wherry_burst){.first = first,
                                 .offset = (first - 1) * blksize,
                                 .kept = kept,
                                 .count = count,
                                 .blksize = blksize,
                                 .last_len = last_len};
}

/* Asks until it is there, turning the loop while it is not. */
static enum res ask(struct fixture *f, const struct wherry_burst *b, bool *ret_ended)
{
    enum res r = source_burst(f->source, b, f->to, ret_ended);

    while (r == RES_LATER) {
        unsigned before = f->ready;

        while (f->ready == before) {
            loop_turn(f->loop, true);
        }
        r = source_burst(f->source, b, f->to, ret_ended);
    }
    return r;
}

static void expect_wire(struct fixture *f, const struct wherry_burst *b)
{
    size_t len = (size_t)(b->count - 1) * b->blksize + b->last_len;

    assert_true(b->offset + len <= f->wire_len);
    assert_memory_equal(f->to, f->wire + b->offset, len);
}

static void expect_burst(struct fixture *f, const struct wherry_burst *b)
{
    bool ended = true;

    assert_int_equal(ask(f, b, &ended), RES_OK);
    assert_false(ended);
    expect_wire(f, b);
}

static void expect_end(struct fixture *f, const struct wherry_burst *b)
{
    bool ended = false;

    assert_int_equal(ask(f, b, &ended), RES_OK);
    assert_true(ended);
    assert_int_equal(source_length(f->source), f->wire_len);
}

/* Sends the whole stream in windows as a sender does, and every third window twice. */
static void expect_stream(struct fixture *f, uint16_t blksize, uint32_t window)
{
    uint64_t first = 1;
    uint64_t length = source_length(f->source);

    for (unsigned turn = 0;; turn++) {
        uint64_t kept = (first - 1) * blksize;
        struct wherry_burst b = burst_of(first, window, blksize, blksize, kept);
        bool ended = false;

        if (length != WHERRY_LENGTH_UNKNOWN && kept + (uint64_t)window * blksize > length) {
            b.count = (uint32_t)((length - kept) / blksize + 1);
            b.last_len = (uint16_t)((length - kept) % blksize);
        }
        assert_int_equal(ask(f, &b, &ended), RES_OK);
        if (ended) {
            assert_true(length == WHERRY_LENGTH_UNKNOWN); /* it is told once */
            length = source_length(f->source);
            assert_int_equal(length, f->wire_len);
            continue;
        }
        expect_wire(f, &b);
        if (turn % 3 == 0) {
            expect_burst(f, &b);
        }
        if (b.last_len < blksize) {
            break;
        }
        first += window;
    }
    assert_int_equal(length, f->wire_len);
}

/* --- files as octets --- */

static void test_octet_burst_is_read_on_the_spot(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst whole = burst_of(1, 3, 512, 512, 0);
    struct wherry_burst last = burst_of(3, 2, 512, 100, 1024);

    have_octet_file(f, 3 * 512 + 100);
    assert_int_equal(source_length(f->source), 3 * 512 + 100);
    expect_burst(f, &whole);
    expect_burst(f, &last);
    expect_burst(f, &whole); /* a file can be asked again for any part */
    expect_stream(f, 512, 2);
}

static void test_octet_file_of_whole_blocks_ends_with_an_empty_one(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst empty = burst_of(3, 1, 512, 0, 1024);

    have_octet_file(f, 1024);
    expect_burst(f, &empty);
    expect_stream(f, 512, 1);
}

static void test_empty_octet_file_is_one_empty_block(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst empty = burst_of(1, 1, 512, 0, 0);

    have_octet_file(f, 0);
    assert_int_equal(source_length(f->source), 0);
    expect_burst(f, &empty);
}

static void test_cold_octet_burst_comes_through_the_pool(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst b = burst_of(1, 4, 512, 512, 0);
    bool ended = true;

    cold_data = true;
    have_octet_file(f, 200000);
    assert_int_equal(source_burst(f->source, &b, f->to, &ended), RES_LATER);
    assert_int_equal(source_burst(f->source, &b, f->to, &ended), RES_LATER);
    assert_int_equal(f->ready, 0); /* never from inside a call */
    while (f->ready == 0) {
        loop_turn(f->loop, true);
    }
    assert_true(pool_idle(f->pool));
    assert_int_equal(source_burst(f->source, &b, f->to, &ended), RES_OK);
    assert_false(ended);
    expect_wire(f, &b);
    assert_int_equal(f->ready, 1);
    expect_stream(f, 1428, 16);
}

/* Other bytes in the same file, and its mtime set back. Done again until the file system's clock
 * has moved: older kernels move it every 4 ms. */
static void rewrite_in_place(struct fixture *f)
{
    const time_t give_up = time(NULL) + 30;
    struct stat before;
    struct stat after;
    uint8_t *bytes = malloc(f->wire_len);

    assert_non_null(bytes);
    memset(bytes, '!', f->wire_len);
    assert_int_equal(stat(f->path, &before), 0);
    do {
        const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, before.st_mtim};
        int fd = open(f->path, O_WRONLY | O_CLOEXEC);

        assert_true(time(NULL) < give_up);
        assert_int_equal(pwrite(fd, bytes, (size_t)before.st_size, 0), before.st_size);
        assert_int_equal(close(fd), 0);
        assert_int_equal(utimensat(AT_FDCWD, f->path, times, 0), 0);
        assert_int_equal(stat(f->path, &after), 0);
    } while (after.st_ctim.tv_sec == before.st_ctim.tv_sec &&
             after.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
    free(bytes);
}

/* Eight blocks are read from the file itself. */
static void test_file_rewritten_between_large_bursts_is_changed(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst b = burst_of(1, 8, 512, 512, 0);
    bool ended = false;

    have_octet_file(f, 20000);
    expect_burst(f, &b);
    rewrite_in_place(f);
    b = burst_of(9, 8, 512, 512, 8 * 512);
    assert_int_equal(ask(f, &b, &ended), RES_CHANGED);
    b = burst_of(1, 1, 512, 512, 0);
    assert_int_equal(ask(f, &b, &ended), RES_CHANGED); /* and ever after */
}

/* What was read before the rewrite may still be sent; nothing that was read after it. */
static void test_file_rewritten_between_blocks_gives_old_bytes_then_changed(void **state)
{
    struct fixture *f = *state;
    uint64_t block = 1;
    enum res r = RES_OK;

    have_octet_file(f, 200000);
    while (r == RES_OK && block <= 200000 / 1000) {
        struct wherry_burst b = burst_of(block, 1, 1000, 1000, (block - 1) * 1000);
        bool ended = false;

        r = ask(f, &b, &ended);
        if (r == RES_OK) {
            expect_wire(f, &b);
        }
        if (block == 10) {
            rewrite_in_place(f);
        }
        block++;
    }
    assert_int_equal(r, RES_CHANGED);
    assert_true(block > 10 && block <= 10 + PIECE_BYTES / 1000 + 1);
}

/* Its next writer may leave no trace in the stamps, so that nothing of it is kept. */
static void test_file_just_written_is_read_anew_for_each_block(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst b = burst_of(1, 1, 512, 512, 0);
    bool ended = false;
    struct stat st;

    have_octet_file(f, 2000);
    assert_int_equal(stat(f->path, &st), 0);
    file_clock = st.st_ctim;
    expect_burst(f, &b);
    rewrite_in_place(f);
    b = burst_of(2, 1, 512, 512, 512);
    assert_int_equal(ask(f, &b, &ended), RES_CHANGED);
}

static void test_file_that_shrank_before_a_load_is_changed(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst b = burst_of(1, 2, 512, 512, 0);
    bool ended = false;

    cold_data = true;
    have_octet_file(f, 2000);
    assert_int_equal(source_burst(f->source, &b, f->to, &ended), RES_LATER);
    assert_int_equal(truncate(f->path, 10), 0);
    assert_int_equal(ask(f, &b, &ended), RES_CHANGED);
}

/* --- files as netascii --- */

static void test_netascii_length_is_unknown_until_the_end_was_met(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst b = burst_of(1, 1, 512, 512, 0);

    have_netascii_file(f, 900);
    assert_true(f->wire_len > 512 && f->wire_len % 512 != 0);
    assert_int_equal(source_length(f->source), WHERRY_LENGTH_UNKNOWN);
    expect_burst(f, &b);
    assert_int_equal(source_length(f->source), WHERRY_LENGTH_UNKNOWN);
    b = burst_of(2, 8, 512, 512, 512);
    expect_end(f, &b);
    b = burst_of(2, (uint32_t)((f->wire_len - 512) / 512 + 1), 512, (uint16_t)(f->wire_len % 512),
                 512);
    expect_burst(f, &b);
}

static void test_netascii_window_can_be_asked_again_from_any_kept_byte(void **state)
{
    struct fixture *f = *state;
    enum { BLKSIZE = 64, WINDOW = 16 };

    have_netascii_file(f, 100000);
    for (uint64_t first = 1; (first + WINDOW) * BLKSIZE < f->wire_len; first += 5) {
        uint64_t kept = (first - 1) * BLKSIZE;

        for (uint32_t skip = 0; skip < WINDOW; skip += 3) {
            struct wherry_burst b = burst_of(first + skip, WINDOW - skip, BLKSIZE, BLKSIZE, kept);

            expect_burst(f, &b);
        }
    }
}

static void test_netascii_stream_is_whole_at_any_block_size(void **state)
{
    static const struct {
        uint16_t blksize;
        uint32_t window;
    } rows[] = {{8, 1}, {8, 64}, {512, 1}, {513, 7}, {1428, 16}, {8192, 64}};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        have_netascii_file(f, 70000);
        expect_stream(f, rows[i].blksize, rows[i].window);
        source_free(f->source);
        f->source = NULL;
    }
}

static void test_netascii_ends_that_are_pairs_or_block_borders_are_whole(void **state)
{
    struct fixture *f = *state;

    for (size_t len = 0; len < 40; len++) {
        have_netascii_file(f, len);
        expect_stream(f, 8, 2);
        source_free(f->source);
        f->source = NULL;
    }
}

static void test_cold_netascii_comes_through_the_pool(void **state)
{
    struct fixture *f = *state;

    cold_data = true;
    have_netascii_file(f, 150000);
    expect_stream(f, 1428, 16);
    assert_true(f->ready >= 3); /* a piece of 64 KiB for each load */
}

static void test_netascii_file_rewritten_in_mid_transfer_is_changed(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst b = burst_of(1, 1, 512, 512, 0);
    bool ended = false;

    have_netascii_file(f, 2 * PIECE_BYTES);
    expect_burst(f, &b);
    rewrite_in_place(f);
    for (uint64_t first = 2; first < 5; first++) {
        b = burst_of(first, 1, 512, 512, (first - 1) * 512);
        expect_burst(f, &b); /* of the piece that was read before */
    }
    b = burst_of(5, 2 * PIECE_BYTES / 512, 512, 512, (uint64_t)4 * 512);
    assert_int_equal(ask(f, &b, &ended), RES_CHANGED);
}

/* --- pipes and devices --- */

/* Returns the end to write to. */
static int have_pipe(struct fixture *f, bool netascii)
{
    struct source_params p = params(f, netascii);
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(source_from_fd(&f->source, &p, fds[0]), RES_OK);
    assert_int_equal(source_length(f->source), WHERRY_LENGTH_UNKNOWN);
    return fds[1];
}

static void test_dribbling_pipe_answers_once_when_the_burst_is_whole(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst b = burst_of(1, 2, 512, 512, 0);
    bool ended = true;
    int fd = have_pipe(f, false);
    uint8_t *bytes = make_bytes(1024);

    set_wire(f, bytes, 1024);
    assert_int_equal(source_burst(f->source, &b, f->to, &ended), RES_LATER);
    for (size_t i = 0; i < 1024; i += 64) {
        assert_int_equal(f->ready, 0);
        assert_int_equal(write(fd, bytes + i, 64), 64);
        loop_turn(f->loop, true);
    }
    assert_int_equal(f->ready, 1);
    expect_burst(f, &b);
    assert_int_equal(f->ready, 1);
    free(bytes);
    assert_int_equal(close(fd), 0);
}

static void test_pipe_that_ends_inside_a_burst_tells_its_length(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst b = burst_of(1, 4, 512, 512, 0);
    bool ended = false;
    int fd = have_pipe(f, false);
    uint8_t *bytes = make_bytes(700);

    set_wire(f, bytes, 700);
    assert_int_equal(write(fd, bytes, 700), 700);
    free(bytes);
    assert_int_equal(source_burst(f->source, &b, f->to, &ended), RES_LATER);
    assert_int_equal(close(fd), 0);
    expect_end(f, &b);
    b = burst_of(1, 2, 512, 700 - 512, 0);
    expect_burst(f, &b);
}

static void test_pipe_that_ends_at_a_block_border_ends_with_an_empty_block(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst b = burst_of(1, 2, 512, 512, 0);
    int fd = have_pipe(f, false);
    uint8_t *bytes = make_bytes(1024);

    set_wire(f, bytes, 1024);
    assert_int_equal(write(fd, bytes, 1024), 1024);
    free(bytes);
    assert_int_equal(close(fd), 0);
    expect_burst(f, &b);
    b = burst_of(3, 2, 512, 512, 1024);
    expect_end(f, &b);
    b = burst_of(3, 1, 512, 0, 1024);
    expect_burst(f, &b);
}

static void test_empty_pipe_has_length_0(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst b = burst_of(1, 1, 512, 512, 0);
    int fd = have_pipe(f, false);

    set_wire(f, "", 0);
    assert_int_equal(close(fd), 0);
    expect_end(f, &b);
    b.last_len = 0;
    expect_burst(f, &b);
}

static void test_pipe_as_netascii_is_converted(void **state)
{
    struct fixture *f = *state;
    int fd = have_pipe(f, true);

    set_wire(f, "one\r\ntwo\r\0\r\n", 12);
    assert_int_equal(write(fd, "one\ntwo\r\n", 9), 9);
    assert_int_equal(close(fd), 0);
    expect_stream(f, 8, 1);
}

static void test_pipe_window_can_be_asked_again(void **state)
{
    struct fixture *f = *state;
    int fd = have_pipe(f, false);
    uint8_t *bytes = make_bytes(60000);

    set_wire(f, bytes, 60000);
    assert_int_equal(write(fd, bytes, 60000), 60000); /* a pipe holds 64 KiB */
    assert_int_equal(close(fd), 0);
    free(bytes);
    expect_stream(f, 512, 8);
}

static void test_pipe_stays_in_blocking_mode(void **state)
{
    struct fixture *f = *state;
    struct source_params p = params(f, false);
    struct wherry_burst b = burst_of(1, 1, 512, 512, 0);
    bool ended = false;
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(source_from_fd(&f->source, &p, fds[0]), RES_OK);
    assert_int_equal(source_burst(f->source, &b, f->to, &ended), RES_LATER);
    assert_int_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(close(fds[1]), 0);
}

static void have_path(struct fixture *f, const char *path)
{
    struct source_params p = params(f, false);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_int_not_equal(fd, -1);
    assert_int_equal(source_from_fd(&f->source, &p, fd), RES_OK);
    assert_int_equal(source_length(f->source), WHERRY_LENGTH_UNKNOWN);
}

/* epoll(7) takes neither of these devices. */
static void test_dev_null_is_an_empty_stream(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst b = burst_of(1, 1, 512, 512, 0);

    have_path(f, "/dev/null");
    set_wire(f, "", 0);
    expect_end(f, &b);
}

static void test_dev_zero_is_a_stream_without_end(void **state)
{
    struct fixture *f = *state;

    have_path(f, "/dev/zero");
    f->wire = calloc(1, 1 << 20);
    assert_non_null(f->wire);
    f->wire_len = 1 << 20;
    for (uint64_t first = 1; first < 1000; first += 64) {
        struct wherry_burst b = burst_of(first, 64, 1024, 1024, (first - 1) * 1024);

        if (b.offset + 65536 <= f->wire_len) {
            expect_burst(f, &b);
        }
    }
}

static void test_file_of_proc_is_read_though_its_size_is_0(void **state)
{
    struct fixture *f = *state;
    struct wherry_burst b = burst_of(1, 1, 8, 8, 0);

    have_path(f, "/proc/version");
    set_wire(f, "Linux ve", 8);
    expect_burst(f, &b);
}

static void test_regular_file_is_read_from_where_its_descriptor_stands(void **state)
{
    struct fixture *f = *state;
    struct source_params p = params(f, false);
    struct wherry_burst b = burst_of(1, 1, 512, 6, 0);
    int fd;

    write_file(f->path, "skip, then this", 15);
    fd = open(f->path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(lseek(fd, 9, SEEK_SET), 9);
    assert_int_equal(source_from_fd(&f->source, &p, fd), RES_OK);
    assert_int_equal(source_length(f->source), 6);
    set_wire(f, "n this", 6);
    expect_burst(f, &b);
}

static void test_descriptor_past_the_end_of_its_file_is_an_empty_stream(void **state)
{
    struct fixture *f = *state;
    struct source_params p = params(f, false);
    struct wherry_burst b = burst_of(1, 1, 512, 0, 0);
    int fd;

    write_file(f->path, "short", 5);
    fd = open(f->path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(lseek(fd, 900, SEEK_SET), 900);
    assert_int_equal(source_from_fd(&f->source, &p, fd), RES_OK);
    assert_int_equal(source_length(f->source), 0);
    set_wire(f, "", 0);
    expect_burst(f, &b);
}

static void test_refused_descriptor_stays_the_callers(void **state)
{
    struct fixture *f = *state;
    struct source_params p = params(f, false);
    int dir = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int out = open(f->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_int_equal(source_from_fd(&f->source, &p, dir), RES_IS_DIR);
    assert_int_equal(source_from_fd(&f->source, &p, out), RES_DENIED);
    assert_null(f->source);
    assert_int_equal(close(dir), 0);
    assert_int_equal(close(out), 0);
}

/* --- opening --- */

static void test_missing_name_is_told_at_once(void **state)
{
    struct fixture *f = *state;
    struct source_params p = params(f, false);

    assert_int_equal(source_open(&f->source, &p, f->jail, "missing"), RES_NOT_FOUND);
    assert_null(f->source);
}

static void test_cold_name_is_looked_up_by_the_pool(void **state)
{
    struct fixture *f = *state;
    struct source_params p = params(f, false);
    struct wherry_burst b = burst_of(1, 1, 512, 4, 0);
    bool ended = false;
    char name[] = "file";

    write_file(f->path, "cold", 4);
    set_wire(f, "cold", 4);
    cold_names = true;
    assert_int_equal(source_open(&f->source, &p, f->jail, name), RES_LATER);
    memset(name, 'x', 4); /* it was copied */
    assert_non_null(f->source);
    assert_int_equal(source_burst(f->source, &b, f->to, &ended), RES_LATER);
    while (f->opened == 0) {
        loop_turn(f->loop, true);
    }
    assert_int_equal(f->opened_res, RES_OK);
    assert_int_equal(source_length(f->source), 4);
    expect_burst(f, &b);
    assert_int_equal(f->opened, 1);
}

static void test_cold_missing_name_is_told_through_opened(void **state)
{
    struct fixture *f = *state;
    struct source_params p = params(f, false);

    cold_names = true;
    assert_int_equal(source_open(&f->source, &p, f->jail, "missing"), RES_LATER);
    while (f->opened == 0) {
        loop_turn(f->loop, true);
    }
    assert_int_equal(f->opened_res, RES_NOT_FOUND);
}

/* --- sources that go away --- */

/* Keeps the pool's only thread busy until its pipe is closed. */
struct blocker {
    struct pool_job job;
    int fds[2];
};

static void block(struct pool_job *job)
{
    const struct blocker *b = (struct blocker *)job;
    char byte;

    assert_int_equal(read(b->fds[0], &byte, 1), 0);
}

static void unblocked(struct pool_job *job, void *owner)
{
    *(bool *)owner = true;
    (void)job;
}

static unsigned count_descriptors(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 256; fd++) {
        n += fcntl(fd, F_GETFD) != -1;
    }
    return n;
}

static void free_while_the_pool_works(struct fixture *f, bool during_open)
{
    struct source_params p = params(f, false);
    struct blocker b = {.job = {.work = block, .done = unblocked}};
    struct wherry_burst burst = burst_of(1, 1, 512, 512, 0);
    unsigned descriptors = count_descriptors();
    bool done = false;
    bool ended = false;

    write_file(f->path, "0123456789", 10);
    assert_int_equal(pipe2(b.fds, O_CLOEXEC), 0);
    b.job.owner = &done;
    pool_submit(f->pool, &b.job);
    if (during_open) {
        cold_names = true;
        assert_int_equal(source_open(&f->source, &p, f->jail, "file"), RES_LATER);
    } else {
        cold_data = true;
        burst.last_len = 10;
        assert_int_equal(source_open(&f->source, &p, f->jail, "file"), RES_OK);
        assert_int_equal(source_burst(f->source, &burst, f->to, &ended), RES_LATER);
    }
    source_free(f->source);
    f->source = NULL;
    assert_int_equal(close(b.fds[1]), 0);
    while (!done || !pool_idle(f->pool)) {
        loop_turn(f->loop, true);
    }
    assert_int_equal(close(b.fds[0]), 0);
    assert_int_equal(f->opened + f->ready, 0);
    assert_int_equal(count_descriptors(), descriptors);
}

static void test_free_during_a_look_up_closes_what_it_opened(void **state)
{
    free_while_the_pool_works(*state, true);
}

static void test_free_during_a_load_closes_the_file_after_it(void **state)
{
    free_while_the_pool_works(*state, false);
}

static void test_source_may_be_freed_by_its_callbacks(void **state)
{
    struct fixture *f = *state;
    struct source_params p = params(f, false);
    struct wherry_burst b = burst_of(1, 1, 512, 512, 0);
    bool ended = false;
    int fd;

    f->free_in_callback = true;
    cold_names = true;
    write_file(f->path, "0123456789", 10);
    assert_int_equal(source_open(&f->source, &p, f->jail, "file"), RES_LATER);
    while (f->opened == 0) {
        loop_turn(f->loop, true);
    }
    fd = have_pipe(f, false);
    assert_int_equal(source_burst(f->source, &b, f->to, &ended), RES_LATER);
    assert_int_equal(close(fd), 0);
    while (f->ready == 0) {
        loop_turn(f->loop, true);
    }
    assert_null(f->source);
    source_free(NULL);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(test_octet_burst_is_read_on_the_spot),
        STORY(test_octet_file_of_whole_blocks_ends_with_an_empty_one),
        STORY(test_empty_octet_file_is_one_empty_block),
        STORY(test_cold_octet_burst_comes_through_the_pool),
        STORY(test_file_rewritten_between_large_bursts_is_changed),
        STORY(test_file_rewritten_between_blocks_gives_old_bytes_then_changed),
        STORY(test_file_just_written_is_read_anew_for_each_block),
        STORY(test_file_that_shrank_before_a_load_is_changed),
        STORY(test_netascii_length_is_unknown_until_the_end_was_met),
        STORY(test_netascii_window_can_be_asked_again_from_any_kept_byte),
        STORY(test_netascii_stream_is_whole_at_any_block_size),
        STORY(test_netascii_ends_that_are_pairs_or_block_borders_are_whole),
        STORY(test_cold_netascii_comes_through_the_pool),
        STORY(test_netascii_file_rewritten_in_mid_transfer_is_changed),
        STORY(test_dribbling_pipe_answers_once_when_the_burst_is_whole),
        STORY(test_pipe_that_ends_inside_a_burst_tells_its_length),
        STORY(test_pipe_that_ends_at_a_block_border_ends_with_an_empty_block),
        STORY(test_empty_pipe_has_length_0),
        STORY(test_pipe_as_netascii_is_converted),
        STORY(test_pipe_window_can_be_asked_again),
        STORY(test_pipe_stays_in_blocking_mode),
        STORY(test_dev_null_is_an_empty_stream),
        STORY(test_dev_zero_is_a_stream_without_end),
        STORY(test_file_of_proc_is_read_though_its_size_is_0),
        STORY(test_regular_file_is_read_from_where_its_descriptor_stands),
        STORY(test_descriptor_past_the_end_of_its_file_is_an_empty_stream),
        STORY(test_refused_descriptor_stays_the_callers),
        STORY(test_missing_name_is_told_at_once),
        STORY(test_cold_name_is_looked_up_by_the_pool),
        STORY(test_cold_missing_name_is_told_through_opened),
        STORY(test_free_during_a_look_up_closes_what_it_opened),
        STORY(test_free_during_a_load_closes_the_file_after_it),
        STORY(test_source_may_be_freed_by_its_callbacks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
