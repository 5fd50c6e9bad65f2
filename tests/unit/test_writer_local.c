/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/writer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

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
    assert_int_equal(writer_commit(w, NULL), RES_OK);
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

static void test_devices_and_fifos_are_no_files(void **state)
{
    struct writer *w;

    (void)state;
    assert_return_code(mkfifo("fifo", 0600), errno);
    assert_int_equal(try_local(&w, "fifo", true), RES_DENIED);
    assert_int_equal(try_local(&w, "/dev/null", true), RES_DENIED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, upload_setup, upload_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_local_paths_follow_the_same_rules),
        TEST(test_devices_and_fifos_are_no_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
