/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/message.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A string literal as bytes, without the NUL that C adds. */
#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1
/* The same as a view, to initialise one with. */
#define VIEW(literal)                                                                              \
    {                                                                                              \
        .bytes = (const uint8_t *)(literal), .len = sizeof(literal) - 1                            \
    }

#define SIXTEEN "0123456789abcdef"
#define THIRTY_TWO SIXTEEN "ABCDEFGHIJKLMNOP"
#define TAG_SHA256 "\1\0\x20" THIRTY_TWO
#define TAG_VALIDATOR "\2\0\x10" SIXTEEN
#define TAG_UPLOAD_ID "\3\0\x10" SIXTEEN

#define SIXTEEN_BYTES                                                                              \
    {                                                                                              \
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'             \
    }

static const uint8_t sixteen[] = SIXTEEN;
static const uint8_t thirty_two[] = THIRTY_TWO;

/* Writes one message, whichever, into that much room. */
typedef size_t (*write_fn)(uint8_t *buf, size_t cap);

/* Right in exactly enough room, and nothing in one byte less or in none at all. */
static void expect_frame(write_fn write, const uint8_t *expected, size_t len)
{
    uint8_t buf[512];

    assert_true(len < sizeof(buf));
    memset(buf, 0x5a, sizeof(buf));
    assert_int_equal(write(buf, len), len);
    assert_memory_equal(buf, expected, len);
    assert_int_equal(buf[len], 0x5a);
    for (size_t cap = 0; cap < len; cap++) {
        memset(buf, 0x5a, sizeof(buf));
        assert_int_equal(write(buf, cap), 0);
        assert_int_equal(buf[cap], 0x5a);
    }
    assert_int_equal(write(NULL, 0), 0);
}

static size_t write_hello(uint8_t *buf, size_t cap)
{
    const struct wherry_message_hello m = {.lowest = 1, .highest = 7};

    return wherry_message_write_hello(buf, cap, &m);
}

static size_t write_hello_reply(uint8_t *buf, size_t cap)
{
    const struct wherry_message_hello_reply m = {
        .version = 1, .max_frame = 0x00123456, .features = 0x80000001};

    return wherry_message_write_hello_reply(buf, cap, &m);
}

static void test_hello_and_its_reply_are_of_the_connection(void **state)
{
    (void)state;
    expect_frame(write_hello, BYTES("\0\0\0\6\1\0\0\0\0\0\0\0WHRY\1\7"));
    expect_frame(write_hello_reply,
                 BYTES("\0\0\0\15\x81\0\0\0\0\0\0\0WHRY\1\0\x12\x34\x56\x80\0\0\1"));
}

static size_t write_stat(uint8_t *buf, size_t cap)
{
    const struct wherry_message_path m = {.path = VIEW("a/b")};

    return wherry_message_write_path(buf, cap, WHERRY_FRAME_STAT, 0xfedcba98, &m);
}

static size_t write_mkdir(uint8_t *buf, size_t cap)
{
    const struct wherry_message_path m = {.path = VIEW("d")};

    return wherry_message_write_path(buf, cap, WHERRY_FRAME_MKDIR, 1, &m);
}

static size_t write_hash_of_root(uint8_t *buf, size_t cap)
{
    const struct wherry_message_path m = {.path = {.bytes = NULL, .len = 0}};

    return wherry_message_write_path(buf, cap, WHERRY_FRAME_HASH, 1, &m);
}

static void test_stat_hash_and_mkdir_are_a_path(void **state)
{
    (void)state;
    expect_frame(write_stat, BYTES("\0\0\0\5\3\0\0\0\xfe\xdc\xba\x98\0\3a/b"));
    expect_frame(write_mkdir, BYTES("\0\0\0\3\x0b\0\0\0\0\0\0\1\0\1d"));
    expect_frame(write_hash_of_root, BYTES("\0\0\0\2\x0a\0\0\0\0\0\0\1\0\0"));
}

static size_t write_list(uint8_t *buf, size_t cap)
{
    const struct wherry_message_list m = {.path = VIEW("d"), .after = VIEW("b~")};

    return wherry_message_write_list(buf, cap, 2, &m);
}

static void test_list_is_path_and_start(void **state)
{
    (void)state;
    expect_frame(write_list, BYTES("\0\0\0\7\2\0\0\0\0\0\0\2\0\1d\0\2b~"));
}

static size_t write_get(uint8_t *buf, size_t cap)
{
    const struct wherry_message_get m = {
        .offset = 0x0102030405060708, .count = WHERRY_COUNT_ALL, .path = VIEW("f")};

    return wherry_message_write_get(buf, cap, 3, &m);
}

static size_t write_get_if_match(uint8_t *buf, size_t cap)
{
    const struct wherry_message_get m = {.count = 5, .path = VIEW("f"), .if_match = sixteen};

    return wherry_message_write_get(buf, cap, 3, &m);
}

static void test_get_is_range_path_and_condition(void **state)
{
    (void)state;
    expect_frame(write_get, BYTES("\0\0\0\x13\4\0\0\0\0\0\0\3\1\2\3\4\5\6\7\x08"
                                  "\xff\xff\xff\xff\xff\xff\xff\xff\0\1f"));
    expect_frame(write_get_if_match, BYTES("\0\0\0\x26\4\0\0\0\0\0\0\3\0\0\0\0\0\0\0\0"
                                           "\0\0\0\0\0\0\0\5\0\1f" TAG_VALIDATOR));
}

static size_t write_put(uint8_t *buf, size_t cap)
{
    const struct wherry_message_put m = {
        .size = WHERRY_SIZE_UNKNOWN, .mode = WHERRY_PUT_CREATE, .path = VIEW("f")};

    return wherry_message_write_put(buf, cap, 4, &m);
}

static size_t write_put_with_all(uint8_t *buf, size_t cap)
{
    const struct wherry_message_put m = {
        .size = 0x0102030405060708,
        .mode = WHERRY_PUT_REPLACE,
        .fsync = true,
        .path = VIEW("f"),
        .sha256 = thirty_two,
        .upload_id = sixteen,
    };

    return wherry_message_write_put(buf, cap, 4, &m);
}

static void test_put_is_size_mode_path_and_tags(void **state)
{
    (void)state;
    expect_frame(write_put,
                 BYTES("\0\0\0\x0c\5\0\0\0\0\0\0\4\xff\xff\xff\xff\xff\xff\xff\xff\1\0\1f"));
    expect_frame(
        write_put_with_all,
        BYTES("\0\0\0\x42\5\0\0\0\0\0\0\4\1\2\3\4\5\6\7\x08\x82\0\1f" TAG_SHA256 TAG_UPLOAD_ID));
}

static size_t write_end(uint8_t *buf, size_t cap)
{
    const struct wherry_message_end m = {.sha256 = thirty_two};

    return wherry_message_write_end(buf, cap, 4, &m);
}

static size_t write_bare_end(uint8_t *buf, size_t cap)
{
    const struct wherry_message_end m = {.sha256 = NULL};

    return wherry_message_write_end(buf, cap, 4, &m);
}

static size_t write_cancel(uint8_t *buf, size_t cap)
{
    return wherry_message_write_cancel(buf, cap, 0x01020304);
}

static void test_end_and_cancel_name_the_request_in_the_header(void **state)
{
    (void)state;
    expect_frame(write_end, BYTES("\0\0\0\x23\7\0\0\0\0\0\0\4" TAG_SHA256));
    expect_frame(write_bare_end, BYTES("\0\0\0\0\7\0\0\0\0\0\0\4"));
    expect_frame(write_cancel, BYTES("\0\0\0\0\x08\0\0\0\1\2\3\4"));
}

static size_t write_ping(uint8_t *buf, size_t cap)
{
    return wherry_message_write_ping(buf, cap, WHERRY_FRAME_PING, (struct wherry_view)VIEW("a\0b"));
}

static size_t write_ping_reply(uint8_t *buf, size_t cap)
{
    return wherry_message_write_ping(buf, cap, WHERRY_FRAME_PING_REPLY,
                                     (struct wherry_view){.bytes = NULL, .len = 0});
}

static void test_ping_is_up_to_64_bytes(void **state)
{
    uint8_t buf[128];
    uint8_t bytes[65] = {1};

    (void)state;
    expect_frame(write_ping, BYTES("\0\0\0\3\x09\0\0\0\0\0\0\0a\0b"));
    expect_frame(write_ping_reply, BYTES("\0\0\0\0\x89\0\0\0\0\0\0\0"));
    assert_int_equal(wherry_message_write_ping(buf, sizeof(buf), WHERRY_FRAME_PING,
                                               (struct wherry_view){.bytes = bytes, .len = 64}),
                     76);
    assert_int_equal(wherry_message_write_ping(buf, sizeof(buf), WHERRY_FRAME_PING,
                                               (struct wherry_view){.bytes = bytes, .len = 65}),
                     0);
}

static const struct wherry_message_info a_directory = {
    .kind = WHERRY_KIND_DIRECTORY,
    .size = 0x0102030405060708,
    .mtime_ns = 0x18020304050607f8,
    .validator = SIXTEEN_BYTES,
};

static size_t write_info(uint8_t *buf, size_t cap)
{
    return wherry_message_write_info(buf, cap, 5, &a_directory);
}

static size_t write_get_reply(uint8_t *buf, size_t cap)
{
    const struct wherry_message_get_reply m = {.info = a_directory, .offset = 4, .count = 5};

    return wherry_message_write_get_reply(buf, cap, 6, &m);
}

static void test_info_and_get_reply_say_what_a_file_is(void **state)
{
    (void)state;
    expect_frame(write_info, BYTES("\0\0\0\x21\x83\0\0\0\0\0\0\5\2\1\2\3\4\5\6\7\x08"
                                   "\x18\2\3\4\5\6\7\xf8" SIXTEEN));
    expect_frame(
        write_get_reply,
        BYTES("\0\0\0\x31\x84\0\0\0\0\0\0\6\2\1\2\3\4\5\6\7\x08\x18\2\3\4\5\6\7\xf8" SIXTEEN
              "\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\5"));
}

static size_t write_ready(uint8_t *buf, size_t cap)
{
    const struct wherry_message_ready m = {.offset = 9, .upload_id = SIXTEEN_BYTES};

    return wherry_message_write_ready(buf, cap, 7, &m);
}

static void test_ready_is_offset_and_upload_id(void **state)
{
    (void)state;
    expect_frame(write_ready, BYTES("\0\0\0\x18\x85\0\0\0\0\0\0\7\0\0\0\0\0\0\0\11" SIXTEEN));
}

static size_t write_end_reply(uint8_t *buf, size_t cap)
{
    const struct wherry_message_end_reply m = {.text = VIEW("no")};

    return wherry_message_write_end_reply(buf, cap, 0, WHERRY_STATUS_PROTOCOL, &m);
}

static size_t write_good_end_reply(uint8_t *buf, size_t cap)
{
    const struct wherry_message_end_reply m = {.sha256 = thirty_two, .validator = sixteen};

    return wherry_message_write_end_reply(buf, cap, 8, WHERRY_STATUS_OK, &m);
}

static size_t write_goaway(uint8_t *buf, size_t cap)
{
    const struct wherry_message_goaway m = {.text = VIEW("bye"), .retry_after_s = 300};

    return wherry_message_write_goaway(buf, cap, WHERRY_STATUS_SHUTDOWN, &m);
}

static void test_end_reply_and_goaway_have_a_status(void **state)
{
    (void)state;
    expect_frame(write_end_reply, BYTES("\0\0\0\4\x87\0\0\1\0\0\0\0\0\2no"));
    expect_frame(write_good_end_reply,
                 BYTES("\0\0\0\x38\x87\0\0\0\0\0\0\x08\0\0" TAG_SHA256 TAG_VALIDATOR));
    expect_frame(write_goaway, BYTES("\0\0\0\x09\x8f\0\0\x11\0\0\0\0\0\3bye\0\0\1\x2c"));
}

static size_t write_hash_reply(uint8_t *buf, size_t cap)
{
    struct wherry_message_hash_reply m = {.validator = SIXTEEN_BYTES};

    memcpy(m.sha256, thirty_two, sizeof(m.sha256));
    return wherry_message_write_hash_reply(buf, cap, 9, &m);
}

static void test_hash_reply_is_validator_and_digest(void **state)
{
    (void)state;
    expect_frame(write_hash_reply, BYTES("\0\0\0\x30\x8a\0\0\0\0\0\0\x09" SIXTEEN THIRTY_TWO));
}

static void test_strings_end_at_1024_bytes(void **state)
{
    static uint8_t buf[2 * WHERRY_MESSAGE_BYTES];
    static const uint8_t text[1025] = {'a'};
    const struct wherry_view longest = {.bytes = text, .len = 1024};
    const struct wherry_view over = {.bytes = text, .len = 1025};

    (void)state;
    assert_int_equal(
        wherry_message_write_list(buf, WHERRY_MESSAGE_BYTES, 1,
                                  &(struct wherry_message_list){.path = longest, .after = longest}),
        WHERRY_MESSAGE_BYTES); /* so nothing is longer */
    assert_int_equal(
        wherry_message_write_list(buf, sizeof(buf), 1, &(struct wherry_message_list){.path = over}),
        0);
    assert_int_equal(wherry_message_write_goaway(buf, sizeof(buf), WHERRY_STATUS_BUSY,
                                                 &(struct wherry_message_goaway){.text = over}),
                     0);
}

static const struct wherry_message_entry file_f = {
    .kind = WHERRY_KIND_FILE, .size = 2, .mtime_ns = 3, .name = VIEW("f")};

#define ENTRY_F "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\1f" /* 20 bytes */

static void test_entries_are_added_while_there_is_room(void **state)
{
    uint8_t buf[12 + 40 + 20];
    struct wherry_message_entries e;

    (void)state;
    memset(buf, 0x5a, sizeof(buf));
    wherry_message_entries_begin(&e, buf, 12 + 40 + 19);
    assert_true(wherry_message_entries_add(&e, &file_f));
    assert_true(wherry_message_entries_add(&e, &file_f));
    assert_false(wherry_message_entries_add(&e, &file_f));
    assert_int_equal(wherry_message_entries_end(&e, 7), 12 + 40);
    assert_memory_equal(buf, "\0\0\0\x28\x82\0\0\0\0\0\0\7" ENTRY_F ENTRY_F, 12 + 40);
    wherry_message_entries_begin(&e, buf, 12 + 20);
    assert_true(wherry_message_entries_add(&e, &file_f));
    assert_int_equal(wherry_message_entries_end(&e, 8), 12 + 20);
}

static void test_no_entries_are_no_frame(void **state)
{
    uint8_t buf[12 + 19];
    struct wherry_message_entries e;

    (void)state;
    for (size_t cap = 0; cap <= sizeof(buf); cap++) {
        memset(buf, 0x5a, sizeof(buf));
        wherry_message_entries_begin(&e, buf, cap);
        assert_false(wherry_message_entries_add(&e, &file_f));
        assert_int_equal(wherry_message_entries_end(&e, 7), 0);
        if (cap < sizeof(buf)) {
            assert_int_equal(buf[cap], 0x5a);
        }
    }
}

static void test_name_over_255_bytes_is_no_entry(void **state)
{
    static const uint8_t name[256] = {'a'};
    uint8_t buf[512];
    struct wherry_message_entry entry = file_f;
    struct wherry_message_entries e;

    (void)state;
    entry.name = (struct wherry_view){.bytes = name, .len = 256};
    wherry_message_entries_begin(&e, buf, sizeof(buf));
    assert_false(wherry_message_entries_add(&e, &entry));
    entry.name.len = 255;
    assert_true(wherry_message_entries_add(&e, &entry));
    assert_int_equal(wherry_message_entries_end(&e, 1), 12 + 19 + 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello_and_its_reply_are_of_the_connection),
        cmocka_unit_test(test_stat_hash_and_mkdir_are_a_path),
        cmocka_unit_test(test_list_is_path_and_start),
        cmocka_unit_test(test_get_is_range_path_and_condition),
        cmocka_unit_test(test_put_is_size_mode_path_and_tags),
        cmocka_unit_test(test_end_and_cancel_name_the_request_in_the_header),
        cmocka_unit_test(test_ping_is_up_to_64_bytes),
        cmocka_unit_test(test_info_and_get_reply_say_what_a_file_is),
        cmocka_unit_test(test_ready_is_offset_and_upload_id),
        cmocka_unit_test(test_end_reply_and_goaway_have_a_status),
        cmocka_unit_test(test_hash_reply_is_validator_and_digest),
        cmocka_unit_test(test_strings_end_at_1024_bytes),
        cmocka_unit_test(test_entries_are_added_while_there_is_room),
        cmocka_unit_test(test_no_entries_are_no_frame),
        cmocka_unit_test(test_name_over_255_bytes_is_no_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
