/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/frame.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/decode_exact.h"

#define MAX_FRAME 0x00020000u /* 128 KiB */

/* A string literal as bytes, without the NUL that C adds. */
#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

#define CLIENT_HELLO "\0\0\0\6\1\0\0\0\0\0\0\0WHRY\1\1"

/* The answer to one frame on a stream whose HELLO lies behind, or is due. */
static void decode_one(enum wherry_frame_sender sender, bool hello_due, const uint8_t *bytes,
                       size_t len, struct wherry_decoded *ret)
{
    struct wherry_frame_decoder d;

    wherry_frame_decoder_init(&d, sender, MAX_FRAME, hello_due);
    (void)decode_exact(&d, bytes, len, ret);
    wherry_frame_decoder_clear(&d);
}

static void expect_bad(enum wherry_frame_sender sender, bool hello_due, const uint8_t *bytes,
                       size_t len, const char *hint)
{
    struct wherry_decoded got;

    decode_one(sender, hello_due, bytes, len, &got);
    assert_int_equal(got.kind, WHERRY_DECODED_BAD);
    assert_int_equal(got.result, RES_PROTOCOL);
    assert_non_null(strstr(got.why, hint));
    /* Only the last of the bytes makes it so. */
    decode_one(sender, hello_due, bytes, len - 1, &got);
    assert_int_equal(got.kind, WHERRY_DECODED_MORE);
}

static void expect_kind(enum wherry_frame_sender sender, bool hello_due, const uint8_t *bytes,
                        size_t len, enum wherry_decoded_kind kind)
{
    struct wherry_decoded got;

    decode_one(sender, hello_due, bytes, len, &got);
    assert_int_equal(got.kind, kind);
}

static void test_header_is_twelve_bytes_in_network_byte_order(void **state)
{
    const struct wherry_frame f = {
        .length = 0x00123456, .type = 0x87, .status = 0x0113, .id = 0xfedcba98};
    uint8_t header[WHERRY_FRAME_HEADER_BYTES];
    struct wherry_frame again;

    (void)state;
    memset(header, 0x5a, sizeof(header));
    wherry_frame_write(header, &f);
    assert_memory_equal(header, "\x00\x12\x34\x56\x87\x00\x01\x13\xfe\xdc\xba\x98", 12);
    wherry_frame_read(&again, header);
    assert_int_equal(again.length, 0x00123456);
    assert_int_equal(again.type, 0x87);
    assert_int_equal(again.status, 0x0113);
    assert_int_equal(again.id, 0xfedcba98);
}

static void test_requests_are_the_six_that_end_with_an_end(void **state)
{
    (void)state;
    for (unsigned type = 0; type <= 0xff; type++) {
        bool expected = (type >= 2 && type <= 5) || type == 0x0a || type == 0x0b;

        assert_int_equal(wherry_frame_is_request((uint8_t)type), expected);
    }
}

static void test_whole_frame_is_given_with_its_payload(void **state)
{
    struct wherry_frame_decoder d;
    struct wherry_decoded got;
    /* STAT of "a/b" as request 7, and the first byte of what follows */
    const char stream[] = "\0\0\0\5\3\0\0\0\0\0\0\7\0\3a/b\0";

    (void)state;
    wherry_frame_decoder_init(&d, WHERRY_FROM_CLIENT, MAX_FRAME, false);
    assert_int_equal(decode_exact(&d, BYTES(stream), &got), sizeof(stream) - 2);
    assert_int_equal(got.kind, WHERRY_DECODED_WHOLE);
    assert_int_equal(got.frame.type, WHERRY_FRAME_STAT);
    assert_int_equal(got.frame.length, 5);
    assert_int_equal(got.frame.id, 7);
    assert_int_equal(got.bytes.len, 5);
    assert_memory_equal(got.bytes.bytes, "\0\3a/b", 5);
    wherry_frame_decoder_clear(&d);
}

