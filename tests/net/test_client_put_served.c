/* SPDX-License-Identifier: BSD-2-Clause */
/* `wherry put` to wherryd over the file protocol, and `wherry get` of what was put. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/server_process.h"
#include "support/program.h"
#include "support/scratch.h"

#define ROOT "served" /* in the scratch directory, which is the working directory */
#define MIB 1048576

struct fixture {
    struct server_process server;
    struct program program;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    if (scratch_setup(state) != 0) {
        return -1;
    }
    scratch_dir(ROOT);
    (void)snprintf(f->server.root, sizeof(f->server.root), ROOT);
    f->program.scheme = "wherry://";
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    program_kill(&f->program);
    free(f);
    return scratch_teardown(state);
}

static void start_server(struct fixture *f, const char *key, const char *value)
{
    const char *const words[] = {SERVER_PROCESS_TCP, "--write", "replace", key, value, NULL};

    server_process_launch(&f->server, words);
    f->program.port = ntohs(f->server.tcp.sin_port);
}

static void run(struct fixture *f, const char *words, int code)
{
    program_start(&f->program, words);
    program_ends(&f->program, code);
}

static void test_tree_of_odd_names_comes_back_as_it_went(void **state)
{
    static const char *const names[] = {"a",     "empty",         "sub/back\\slash",
                                        "sub/o", "sub/deep/\xff", "sub/deep/line\nbreak;%41"};
    struct fixture *f = *state;
    char path[128];

    scratch_dir("tree");
    scratch_dir("tree/nothing in it");
    scratch_dir("tree/sub");
    scratch_dir("tree/sub/deep");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "tree/%s", names[i]);
        scratch_file(path, strcmp(names[i], "empty") == 0 ? "" : names[i]);
    }
    start_server(f, NULL, NULL);
    run(f, "put -r --verify tree URL/", 0);
    run(f, "put -r tree URL/", 0); /* once more, over what is there */
    run(f, "get -r URL/tree back", 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "back/%s", names[i]);
        scratch_holds(path, strcmp(names[i], "empty") == 0 ? "" : names[i]);
    }
    assert_int_equal(scratch_count("back/nothing in it"), 0);
    assert_int_equal(scratch_count("back"), 4);
    assert_int_equal(scratch_count("back/sub"), 3);
    assert_int_equal(scratch_count("back/sub/deep"), 2);
    assert_return_code(rename(ROOT "/tree", "there"), errno); /* stop() wants an empty root */
    server_process_stop(&f->server);
}

static void expect_same(const char *one, const char *other)
{
    FILE *a = fopen(one, "rb");
    FILE *b = fopen(other, "rb");
    static char x[65536];
    static char y[65536];
    size_t n;

    assert_non_null(a);
    assert_non_null(b);
    do {
        n = fread(x, 1, sizeof(x), a);
        assert_int_equal(fread(y, 1, sizeof(y), b), n);
        assert_memory_equal(x, y, n);
    } while (n > 0);
    assert_int_equal(fclose(a), 0);
    assert_int_equal(fclose(b), 0);
}

/* A file of mostly nothing, with something at the end of each MiB. */
static void make_large(const char *name, unsigned mib)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_return_code(fd, errno);
    for (unsigned i = 1; i <= mib; i++) {
        assert_int_equal(pwrite(fd, &i, sizeof(i), (off_t)i * MIB - (off_t)sizeof(i)), sizeof(i));
    }
    assert_return_code(close(fd), errno);
}

/* Whether it is the file of an upload that may be resumed (store/keep.h), and holds something. */
static bool holds_bytes(const char *name)
{
    char path[NAME_MAX + sizeof(ROOT) + 1];
    struct stat st;

    (void)snprintf(path, sizeof(path), ROOT "/%s", name);
    return strncmp(name, ".wherry-u", 9) == 0 && stat(path, &st) == 0 && st.st_size > 0;
}

