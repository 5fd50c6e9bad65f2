/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/upload.h"

static enum res try_local(struct writer **ret, const char *path, bool replace)
{
    const struct writer_params p = {
        .replace = replace, .mode = 0644, .expected_size = WRITER_SIZE_UNKNOWN};

    return writer_begin_local(ret, path, &p);
}

static void put_local(const char *path, const char *text)
{
    struct writer *w = NULL;

    assert_int_equal(try_local(&w, path, true), RES_OK);
    assert_int_equal(writer_write(w, (const uint8_t *)text, strlen(text)), RES_OK);
    assert_int_equal(writer_commit(w), RES_OK);
}

static void test_local_paths_follow_the_same_rules(void **state)
{
    struct writer *w;
    struct stat st;

    (void)state;
    put_local("local", "one");
    scratch_holds("local", "one");
    assert_int_equal(upload_mode("local"), 0644);
    assert_int_equal(try_local(&w, "local", false), RES_EXISTS);
    assert_int_equal(try_local(&w, "local", true), RES_OK);
    writer_abort(w);
    scratch_holds("local", "one");
    scratch_link("../local", "root/link");
    put_local("root/link", "two");
    scratch_holds("local", "two");
    assert_return_code(lstat("root/link", &st), errno);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(try_local(&w, "root", true), RES_IS_DIR);
    assert_int_equal(try_local(&w, "none/file", true), RES_NOT_FOUND);
    assert_int_equal(scratch_count("."), 2);
}

static void test_local_devices_and_fifos_are_written_straight(void **state)
{
    char text[8] = "";
    struct stat st;
    int fd;

    (void)state;
    put_local("/dev/null", "gone");
    assert_return_code(stat("/dev/null", &st), errno);
    assert_true(S_ISCHR(st.st_mode));
    assert_return_code(mkfifo("fifo", 0600), errno);
    fd = open("fifo", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_return_code(fd, errno);
    put_local("fifo", "text");
    assert_int_equal(read(fd, text, sizeof(text)), 4);
    assert_string_equal(text, "text");
    close(fd);
}

static void test_a_full_device_says_so(void **state)
{
    struct writer *w;

    (void)state;
    assert_int_equal(try_local(&w, "/dev/full", true), RES_OK);
    assert_int_equal(writer_write(w, (const uint8_t *)"x", 1), RES_NO_SPACE);
    assert_int_equal(writer_commit(w), RES_NO_SPACE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, upload_setup, upload_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_local_paths_follow_the_same_rules),
        TEST(test_local_devices_and_fifos_are_written_straight),
        TEST(test_a_full_device_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