static void test_payload_outlives_the_bytes_it_came_in(void **state)
{
    struct wherry_frame_decoder d;
    struct wherry_decoded got;
    uint8_t input[] = "\0\0\0\3\x83\0\0\0\0\0\0\7abc";

    (void)state;
    wherry_frame_decoder_init(&d, WHERRY_FROM_SERVER, MAX_FRAME, false);
    assert_int_equal(wherry_frame_decode(&d, input, 15, &got), 15);
    memset(input, 0, sizeof(input));
    assert_int_equal(got.kind, WHERRY_DECODED_WHOLE);
    assert_memory_equal(got.bytes.bytes, "abc", 3);
    wherry_frame_decoder_clear(&d);
}

static void test_data_is_handed_on_where_it_lies(void **state)
{
    struct wherry_frame_decoder d;
    struct wherry_decoded got;
    const uint8_t stream[] = "\0\0\0\5\6\0\0\0\0\0\0\7abcde";

    (void)state;
    wherry_frame_decoder_init(&d, WHERRY_FROM_CLIENT, MAX_FRAME, false);
    assert_int_equal(decode_exact(&d, stream, 14, &got), 14);
    assert_int_equal(got.kind, WHERRY_DECODED_DATA);
    assert_ptr_equal(got.bytes.bytes, stream + 12);
    assert_int_equal(got.bytes.len, 2);
    assert_true(got.first);
    assert_false(got.last);
    assert_int_equal(decode_exact(&d, stream + 14, 0, &got), 0);
    assert_int_equal(got.kind, WHERRY_DECODED_MORE);
    assert_int_equal(decode_exact(&d, stream + 14, 1, &got), 1);
    assert_false(got.first);
    assert_false(got.last);
    assert_int_equal(decode_exact(&d, stream + 15, 2, &got), 2);
    assert_int_equal(got.kind, WHERRY_DECODED_DATA);
    assert_ptr_equal(got.bytes.bytes, stream + 15);
    assert_int_equal(got.frame.length, 5);
    assert_int_equal(got.frame.id, 7);
    assert_false(got.first);
    assert_true(got.last);
    wherry_frame_decoder_clear(&d);
}

static void test_data_begins_as_soon_as_its_header_is_there(void **state)
{
    struct wherry_frame_decoder d;
    struct wherry_decoded got;

    (void)state;
    wherry_frame_decoder_init(&d, WHERRY_FROM_CLIENT, MAX_FRAME, false);
    assert_int_equal(decode_exact(&d, BYTES("\0\0\0\5\6\0\0\0\0\0\0\7"), &got), 12);
    assert_int_equal(got.kind, WHERRY_DECODED_DATA);
    assert_int_equal(got.bytes.len, 0);
    assert_true(got.first);
    assert_false(got.last);
    wherry_frame_decoder_clear(&d);
}

static void test_empty_data_begins_and_ends_at_once(void **state)
{
    struct wherry_frame_decoder d;
    struct wherry_decoded got;

    (void)state;
    wherry_frame_decoder_init(&d, WHERRY_FROM_SERVER, MAX_FRAME, false);
    assert_int_equal(decode_exact(&d, BYTES("\0\0\0\0\6\0\0\0\0\0\0\7\0"), &got), 12);
    assert_int_equal(got.kind, WHERRY_DECODED_DATA);
    assert_int_equal(got.bytes.len, 0);
    assert_true(got.first);
    assert_true(got.last);
    assert_false(wherry_frame_decoder_midway(&d));
    wherry_frame_decoder_clear(&d);
}

static void test_flags_and_status_are_ignored(void **state)
{
    (void)state;
    expect_kind(WHERRY_FROM_CLIENT, true, BYTES("\0\0\0\6\1\xff\xff\xff\0\0\0\0WHRY\1\1"),
                WHERRY_DECODED_WHOLE);
}

static void test_server_s_status_is_given(void **state)
{
    struct wherry_decoded got;

    (void)state;
    decode_one(WHERRY_FROM_SERVER, false, BYTES("\0\0\0\0\x87\xff\0\x13\0\0\0\7"), &got);
    assert_int_equal(got.kind, WHERRY_DECODED_WHOLE);
    assert_int_equal(got.frame.status, WHERRY_STATUS_OFFSET);
}

