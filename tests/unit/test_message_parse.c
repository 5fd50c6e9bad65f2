/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/message.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A string literal as bytes, without the NUL that C adds. */
#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

#define SIXTEEN "0123456789abcdef"
#define THIRTY_TWO SIXTEEN "ABCDEFGHIJKLMNOP"
#define TAG_SHA256 "\1\0\x20" THIRTY_TWO
#define TAG_VALIDATOR "\2\0\x10" SIXTEEN
#define TAG_UPLOAD_ID "\3\0\x10" SIXTEEN

static uint8_t *held; /* the payload of the last payload() */

static int free_payload(void **state)
{
    (void)state;
    free(held);
    held = NULL;
    return 0;
}

/* A heap block of exactly that many bytes, so that a read past the end is caught. */
static struct wherry_view payload(const uint8_t *bytes, size_t len)
{
    (void)free_payload(NULL);
    held = malloc(len > 0 ? len : 1);
    assert_non_null(held);
    if (len > 0) {
        memcpy(held, bytes, len);
    }
    return (struct wherry_view){.bytes = held, .len = len};
}

static void expect_view(struct wherry_view v, const uint8_t *bytes, size_t len)
{
    assert_int_equal(v.len, len);
    assert_memory_equal(v.bytes, bytes, len);
}

/* Each parse as a function of the payload alone, which sees that a failure writes nothing. */
#define PARSE(name)                                                                                \
    static enum res parse_##name(struct wherry_view bytes)                                         \
    {                                                                                              \
        struct wherry_message_##name m;                                                            \
        struct wherry_message_##name before;                                                       \
        enum res r;                                                                                \
                                                                                                   \
        memset(&m, 0x5a, sizeof(m));                                                               \
        memcpy(&before, &m, sizeof(m));                                                            \
        r = wherry_message_parse_##name(&m, bytes);                                                \
        assert_int_equal(memcmp(&m, &before, sizeof(m)) == 0, r != RES_OK);                        \
        return r;                                                                                  \
    }
PARSE(hello)
PARSE(path)
PARSE(list)
PARSE(get)
PARSE(put)
PARSE(end)
PARSE(hello_reply)
PARSE(info)
PARSE(get_reply)
PARSE(ready)
PARSE(end_reply)
PARSE(hash_reply)
PARSE(goaway)

/* All that take tags, each with fields that are right. */
static const struct message {
    enum res (*parse)(struct wherry_view bytes);
    const uint8_t *fields;
    size_t len;
} messages[] = {
    {parse_hello, BYTES("WHRY\1\1")},
    {parse_path, BYTES("\0\3a/b")},
    {parse_list, BYTES("\0\1a\0\1b")},
    {parse_get, BYTES("\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\1a")},
    {parse_put, BYTES("\0\0\0\0\0\0\0\1\1\0\1a")},
    {parse_end, BYTES("")},
    {wherry_message_parse_cancel, BYTES("")},
    {parse_hello_reply, BYTES("WHRY\1\0\x10\0\0\0\0\0\0")},
    {parse_info, BYTES("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3" SIXTEEN)},
    {parse_get_reply,
     BYTES("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3" SIXTEEN "\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\5")},
    {parse_ready, BYTES("\0\0\0\0\0\0\0\1" SIXTEEN)},
    {parse_end_reply, BYTES("\0\2no")},
    {parse_hash_reply, BYTES(SIXTEEN THIRTY_TWO)},
    {parse_goaway, BYTES("\0\3bye\0\0\0\5")},
};
#define MESSAGES (sizeof(messages) / sizeof(messages[0]))

/* Every message with that behind its fields. */
static void expect_all(const uint8_t *behind, size_t len, enum res expected)
{
    for (size_t i = 0; i < MESSAGES; i++) {
        const struct message *m = &messages[i];
        uint8_t bytes[256];

        assert_true(m->len + len <= sizeof(bytes));
        memcpy(bytes, m->fields, m->len);
        memcpy(bytes + m->len, behind, len);
        assert_int_equal(m->parse(payload(bytes, m->len + len)), expected);
    }
}

static void test_payload_shorter_than_its_fields_is_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < MESSAGES; i++) {
        const struct message *m = &messages[i];

        for (size_t len = 0; len < m->len; len++) {
            assert_int_equal(m->parse(payload(m->fields, len)), RES_PROTOCOL);
        }
        assert_int_equal(m->parse(payload(m->fields, m->len)), RES_OK);
    }
}

