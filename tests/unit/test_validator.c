/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/validator.h"

#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static struct stat some_file(void)
{
    struct stat st;

    memset(&st, 0, sizeof(st));
    st.st_dev = 0x0801;
    st.st_ino = 0x1234567;
    st.st_mode = S_IFREG | 0644;
    st.st_nlink = 1;
    st.st_size = 5000;
    st.st_mtim = (struct timespec){.tv_sec = 1700000000, .tv_nsec = 123456789};
    st.st_ctim = st.st_mtim; /* as after an ordinary write */
    return st;
}

static bool same(const struct stat *a, const struct stat *b)
{
    uint8_t of_a[WHERRY_VALIDATOR_BYTES];
    uint8_t of_b[WHERRY_VALIDATOR_BYTES];

    validator_make(a, of_a);
    validator_make(b, of_b);
    return memcmp(of_a, of_b, sizeof(of_a)) == 0;
}

static void test_each_of_device_inode_size_and_times_makes_another_version(void **state)
{
    const struct stat a = some_file();
    struct stat b = some_file();

    (void)state;
    assert_true(same(&a, &b));
    b.st_dev++;
    assert_false(same(&a, &b));
    b = a;
    b.st_ino++;
    assert_false(same(&a, &b));
    b = a;
    b.st_size++;
    assert_false(same(&a, &b));
    b = a;
    b.st_mtim.tv_sec++;
    assert_false(same(&a, &b));
    b = a;
    b.st_mtim.tv_nsec++;
    assert_false(same(&a, &b));
    b = a;
    b.st_ctim.tv_sec++;
    assert_false(same(&a, &b));
    b = a;
    b.st_ctim.tv_nsec++;
    assert_false(same(&a, &b));
    b = a;
    b.st_mtim.tv_nsec++; /* both, as one write moves them */
    b.st_ctim.tv_nsec++;
    assert_false(same(&a, &b));
}

/* Not of the version: who may read it, how many names it has, when it was read. */
static void test_mode_owner_links_and_atime_make_no_other_version(void **state)
{
    const struct stat a = some_file();
    struct stat b = some_file();

    (void)state;
    b.st_mode = S_IFREG | 0600;
    b.st_uid = 7;
    b.st_nlink = 2;
    b.st_atim.tv_sec = 1;
    assert_true(same(&a, &b));
}

static void test_validator_is_the_front_of_the_hash_of_the_big_endian_facts(void **state)
{
    static const uint8_t layout[56] = {
        0, 0, 0, 0, 0,    0,    0x08, 0x01,                                     /* device */
        0, 0, 0, 0, 0x01, 0x23, 0x45, 0x67,                                     /* inode */
        0, 0, 0, 0, 0,    0,    0x13, 0x88,                                     /* size */
        0, 0, 0, 0, 0x65, 0x53, 0xf1, 0x00,                                     /* mtime: s ... */
        0, 0, 0, 0, 0x07, 0x5b, 0xcd, 0x15,                                     /* ... ns */
        0, 0, 0, 0, 0x65, 0x53, 0xf1, 0x00, 0, 0, 0, 0, 0x07, 0x5b, 0xcd, 0x15, /* ctime */
    };
    const struct stat st = some_file();
    uint8_t digest[SHA256_DIGEST_LENGTH];
    uint8_t validator[WHERRY_VALIDATOR_BYTES];

    (void)state;
    assert_non_null(SHA256(layout, sizeof(layout), digest));
    validator_make(&st, validator);
    assert_memory_equal(validator, digest, sizeof(validator));
}

static void test_mtime_is_nanoseconds_since_1970(void **state)
{
    struct stat st = some_file();

    (void)state;
    assert_int_equal(validator_mtime_ns(&st), UINT64_C(1700000000) * SECOND + 123456789);
    st.st_mtim = (struct timespec){.tv_sec = 0, .tv_nsec = 1};
    assert_int_equal(validator_mtime_ns(&st), 1);
}

static void test_mtime_before_1970_is_0(void **state)
{
    struct stat st = some_file();

    (void)state;
    st.st_mtim = (struct timespec){.tv_sec = -1, .tv_nsec = 999999999};
    assert_int_equal(validator_mtime_ns(&st), 0);
}

/* 2^64 nanoseconds end in the year 2554. */
static void test_mtime_beyond_64_bits_is_the_highest(void **state)
{
    struct stat st = some_file();

    (void)state;
    st.st_mtim.tv_sec = (time_t)INT64_C(18446744074);
    assert_int_equal(validator_mtime_ns(&st), UINT64_MAX);
}

static void test_info_of_a_file_has_its_size_and_times(void **state)
{
    const struct stat st = some_file();
    struct wherry_message_info info;
    uint8_t validator[WHERRY_VALIDATOR_BYTES];

    (void)state;
    validator_info(&st, &info);
    validator_make(&st, validator);
    assert_int_equal(info.kind, WHERRY_KIND_FILE);
    assert_int_equal(info.size, 5000);
    assert_int_equal(info.mtime_ns, UINT64_C(1700000000) * SECOND + 123456789);
    assert_memory_equal(info.validator, validator, sizeof(validator));
}

static void test_info_of_a_directory_has_size_0(void **state)
{
    struct stat st = some_file();
    struct wherry_message_info info;

    (void)state;
    st.st_mode = S_IFDIR | 0755;
    st.st_size = 4096;
    validator_info(&st, &info);
    assert_int_equal(info.kind, WHERRY_KIND_DIRECTORY);
    assert_int_equal(info.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_of_device_inode_size_and_times_makes_another_version),
        cmocka_unit_test(test_mode_owner_links_and_atime_make_no_other_version),
        cmocka_unit_test(test_validator_is_the_front_of_the_hash_of_the_big_endian_facts),
        cmocka_unit_test(test_mtime_is_nanoseconds_since_1970),
        cmocka_unit_test(test_mtime_before_1970_is_0),
        cmocka_unit_test(test_mtime_beyond_64_bits_is_the_highest),
        cmocka_unit_test(test_info_of_a_file_has_its_size_and_times),
        cmocka_unit_test(test_info_of_a_directory_has_size_0),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