static void test_first_byte_of_a_stranger_is_enough(void **state)
{
    (void)state;
    expect_bad(WHERRY_FROM_CLIENT, true, BYTES("G"), "first byte");    /* HTTP's GET */
    expect_bad(WHERRY_FROM_CLIENT, true, BYTES("\x16"), "first byte"); /* TLS */
    expect_bad(WHERRY_FROM_CLIENT, true, BYTES("S"), "first byte");    /* SSH-2.0 */
    expect_bad(WHERRY_FROM_CLIENT, false, BYTES("\1"), "first byte");  /* 2^24 and more */
    expect_bad(WHERRY_FROM_SERVER, true, BYTES("H"), "first byte");    /* HTTP/1.1 */
}

static void test_length_over_4096_before_hello_is_bad_at_its_fourth_byte(void **state)
{
    (void)state;
    expect_bad(WHERRY_FROM_CLIENT, true, BYTES("\0\0\x10\1"), "4096");
    expect_bad(WHERRY_FROM_SERVER, true, BYTES("\0\0\x10\1"), "4096");
    expect_kind(WHERRY_FROM_CLIENT, true, BYTES("\0\0\x10\0\1\0\0\0\0\0\0\0"), WHERRY_DECODED_MORE);
}

static void test_data_may_be_as_long_as_max_frame(void **state)
{
    (void)state;
    expect_kind(WHERRY_FROM_CLIENT, false, BYTES("\0\2\0\0\6\0\0\0\0\0\0\1"), WHERRY_DECODED_DATA);
    expect_kind(WHERRY_FROM_SERVER, false, BYTES("\0\2\0\0\6\0\0\0\0\0\0\1"), WHERRY_DECODED_DATA);
    expect_bad(WHERRY_FROM_CLIENT, false, BYTES("\0\2\0\1\6"), "max_frame");
    expect_bad(WHERRY_FROM_SERVER, false, BYTES("\0\2\0\1\6"), "max_frame");
}

static void test_server_s_frames_may_be_as_long_as_max_frame(void **state)
{
    (void)state;
    expect_kind(WHERRY_FROM_SERVER, false, BYTES("\0\2\0\0\x82\0\0\0\0\0\0\1"),
                WHERRY_DECODED_MORE);
    expect_bad(WHERRY_FROM_SERVER, false, BYTES("\0\2\0\1\x82"), "max_frame");
}

static void test_client_s_other_frames_end_at_64_kib(void **state)
{
    (void)state;
    expect_kind(WHERRY_FROM_CLIENT, false, BYTES("\0\1\0\0\2\0\0\0\0\0\0\1"), WHERRY_DECODED_MORE);
    expect_bad(WHERRY_FROM_CLIENT, false, BYTES("\0\1\0\1\2"), "64 KiB");
}

static void test_new_max_frame_holds_from_the_next_header_on(void **state)
{
    struct wherry_frame_decoder d;
    struct wherry_decoded got;

    (void)state;
    wherry_frame_decoder_init(&d, WHERRY_FROM_SERVER, WHERRY_MAX_FRAME_HIGHEST, false);
    (void)decode_exact(&d, BYTES("\0\xff\xff\xff\6\0\0\0\0\0\0\1"), &got);
    assert_int_equal(got.kind, WHERRY_DECODED_DATA);
    wherry_frame_decoder_set_max(&d, MAX_FRAME);
    (void)decode_exact(&d, BYTES("x"), &got);
    assert_int_equal(got.kind, WHERRY_DECODED_DATA);
    wherry_frame_decoder_clear(&d);
    wherry_frame_decoder_init(&d, WHERRY_FROM_SERVER, WHERRY_MAX_FRAME_HIGHEST, false);
    wherry_frame_decoder_set_max(&d, MAX_FRAME);
    (void)decode_exact(&d, BYTES("\0\xff\xff\xff\6"), &got);
    assert_int_equal(got.kind, WHERRY_DECODED_BAD);
    wherry_frame_decoder_clear(&d);
}

/* Of each type: who may send it, and whether the id is 0, set, or either. */
static const struct {
    uint8_t type;
    bool client, server;
    bool id_zero, id_set;
} types[] = {
    {0x01, true, false, true, false}, {0x02, true, false, false, true},
    {0x03, true, false, false, true}, {0x04, true, false, false, true},
    {0x05, true, false, false, true}, {0x06, true, true, false, true},
    {0x07, true, false, false, true}, {0x08, true, false, false, true},
    {0x09, true, true, true, false},  {0x0a, true, false, false, true},
    {0x0b, true, false, false, true}, {0x81, false, true, true, false},
    {0x82, false, true, false, true}, {0x83, false, true, false, true},
    {0x84, false, true, false, true}, {0x85, false, true, false, true},
    {0x87, false, true, true, true},  {0x89, true, true, true, false},
    {0x8a, false, true, false, true}, {0x8f, false, true, true, false},
};