static void test_unknown_tags_below_0x80_are_skipped(void **state)
{
    (void)state;
    expect_all(BYTES("\4\0\0"), RES_OK);
    expect_all(BYTES("\0\0\1x\x7f\0\5hello\x7f\0\0"), RES_OK);
}

static void test_unknown_tags_from_0x80_on_are_unsupported(void **state)
{
    (void)state;
    expect_all(BYTES("\x80\0\0"), RES_UNSUPPORTED);
    expect_all(BYTES("\xff\0\2no\4\0\0"), RES_UNSUPPORTED);
}

static void test_known_tags_are_taken_where_they_have_no_use_too(void **state)
{
    (void)state;
    expect_all(BYTES(TAG_SHA256), RES_OK);
    expect_all(BYTES(TAG_UPLOAD_ID TAG_VALIDATOR TAG_SHA256), RES_OK);
}

static void test_known_tag_of_another_length_is_malformed(void **state)
{
    (void)state;
    expect_all(BYTES("\1\0\x1f" SIXTEEN "ABCDEFGHIJKLMNO"), RES_PROTOCOL);
    expect_all(BYTES("\1\0\x21" THIRTY_TWO "x"), RES_PROTOCOL);
    expect_all(BYTES("\2\0\0"), RES_PROTOCOL);
    expect_all(BYTES("\3\0\x11" SIXTEEN "x"), RES_PROTOCOL);
}

static void test_known_tag_that_comes_twice_is_malformed(void **state)
{
    (void)state;
    expect_all(BYTES(TAG_SHA256 TAG_SHA256), RES_PROTOCOL);
    expect_all(BYTES(TAG_VALIDATOR TAG_UPLOAD_ID TAG_VALIDATOR), RES_PROTOCOL);
}

static void test_tag_beyond_the_payload_is_malformed(void **state)
{
    (void)state;
    expect_all(BYTES("\4"), RES_PROTOCOL);
    expect_all(BYTES("\4\0"), RES_PROTOCOL);
    expect_all(BYTES("\4\0\1"), RES_PROTOCOL);
    expect_all(BYTES("\4\xff\xff" SIXTEEN), RES_PROTOCOL);
    expect_all(BYTES(TAG_SHA256 "\2\0\x10"), RES_PROTOCOL);
}

static void test_malformed_weighs_more_than_unsupported(void **state)
{
    (void)state;
    expect_all(BYTES("\x80\0\0\4"), RES_PROTOCOL);
    expect_all(BYTES("\x80\0\2x"), RES_PROTOCOL);
    expect_all(BYTES("\x80\0\0" TAG_SHA256 TAG_SHA256), RES_PROTOCOL);
}

static void test_hello_names_the_versions(void **state)
{
    struct wherry_message_hello m;

    (void)state;
    assert_int_equal(wherry_message_parse_hello(&m, payload(BYTES("WHRY\1\7"))), RES_OK);
    assert_int_equal(m.lowest, 1);
    assert_int_equal(m.highest, 7);
    assert_int_equal(parse_hello(payload(BYTES("WHRy\1\1"))), RES_PROTOCOL);
    assert_int_equal(parse_hello_reply(payload(BYTES("whry\1\0\x10\0\0\0\0\0\0"))), RES_PROTOCOL);
}

static void test_hello_reply_names_version_and_limits(void **state)
{
    struct wherry_message_hello_reply m;

    (void)state;
    assert_int_equal(
        wherry_message_parse_hello_reply(&m, payload(BYTES("WHRY\1\0\x12\x34\x56\x80\0\0\1"))),
        RES_OK);
    assert_int_equal(m.version, 1);
    assert_int_equal(m.max_frame, 0x123456);
    assert_int_equal(m.features, 0x80000001);
}

static void test_max_frame_is_64_kib_to_2_24_less_1(void **state)
{
    (void)state;
    assert_int_equal(parse_hello_reply(payload(BYTES("WHRY\1\0\0\xff\xff\0\0\0\0"))), RES_PROTOCOL);
    assert_int_equal(parse_hello_reply(payload(BYTES("WHRY\1\0\1\0\0\0\0\0\0"))), RES_OK);
    assert_int_equal(parse_hello_reply(payload(BYTES("WHRY\1\0\xff\xff\xff\0\0\0\0"))), RES_OK);
    assert_int_equal(parse_hello_reply(payload(BYTES("WHRY\1\1\0\0\0\0\0\0\0"))), RES_PROTOCOL);
}

