/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/upload.h"

static void test_under_create_the_later_of_two_gets_exists(void **state)
{
    struct writer *a = upload_begin("file", POLICY_WRITE_CREATE, "a");
    struct writer *b = upload_begin("file", POLICY_WRITE_CREATE, "b");

    (void)state;
    assert_int_equal(writer_commit(b, NULL), RES_OK);
    assert_int_equal(writer_commit(a, NULL), RES_EXISTS);
    scratch_holds("root/file", "b");
    assert_int_equal(scratch_count("root"), 1);
}

static void test_under_replace_the_last_of_two_to_commit_stays(void **state)
{
    struct writer *a = upload_begin("file", POLICY_WRITE_REPLACE, "aa");
    struct writer *b = upload_begin("file", POLICY_WRITE_REPLACE, "b");

    (void)state;
    assert_int_equal(writer_write(a, (const uint8_t *)"aa", 2), RES_OK);
    assert_int_equal(writer_commit(b, NULL), RES_OK);
    scratch_holds("root/file", "b");
    assert_int_equal(writer_commit(a, NULL), RES_OK);
    scratch_holds("root/file", "aaaa");
    assert_int_equal(scratch_count("root"), 1);
}

enum { ROUNDS = 100, LONGEST = 100000 };

static int replace_often(char letter, size_t len)
{
    static uint8_t bytes[LONGEST];

    memset(bytes, letter, len);
    for (int i = 0; i < ROUNDS; i++) {
        struct writer *w;

        if (upload_try(&w, "file", POLICY_WRITE_REPLACE) != RES_OK ||
            writer_write(w, bytes, len / 2) != RES_OK ||
            writer_write(w, bytes, len - len / 2) != RES_OK || writer_commit(w, NULL) != RES_OK) {
            return 1;
        }
    }
    return 0;
}

/* All of one letter, and of that letter's length. */
static bool is_whole(const char *path)
{
    static char bytes[LONGEST + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, bytes, sizeof(bytes));

    close(fd);
    for (ssize_t i = 1; i < len; i++) {
        if (bytes[i] != bytes[0]) {
            return false;
        }
    }
    return (bytes[0] == 'a' && len == LONGEST) || (bytes[0] == 'b' && len == LONGEST / 3);
}

static void test_uploads_of_one_name_at_once_never_mix(void **state)
{
    pid_t pids[2];
    int status;
    int running = 2;

    (void)state;
    assert_int_equal(replace_often('a', LONGEST), 0);
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        assert_return_code(pids[i], errno);
        if (pids[i] == 0) {
            _exit(i == 0 ? replace_often('a', LONGEST) : replace_often('b', LONGEST / 3));
        }
    }
    while (running > 0) {
        assert_true(is_whole("root/file"));
        for (int i = 0; i < 2; i++) {
            if (pids[i] > 0 && waitpid(pids[i], &status, WNOHANG) == pids[i]) {
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
                pids[i] = 0;
                running--;
            }
        }
    }
    assert_true(is_whole("root/file"));
    assert_int_equal(scratch_count("root"), 1);
}

static void test_a_name_that_appeared_meanwhile_is_replaced_with_its_mode(void **state)
{
    struct writer *w = upload_begin("file", POLICY_WRITE_REPLACE, "new");

    (void)state;
    scratch_file("root/file", "between");
    assert_return_code(chmod("root/file", 0604), errno);
    assert_int_equal(writer_commit(w, NULL), RES_OK);
    scratch_holds("root/file", "new");
    assert_int_equal(upload_mode("root/file"), 0604);
}

static void test_a_name_that_vanished_meanwhile_is_new(void **state)
{
    struct writer *w;

    (void)state;
    scratch_file("root/file", "old");
    w = upload_begin("file", POLICY_WRITE_REPLACE, "new");
    assert_return_code(unlink("root/file"), errno);
    assert_int_equal(writer_commit(w, NULL), RES_OK);
    scratch_holds("root/file", "new");
    assert_int_equal(upload_mode("root/file"), 0640);
}

static void test_a_name_that_became_something_else_is_left_alone(void **state)
{
    struct writer *to_dir = upload_begin("a", POLICY_WRITE_REPLACE, "new");
    struct writer *to_link = upload_begin("b", POLICY_WRITE_REPLACE, "new");
    struct writer *to_fifo = upload_begin("c", POLICY_WRITE_REPLACE, "new");

    (void)state;
    scratch_dir("root/a");
    scratch_link("/etc/passwd", "root/b");
    assert_return_code(mkfifo("root/c", 0666), errno);
    assert_int_equal(writer_commit(to_dir, NULL), RES_IS_DIR);
    assert_int_equal(writer_commit(to_link, NULL), RES_DENIED);
    assert_int_equal(writer_commit(to_fifo, NULL), RES_DENIED);
    assert_int_equal(scratch_count("root"), 3);
}

static void test_a_directory_that_vanished_takes_its_uploads_along(void **state)
{
    struct writer *w;

    (void)state;
    scratch_dir("root/dir");
    w = upload_begin("dir/file", POLICY_WRITE_CREATE, "new");
    if (rmdir("root/dir") == -1) {
        writer_abort(w);
        scratch_skip("this file system has no O_TMPFILE, so the directory is not empty");
    }
    assert_int_equal(writer_commit(w, NULL), RES_NOT_FOUND);
    assert_int_equal(scratch_count("root"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, upload_setup, upload_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_under_create_the_later_of_two_gets_exists),
        TEST(test_under_replace_the_last_of_two_to_commit_stays),
        TEST(test_uploads_of_one_name_at_once_never_mix),
        TEST(test_a_name_that_appeared_meanwhile_is_replaced_with_its_mode),
        TEST(test_a_name_that_vanished_meanwhile_is_new),
        TEST(test_a_name_that_became_something_else_is_left_alone),
        TEST(test_a_directory_that_vanished_takes_its_uploads_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