/* What an empty frame of that type and id, sent by that side after HELLO, has to be. */
static bool is_allowed(unsigned type, bool from_client, bool id_zero)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].type == type && type != 0x01 && type != 0x81) { /* a second HELLO */
            return (from_client ? types[i].client : types[i].server) &&
                   (id_zero ? types[i].id_zero : types[i].id_set);
        }
    }
    return false;
}

/* Who does not know what a server says to the connection skips it. */
static bool is_skipped(unsigned type, bool from_client, bool id_zero)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].type == type) {
            return false;
        }
    }
    return type >= 0x80 && !from_client && id_zero;
}

static void test_each_type_has_its_side_and_its_id(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256u * 4u; i++) {
        unsigned type = i / 4;
        bool from_client = (i & 1) != 0;
        bool id_zero = (i & 2) != 0;
        uint8_t header[12] = {0, 0, 0, 0, (uint8_t)type, 0, 0, 0, id_zero ? 0 : 0x80};
        struct wherry_decoded got;

        decode_one(from_client ? WHERRY_FROM_CLIENT : WHERRY_FROM_SERVER, false, header,
                   sizeof(header), &got);
        if (is_allowed(type, from_client, id_zero)) {
            assert_int_equal(got.kind, type == 0x06 ? WHERRY_DECODED_DATA : WHERRY_DECODED_WHOLE);
        } else if (is_skipped(type, from_client, id_zero)) {
            assert_int_equal(got.kind, WHERRY_DECODED_MORE);
        } else {
            assert_int_equal(got.kind, WHERRY_DECODED_BAD);
            assert_int_equal(got.result, RES_PROTOCOL);
        }
    }
}

static void test_wrong_type_is_bad_at_its_byte(void **state)
{
    (void)state;
    expect_bad(WHERRY_FROM_CLIENT, false, BYTES("\0\0\0\0\0"), "unknown type");
    expect_bad(WHERRY_FROM_CLIENT, false, BYTES("\0\0\0\0\x0c"), "unknown type");
    expect_bad(WHERRY_FROM_CLIENT, false, BYTES("\0\0\0\0\x86"), "unknown type");
    expect_bad(WHERRY_FROM_SERVER, false, BYTES("\0\0\0\0\x0c"), "unknown type");
    expect_bad(WHERRY_FROM_SERVER, true, BYTES("\0\0\0\0\x86"), "unknown type");
    expect_bad(WHERRY_FROM_CLIENT, false, BYTES("\0\0\0\0\x82"), "only a server");
    expect_bad(WHERRY_FROM_SERVER, false, BYTES("\0\0\0\0\2"), "only a client");
    expect_bad(WHERRY_FROM_CLIENT, false, BYTES("\0\0\0\6\1"), "second HELLO");
    expect_bad(WHERRY_FROM_SERVER, false, BYTES("\0\0\0\15\x81"), "second HELLO");
}

static void test_wrong_id_is_bad_at_its_last_byte(void **state)
{
    (void)state;
    expect_bad(WHERRY_FROM_CLIENT, true, BYTES("\0\0\0\6\1\0\0\0\0\0\0\1"), "id is 0");
    expect_bad(WHERRY_FROM_CLIENT, false, BYTES("\0\0\0\0\x09\0\0\0\1\0\0\0"), "id is 0");
    expect_bad(WHERRY_FROM_SERVER, false, BYTES("\0\0\0\0\x8f\0\0\0\0\0\0\1"), "id is 0");
    expect_bad(WHERRY_FROM_SERVER, false, BYTES("\0\0\0\0\x86\0\0\0\0\0\0\1"), "not of id 0");
    expect_bad(WHERRY_FROM_CLIENT, false, BYTES("\0\0\0\2\3\0\0\0\0\0\0\0"), "id 0");
    expect_bad(WHERRY_FROM_CLIENT, false, BYTES("\0\0\0\0\x08\0\0\0\0\0\0\0"), "id 0");
}