static void test_stat_hash_and_mkdir_carry_a_path(void **state)
{
    struct wherry_message_path m;

    (void)state;
    assert_int_equal(wherry_message_parse_path(&m, payload(BYTES("\0\3a/b"))), RES_OK);
    expect_view(m.path, BYTES("a/b"));
    assert_ptr_equal(m.path.bytes, held + 2);
    assert_int_equal(wherry_message_parse_path(&m, payload(BYTES("\0\0"))), RES_OK);
    assert_int_equal(m.path.len, 0); /* the root */
}

static void test_list_carries_path_and_start(void **state)
{
    struct wherry_message_list m;

    (void)state;
    assert_int_equal(wherry_message_parse_list(&m, payload(BYTES("\0\0\0\2b~"))), RES_OK);
    assert_int_equal(m.path.len, 0);
    expect_view(m.after, BYTES("b~"));
}

static void test_start_of_a_listing_need_not_be_a_name(void **state)
{
    static uint8_t bytes[2 + 2 + 1025] = {0, 0, 4, 0};

    (void)state;
    memset(bytes + 4, 'a', 1025);
    assert_int_equal(parse_list(payload(BYTES("\0\0\0\2.."))), RES_OK);
    assert_int_equal(parse_list(payload(BYTES("\0\0\0\2a/"))), RES_OK);
    assert_int_equal(parse_list(payload(bytes, 2 + 2 + 1024)), RES_OK);
    bytes[3] = 1; /* 1025 */
    assert_int_equal(parse_list(payload(bytes, sizeof(bytes))), RES_NAME);
    assert_int_equal(parse_list(payload(BYTES("\0\0\0\2a\0"))), RES_NAME);
}

static void test_get_carries_range_path_and_condition(void **state)
{
    struct wherry_message_get m;

    (void)state;
    assert_int_equal(
        wherry_message_parse_get(&m, payload(BYTES("\1\2\3\4\5\6\7\x08\xff\xff\xff\xff\xff\xff\xff"
                                                   "\xff\0\1f" TAG_VALIDATOR))),
        RES_OK);
    assert_true(m.offset == 0x0102030405060708);
    assert_true(m.count == WHERRY_COUNT_ALL);
    expect_view(m.path, BYTES("f"));
    assert_memory_equal(m.if_match, SIXTEEN, 16);
    assert_int_equal(wherry_message_parse_get(&m, payload(messages[3].fields, messages[3].len)),
                     RES_OK);
    assert_null(m.if_match);
}

static void test_put_carries_size_mode_path_and_tags(void **state)
{
    struct wherry_message_put m;

    (void)state;
    assert_int_equal(
        wherry_message_parse_put(
            &m, payload(BYTES("\1\2\3\4\5\6\7\x08\1\0\1f" TAG_UPLOAD_ID "\5\0\0" TAG_SHA256))),
        RES_OK);
    assert_true(m.size == 0x0102030405060708);
    assert_int_equal(m.mode, WHERRY_PUT_CREATE);
    assert_false(m.fsync);
    expect_view(m.path, BYTES("f"));
    assert_memory_equal(m.sha256, THIRTY_TWO, 32);
    assert_memory_equal(m.upload_id, SIXTEEN, 16);
    assert_int_equal(
        wherry_message_parse_put(&m, payload(BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\x82\0\1f"))),
        RES_OK);
    assert_true(m.size == WHERRY_SIZE_UNKNOWN);
    assert_int_equal(m.mode, WHERRY_PUT_REPLACE);
    assert_true(m.fsync);
    assert_null(m.sha256);
    assert_null(m.upload_id);
}

static void test_put_has_two_modes_each_with_or_without_fsync(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode <= 0xff; mode++) {
        uint8_t bytes[] = {0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)mode, 0, 1, 'f'};
        bool known = mode == 1 || mode == 2 || mode == 0x81 || mode == 0x82;

        assert_int_equal(parse_put(payload(bytes, sizeof(bytes))),
                         known ? RES_OK : RES_UNSUPPORTED);
    }
}

