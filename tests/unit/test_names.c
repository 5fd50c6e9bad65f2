/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/scratch.h"

/* --- file systems as they are seldom at hand: readdir() says what the test says --- */

struct said {
    const char *name; /* NULL: the end, or with error not 0 a failure */
    unsigned char type;
    int error;
};

static const struct said *script; /* NULL: the real answer */
static union {
    struct dirent64 entry;
    char bytes[1024]; /* room for names that are longer than Linux has them */
} told;

struct dirent *__real_readdir(DIR *dir);
struct dirent *__wrap_readdir(DIR *dir);
struct dirent64 *__real_readdir64(DIR *dir);
struct dirent64 *__wrap_readdir64(DIR *dir);

struct dirent64 *__wrap_readdir64(DIR *dir)
{
    const struct said *s = script;

    if (s == NULL) {
        return __real_readdir64(dir);
    }
    if (s->name == NULL) {
        errno = s->error;
        return NULL;
    }
    script++;
    memset(&told, 0, sizeof(told));
    assert_true(strlen(s->name) < sizeof(told) - offsetof(struct dirent64, d_name));
    strcpy(told.bytes + offsetof(struct dirent64, d_name), s->name);
    told.entry.d_type = s->type;
    return &told.entry;
}

/* The same where off_t has 64 bits. */
struct dirent *__wrap_readdir(DIR *dir)
{
    return (struct dirent *)__wrap_readdir64(dir);
}

static int fd;

static int setup(void **state)
{
    script = NULL;
    if (scratch_setup(state) == -1) {
        return -1;
    }
    fd = open(".", O_RDONLY | O_DIRECTORY);
    return fd == -1 ? -1 : 0;
}

static int teardown(void **state)
{
    close(fd);
    return scratch_teardown(state);
}

static void expect(const struct said *says, const char *const *names, size_t count)
{
    struct names n = {0};

    script = says;
    assert_int_equal(names_read(&n, fd), RES_OK);
    assert_int_equal(n.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(n.sorted[i], names[i]);
    }
    names_clear(&n);
    assert_int_equal(n.count, 0);
}

static void test_a_name_that_is_said_twice_is_listed_once(void **state)
{
    static const struct said says[] = {
        {"b", DT_REG, 0}, {"a", DT_REG, 0}, {"b", DT_REG, 0}, {"ab", DT_REG, 0}, {NULL, 0, 0}};
    static const char *const names[] = {"a", "ab", "b"};

    (void)state;
    expect(says, names, 3);
}

static void test_what_the_type_rules_out_is_left_out_at_once(void **state)
{
    static const struct said says[] = {
        {".", DT_DIR, 0},       {"..", DT_DIR, 0},        {"fifo", DT_FIFO, 0},
        {"socket", DT_SOCK, 0}, {"tty", DT_CHR, 0},       {"disk", DT_BLK, 0},
        {"file", DT_REG, 0},    {"dir", DT_DIR, 0},       {"link", DT_LNK, 0},
        {"who", DT_UNKNOWN, 0}, {".wherry-x", DT_REG, 0}, {NULL, 0, 0},
    };
    static const char *const names[] = {"dir", "file", "link", "who"}; /* a look will tell */

    (void)state;
    expect(says, names, 4);
}

static void test_names_over_255_bytes_are_left_out(void **state)
{
    char longest[255 + 1];
    char too_long[256 + 1];
    const struct said says[] = {{too_long, DT_REG, 0}, {longest, DT_REG, 0}, {NULL, 0, 0}};
    const char *const names[] = {longest};

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    memset(too_long, 'x', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    expect(says, names, 1);
}

static void test_a_failure_in_the_middle_is_no_short_listing(void **state)
{
    static const struct said says[] = {{"a", DT_REG, 0}, {NULL, 0, EIO}};
    struct names n = {0};

    (void)state;
    script = says;
    assert_int_equal(names_read(&n, fd), RES_IO);
    assert_null(n.sorted);
}

static void test_reading_leaves_the_descriptor_open(void **state)
{
    static const char *const names[] = {"file"};

    (void)state;
    scratch_file("file", "");
    expect(NULL, names, 1);
    assert_true(fcntl(fd, F_GETFD) >= 0);
}

static void test_the_position_behind_a_name_is_found_in_any_case(void **state)
{
    static const char *sorted[] = {"a", "b", "d"};
    const struct names n = {.sorted = sorted, .count = 3};
    const struct names none = {0};

    (void)state;
    assert_int_equal(names_up_to(&n, ""), 0);
    assert_int_equal(names_up_to(&n, "a"), 1);
    assert_int_equal(names_up_to(&n, "aa"), 1);
    assert_int_equal(names_up_to(&n, "b"), 2);
    assert_int_equal(names_up_to(&n, "c"), 2);
    assert_int_equal(names_up_to(&n, "d"), 3);
    assert_int_equal(names_up_to(&n, "\xff"), 3);
    assert_int_equal(names_up_to(&none, "a"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_name_that_is_said_twice_is_listed_once),
        TEST(test_what_the_type_rules_out_is_left_out_at_once),
        TEST(test_names_over_255_bytes_are_left_out),
        TEST(test_a_failure_in_the_middle_is_no_short_listing),
        TEST(test_reading_leaves_the_descriptor_open),
        TEST(test_the_position_behind_a_name_is_found_in_any_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