static void test_unknown_frames_of_a_server_s_connection_are_skipped(void **state)
{
    /* two of them, the first empty, then an empty END of request 7 */
    static const char stream[] = "\0\0\0\0\x90\0\0\0\0\0\0\0"
                                 "\0\0\0\3\xff\0\0\0\0\0\0\0abc"
                                 "\0\0\0\0\x87\0\0\0\0\0\0\7";
    struct wherry_frame_decoder d;
    struct wherry_decoded got;

    (void)state;
    wherry_frame_decoder_init(&d, WHERRY_FROM_SERVER, MAX_FRAME, false);
    assert_int_equal(decode_exact(&d, BYTES(stream), &got), sizeof(stream) - 1);
    assert_int_equal(got.kind, WHERRY_DECODED_WHOLE);
    assert_int_equal(got.frame.type, WHERRY_FRAME_END_REPLY);
    assert_int_equal(got.frame.id, 7);
    wherry_frame_decoder_clear(&d);
    for (size_t cut = 0; cut < sizeof(stream) - 1; cut++) { /* whatever is missing yet */
        wherry_frame_decoder_init(&d, WHERRY_FROM_SERVER, MAX_FRAME, false);
        assert_int_equal(decode_exact(&d, (const uint8_t *)stream, cut, &got), cut);
        assert_int_equal(got.kind, WHERRY_DECODED_MORE);
        assert_int_equal(wherry_frame_decoder_midway(&d), cut != 0 && cut != 12 && cut != 27);
        assert_null(d.buffer);
        (void)decode_exact(&d, (const uint8_t *)stream + cut, sizeof(stream) - 1 - cut, &got);
        assert_int_equal(got.frame.id, 7);
        wherry_frame_decoder_clear(&d);
    }
    expect_bad(WHERRY_FROM_SERVER, false, BYTES("\0\2\0\1\x90"), "max_frame");
}

static void test_ping_is_at_most_64_bytes(void **state)
{
    (void)state;
    expect_kind(WHERRY_FROM_CLIENT, false, BYTES("\0\0\0\x40\x09\0\0\0\0\0\0\0"),
                WHERRY_DECODED_MORE);
    expect_bad(WHERRY_FROM_CLIENT, false, BYTES("\0\0\0\x41\x09"), "64 bytes");
    expect_bad(WHERRY_FROM_CLIENT, false, BYTES("\0\0\0\x41\x89"), "64 bytes");
    expect_bad(WHERRY_FROM_SERVER, false, BYTES("\0\0\0\x41\x89"), "64 bytes");
}

static void test_client_says_nothing_before_hello(void **state)
{
    (void)state;
    for (unsigned type = 2; type <= 0x0b; type++) {
        uint8_t header[5] = {0, 0, 0, 0, (uint8_t)type};

        expect_bad(WHERRY_FROM_CLIENT, true, header, sizeof(header), "has to be HELLO");
    }
}

static void test_server_may_refuse_before_hello(void **state)
{
    (void)state;
    expect_kind(WHERRY_FROM_SERVER, true, BYTES("\0\0\0\0\x87\0\0\x0d\0\0\0\0"),
                WHERRY_DECODED_WHOLE); /* END id 0 UNSUPPORTED */
    expect_kind(WHERRY_FROM_SERVER, true, BYTES("\0\0\0\0\x8f\0\0\x0b\0\0\0\0"),
                WHERRY_DECODED_WHOLE); /* GOAWAY BUSY */
    expect_kind(WHERRY_FROM_SERVER, true, BYTES("\0\0\0\0\x09\0\0\0\0\0\0\0"),
                WHERRY_DECODED_WHOLE);
    expect_bad(WHERRY_FROM_SERVER, true, BYTES("\0\0\0\0\x87\0\0\0\0\0\0\1"), "has to be HELLO");
    expect_bad(WHERRY_FROM_SERVER, true, BYTES("\0\0\0\0\x83"), "has to be HELLO");
}