static void test_reasons_go_malformed_unsupported_name(void **state)
{
    (void)state;
    assert_int_equal(parse_put(payload(BYTES("\0\0\0\0\0\0\0\0\1\0\2.."))), RES_NAME);
    assert_int_equal(parse_put(payload(BYTES("\0\0\0\0\0\0\0\0\3\0\2.."))), RES_UNSUPPORTED);
    assert_int_equal(parse_put(payload(BYTES("\0\0\0\0\0\0\0\0\3\0\2..\4"))), RES_PROTOCOL);
    assert_int_equal(parse_path(payload(BYTES("\0\2..\x80\0\0"))), RES_UNSUPPORTED);
    assert_int_equal(parse_get(payload(BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2..\4"))),
                     RES_PROTOCOL);
    assert_int_equal(parse_list(payload(BYTES("\0\2..\0\3ab"))), RES_PROTOCOL);
}

static void test_forbidden_path_ends_each_request(void **state)
{
    (void)state;
    assert_int_equal(parse_path(payload(BYTES("\0\4a//b"))), RES_NAME);
    assert_int_equal(parse_list(payload(BYTES("\0\2/a\0\0"))), RES_NAME);
    assert_int_equal(parse_get(payload(BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1."))), RES_NAME);
    assert_int_equal(parse_put(payload(BYTES("\0\0\0\0\0\0\0\0\1\0\3a\0b"))), RES_NAME);
}

static void test_end_carries_the_digest(void **state)
{
    struct wherry_message_end m;

    (void)state;
    assert_int_equal(wherry_message_parse_end(&m, payload(BYTES(TAG_SHA256))), RES_OK);
    assert_memory_equal(m.sha256, THIRTY_TWO, 32);
    assert_int_equal(wherry_message_parse_end(&m, payload(BYTES(""))), RES_OK);
    assert_null(m.sha256);
}

static void test_payload_of_nothing_may_have_no_address(void **state)
{
    struct wherry_message_end m;
    const struct wherry_view none = {.bytes = NULL, .len = 0};

    (void)state;
    assert_int_equal(wherry_message_parse_end(&m, none), RES_OK);
    assert_int_equal(wherry_message_parse_cancel(none), RES_OK);
    assert_int_equal(parse_path(none), RES_PROTOCOL);
    assert_int_equal(parse_hello(none), RES_PROTOCOL);
    assert_int_equal(wherry_message_check_path(none), RES_OK);
}

static void test_info_carries_what_a_file_is(void **state)
{
    struct wherry_message_info m;

    (void)state;
    assert_int_equal(wherry_message_parse_info(
                         &m, payload(BYTES("\2\1\2\3\4\5\6\7\x08\x18\2\3\4\5\6\7\xf8" SIXTEEN))),
                     RES_OK);
    assert_int_equal(m.kind, WHERRY_KIND_DIRECTORY);
    assert_true(m.size == 0x0102030405060708);
    assert_true(m.mtime_ns == 0x18020304050607f8);
    assert_memory_equal(m.validator, SIXTEEN, 16);
}

static void test_kinds_are_file_and_directory(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind <= 0xff; kind++) {
        uint8_t bytes[33] = {(uint8_t)kind};

        assert_int_equal(parse_info(payload(bytes, sizeof(bytes))),
                         kind == 1 || kind == 2 ? RES_OK : RES_PROTOCOL);
    }
}

static void test_get_reply_is_info_and_the_range(void **state)
{
    struct wherry_message_get_reply m;

    (void)state;
    assert_int_equal(
        wherry_message_parse_get_reply(&m, payload(messages[9].fields, messages[9].len)), RES_OK);
    assert_int_equal(m.info.kind, WHERRY_KIND_FILE);
    assert_int_equal(m.info.size, 2);
    assert_int_equal(m.info.mtime_ns, 3);
    assert_memory_equal(m.info.validator, SIXTEEN, 16);
    assert_int_equal(m.offset, 4);
    assert_int_equal(m.count, 5);
}

static void test_ready_says_where_to_go_on(void **state)
{
    struct wherry_message_ready m;

    (void)state;
    assert_int_equal(wherry_message_parse_ready(&m, payload(BYTES("\1\2\3\4\5\6\7\x08" SIXTEEN))),
                     RES_OK);
    assert_true(m.offset == 0x0102030405060708);
    assert_memory_equal(m.upload_id, SIXTEEN, 16);
}

static void test_end_reply_carries_text_digest_and_validator(void **state)
{
    struct wherry_message_end_reply m;

    (void)state;
    assert_int_equal(
        wherry_message_parse_end_reply(&m, payload(BYTES("\0\2no" TAG_SHA256 TAG_VALIDATOR))),
        RES_OK);
    expect_view(m.text, BYTES("no"));
    assert_memory_equal(m.sha256, THIRTY_TWO, 32);
    assert_memory_equal(m.validator, SIXTEEN, 16);
    assert_int_equal(wherry_message_parse_end_reply(&m, payload(BYTES("\0\0"))), RES_OK);
    assert_int_equal(m.text.len, 0);
    assert_null(m.sha256);
    assert_null(m.validator);
}

static void test_text_of_a_server_is_a_string(void **state)
{
    static uint8_t bytes[2 + 1025 + 4] = {4, 0}; /* 1024 */

    (void)state;
    memset(bytes + 2, 'a', 1025);
    assert_int_equal(parse_end_reply(payload(bytes, 2 + 1024)), RES_OK);
    bytes[1] = 1; /* 1025 */
    assert_int_equal(parse_end_reply(payload(bytes, 2 + 1025)), RES_PROTOCOL);
    assert_int_equal(parse_goaway(payload(bytes, sizeof(bytes))), RES_PROTOCOL);
    assert_int_equal(parse_end_reply(payload(BYTES("\0\3n\0o"))), RES_PROTOCOL);
}

static void test_hash_reply_is_validator_and_digest(void **state)
{
    struct wherry_message_hash_reply m;

    (void)state;
    assert_int_equal(wherry_message_parse_hash_reply(&m, payload(BYTES(SIXTEEN THIRTY_TWO))),
                     RES_OK);
    assert_memory_equal(m.validator, SIXTEEN, 16);
    assert_memory_equal(m.sha256, THIRTY_TWO, 32);
}

static void test_goaway_says_when_to_come_back(void **state)
{
    struct wherry_message_goaway m;

    (void)state;
    assert_int_equal(wherry_message_parse_goaway(&m, payload(BYTES("\0\3bye\0\0\1\x2c"))), RES_OK);
    expect_view(m.text, BYTES("bye"));
    assert_int_equal(m.retry_after_s, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_payload_shorter_than_its_fields_is_malformed, free_payload),
        cmocka_unit_test_teardown(test_unknown_tags_below_0x80_are_skipped, free_payload),
        cmocka_unit_test_teardown(test_unknown_tags_from_0x80_on_are_unsupported, free_payload),
        cmocka_unit_test_teardown(test_known_tags_are_taken_where_they_have_no_use_too,
                                  free_payload),
        cmocka_unit_test_teardown(test_known_tag_of_another_length_is_malformed, free_payload),
        cmocka_unit_test_teardown(test_known_tag_that_comes_twice_is_malformed, free_payload),
        cmocka_unit_test_teardown(test_tag_beyond_the_payload_is_malformed, free_payload),
        cmocka_unit_test_teardown(test_malformed_weighs_more_than_unsupported, free_payload),
        cmocka_unit_test_teardown(test_hello_names_the_versions, free_payload),
        cmocka_unit_test_teardown(test_hello_reply_names_version_and_limits, free_payload),
        cmocka_unit_test_teardown(test_max_frame_is_64_kib_to_2_24_less_1, free_payload),
        cmocka_unit_test_teardown(test_stat_hash_and_mkdir_carry_a_path, free_payload),
        cmocka_unit_test_teardown(test_list_carries_path_and_start, free_payload),
        cmocka_unit_test_teardown(test_start_of_a_listing_need_not_be_a_name, free_payload),
        cmocka_unit_test_teardown(test_get_carries_range_path_and_condition, free_payload),
        cmocka_unit_test_teardown(test_put_carries_size_mode_path_and_tags, free_payload),
        cmocka_unit_test_teardown(test_put_has_two_modes_each_with_or_without_fsync, free_payload),
        cmocka_unit_test_teardown(test_reasons_go_malformed_unsupported_name, free_payload),
        cmocka_unit_test_teardown(test_forbidden_path_ends_each_request, free_payload),
        cmocka_unit_test_teardown(test_end_carries_the_digest, free_payload),
        cmocka_unit_test_teardown(test_payload_of_nothing_may_have_no_address, free_payload),
        cmocka_unit_test_teardown(test_info_carries_what_a_file_is, free_payload),
        cmocka_unit_test_teardown(test_kinds_are_file_and_directory, free_payload),
        cmocka_unit_test_teardown(test_get_reply_is_info_and_the_range, free_payload),
        cmocka_unit_test_teardown(test_ready_says_where_to_go_on, free_payload),
        cmocka_unit_test_teardown(test_end_reply_carries_text_digest_and_validator, free_payload),
        cmocka_unit_test_teardown(test_text_of_a_server_is_a_string, free_payload),
        cmocka_unit_test_teardown(test_hash_reply_is_validator_and_digest, free_payload),
        cmocka_unit_test_teardown(test_goaway_says_when_to_come_back, free_payload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
