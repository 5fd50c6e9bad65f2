/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/straight.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"

static const atomic_bool wanted = false;
static const atomic_bool abandoned = true;

static enum res put(int fd, const char *text)
{
    return straight_write(fd, (const uint8_t *)text, strlen(text), &wanted);
}

static void test_it_is_for_what_is_neither_file_nor_directory(void **state)
{
    (void)state;
    scratch_file("file", "text");
    assert_return_code(mkfifo("fifo", 0600), errno);
    scratch_link("fifo", "link");
    assert_true(straight_needed("fifo"));
    assert_true(straight_needed("link"));
    assert_true(straight_needed("/dev/null"));
    assert_false(straight_needed("file"));
    assert_false(straight_needed("."));
    assert_false(straight_needed("missing"));
}

static void test_fifo_gets_the_bytes(void **state)
{
    char text[8] = "";
    int reader;
    int fd = -1;

    (void)state;
    assert_return_code(mkfifo("fifo", 0600), errno);
    reader = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_return_code(reader, errno);
    assert_int_equal(straight_open(&fd, "fifo", &wanted), RES_OK);
    assert_int_equal(put(fd, "text"), RES_OK);
    assert_int_equal(read(reader, text, sizeof(text)), 4);
    assert_string_equal(text, "text");
    close(fd);
    close(reader);
}

static void test_device_stays_a_device(void **state)
{
    struct stat st;
    int fd = -1;

    (void)state;
    assert_int_equal(straight_open(&fd, "/dev/null", &wanted), RES_OK);
    assert_int_equal(put(fd, "gone"), RES_OK);
    close(fd);
    assert_return_code(stat("/dev/null", &st), errno);
    assert_true(S_ISCHR(st.st_mode));
}

static void test_full_device_says_so(void **state)
{
    int fd = -1;

    (void)state;
    assert_int_equal(straight_open(&fd, "/dev/full", &wanted), RES_OK);
    assert_int_equal(put(fd, "x"), RES_NO_SPACE);
    close(fd);
}

static void test_fifo_without_reader_is_given_up_when_nobody_waits(void **state)
{
    int fd = -1;

    (void)state;
    assert_return_code(mkfifo("fifo", 0600), errno);
    assert_int_equal(straight_open(&fd, "fifo", &abandoned), RES_SHUTDOWN);
    assert_int_equal(fd, -1);
}

static void test_full_pipe_is_given_up_when_nobody_waits(void **state)
{
    int ends[2];

    (void)state;
    assert_return_code(pipe2(ends, O_CLOEXEC), errno);
    assert_int_equal(straight_write(ends[1], (const uint8_t *)"x", 1, &abandoned), RES_SHUTDOWN);
    close(ends[0]);
    close(ends[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_is_for_what_is_neither_file_nor_directory),
        TEST(test_fifo_gets_the_bytes),
        TEST(test_device_stays_a_device),
        TEST(test_full_device_says_so),
        TEST(test_fifo_without_reader_is_given_up_when_nobody_waits),
        TEST(test_full_pipe_is_given_up_when_nobody_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