static void test_bad_stays_bad(void **state)
{
    struct wherry_frame_decoder d;
    struct wherry_decoded got;
    const char *why;

    (void)state;
    wherry_frame_decoder_init(&d, WHERRY_FROM_CLIENT, MAX_FRAME, true);
    (void)decode_exact(&d, BYTES("GET / HTTP/1.1\r\n"), &got);
    assert_int_equal(got.kind, WHERRY_DECODED_BAD);
    why = got.why;
    assert_int_equal(decode_exact(&d, BYTES(CLIENT_HELLO), &got), 0);
    assert_int_equal(got.kind, WHERRY_DECODED_BAD);
    assert_int_equal(got.result, RES_PROTOCOL);
    assert_ptr_equal(got.why, why);
    assert_false(wherry_frame_decoder_midway(&d));
    assert_null(wherry_frame_decoder_current(&d));
    wherry_frame_decoder_clear(&d);
}

static void test_place_in_the_stream_is_told(void **state)
{
    struct wherry_frame_decoder d;
    struct wherry_decoded got;

    (void)state;
    wherry_frame_decoder_init(&d, WHERRY_FROM_CLIENT, MAX_FRAME, true);
    assert_false(wherry_frame_decoder_midway(&d));
    (void)decode_exact(&d, BYTES(CLIENT_HELLO), &got);
    assert_false(wherry_frame_decoder_midway(&d));
    (void)decode_exact(&d, BYTES("\0"), &got);
    assert_true(wherry_frame_decoder_midway(&d));
    assert_null(wherry_frame_decoder_current(&d));
    (void)decode_exact(&d, BYTES("\0\0\3\3\0\0\0\0\0\0\7"), &got);
    assert_true(wherry_frame_decoder_midway(&d));
    assert_int_equal(wherry_frame_decoder_current(&d)->id, 7);
    (void)decode_exact(&d, BYTES("\0\1a"), &got);
    assert_int_equal(got.kind, WHERRY_DECODED_WHOLE);
    assert_false(wherry_frame_decoder_midway(&d));
    assert_null(wherry_frame_decoder_current(&d));
    (void)decode_exact(&d, BYTES("\0\0\0\2\6\0\0\0\0\0\0\7a"), &got);
    assert_true(wherry_frame_decoder_midway(&d));
    assert_int_equal(wherry_frame_decoder_current(&d)->type, WHERRY_FRAME_DATA);
    (void)decode_exact(&d, BYTES("b"), &got);
    assert_false(wherry_frame_decoder_midway(&d));
    wherry_frame_decoder_clear(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_is_twelve_bytes_in_network_byte_order),
        cmocka_unit_test(test_requests_are_the_six_that_end_with_an_end),
        cmocka_unit_test(test_whole_frame_is_given_with_its_payload),
        cmocka_unit_test(test_payload_outlives_the_bytes_it_came_in),
        cmocka_unit_test(test_data_is_handed_on_where_it_lies),
        cmocka_unit_test(test_data_begins_as_soon_as_its_header_is_there),
        cmocka_unit_test(test_empty_data_begins_and_ends_at_once),
        cmocka_unit_test(test_flags_and_status_are_ignored),
        cmocka_unit_test(test_server_s_status_is_given),
        cmocka_unit_test(test_first_byte_of_a_stranger_is_enough),
        cmocka_unit_test(test_length_over_4096_before_hello_is_bad_at_its_fourth_byte),
        cmocka_unit_test(test_data_may_be_as_long_as_max_frame),
        cmocka_unit_test(test_server_s_frames_may_be_as_long_as_max_frame),
        cmocka_unit_test(test_client_s_other_frames_end_at_64_kib),
        cmocka_unit_test(test_new_max_frame_holds_from_the_next_header_on),
        cmocka_unit_test(test_each_type_has_its_side_and_its_id),
        cmocka_unit_test(test_wrong_type_is_bad_at_its_byte),
        cmocka_unit_test(test_wrong_id_is_bad_at_its_last_byte),
        cmocka_unit_test(test_unknown_frames_of_a_server_s_connection_are_skipped),
        cmocka_unit_test(test_ping_is_at_most_64_bytes),
        cmocka_unit_test(test_client_says_nothing_before_hello),
        cmocka_unit_test(test_server_may_refuse_before_hello),
        cmocka_unit_test(test_bad_stays_bad),
        cmocka_unit_test(test_place_in_the_stream_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