/* Until such a file is there. */
static void await_bytes(int watch)
{
    char buf[4096];
    bool seen = false;

    while (!seen) {
        struct pollfd p = {.fd = watch, .events = POLLIN};
        ssize_t len;

        assert_int_equal(poll(&p, 1, 20000), 1);
        len = read(watch, buf, sizeof(buf));
        assert_return_code(len, errno);
        for (ssize_t at = 0; at < len;) {
            struct inotify_event e;

            memcpy(&e, buf + at, sizeof(e));
            seen = seen || holds_bytes(buf + at + sizeof(e));
            at += (ssize_t)(sizeof(e) + e.len);
        }
    }
}

/* SIGKILL as soon as the server has written something; whether that was in time. */
static bool cut_off(struct fixture *f, const char *words)
{
    int watch = inotify_init1(IN_CLOEXEC);
    bool cut;

    assert_return_code(watch, errno);
    assert_return_code(inotify_add_watch(watch, ROOT, IN_MODIFY), errno);
    program_start(&f->program, words);
    await_bytes(watch);
    program_kill(&f->program);
    cut = strstr(server_process_expect_line(&f->server, "op=write", 20000), "aborted") != NULL;
    assert_return_code(close(watch), errno);
    return cut;
}

static void test_upload_that_was_cut_off_is_resumed(void **state)
{
    struct fixture *f = *state;
    unsigned mib = 16;

    start_server(f, NULL, NULL);
    make_large("large", mib);
    while (!cut_off(f, "put --resume --verify large URL/there")) {
        assert_return_code(unlink(ROOT "/there"), errno); /* the machine was faster than we */
        mib *= 4;
        assert_true(mib <= 1024);
        make_large("large", mib);
    }
    scratch_absent(ROOT "/there");
    run(f, "put -v --resume --verify large URL/there", 0);
    program_says("going on at ");
    expect_same("large", ROOT "/there");
    assert_int_equal(scratch_count(ROOT), 1); /* nothing of what was kept is left */
    server_process_stop(&f->server);
}

static void test_pipe_that_is_too_long_ends_early_and_leaves_nothing(void **state)
{
    static uint8_t bytes[65536]; /* what a pipe holds */
    struct fixture *f = *state;
    int ends[2];

    start_server(f, "--upload-max", "100000");
    assert_return_code(pipe2(ends, O_CLOEXEC), errno);
    program_start_with_input(&f->program, "put - URL/there", ends[0]);
    assert_return_code(close(ends[0]), errno);
    assert_int_equal(write(ends[1], bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(write(ends[1], bytes, sizeof(bytes)), sizeof(bytes));
    program_ends(&f->program, 8); /* though the pipe is open still */
    program_says("too large");
    assert_return_code(close(ends[1]), errno);
    (void)server_process_expect_line(&f->server, "status=4", 20000);
    assert_int_equal(scratch_count(ROOT), 0);
    server_process_stop(&f->server);
}

static void test_disk_without_room_refuses_before_anything_is_sent(void **state)
{
    struct fixture *f = *state;

    program_put_file("local", "abc", 3);
    start_server(f, "--disk-reserve", "1048576T");
    run(f, "put local URL/there", 8);
    program_says("no room");
    assert_int_equal(scratch_count(ROOT), 0);
    server_process_stop(&f->server);
}

static void test_names_that_exist_are_replaced_unless_told_otherwise(void **state)
{
    struct fixture *f = *state;

    start_server(f, NULL, NULL);
    program_put_file("local", "one", 3);
    run(f, "put local URL/there", 0);
    program_put_file("local", "two", 3);
    run(f, "put --no-replace local URL/there", 8);
    scratch_holds(ROOT "/there", "one");
    run(f, "put local URL/there", 0);
    scratch_holds(ROOT "/there", "two");
    run(f, "put local URL/none/there", 8);
    run(f, "put local URL/../there", 2);
    server_process_stop(&f->server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tree_of_odd_names_comes_back_as_it_went),
        TEST(test_upload_that_was_cut_off_is_resumed),
        TEST(test_pipe_that_is_too_long_ends_early_and_leaves_nothing),
        TEST(test_disk_without_room_refuses_before_anything_is_sent),
        TEST(test_names_that_exist_are_replaced_unless_told_otherwise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
