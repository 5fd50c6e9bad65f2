/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/packet.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A string literal as a datagram, without the NUL that C adds. */
#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

/* Decodes from a heap block of exactly len bytes, so that a read past the end is caught. The views
 * point into what give_back() frees. */
static enum res decode(struct wherry_packet *p, const uint8_t *bytes, size_t len, uint8_t **copy)
{
    *copy = malloc(len > 0 ? len : 1);
    assert_non_null(*copy);
    memcpy(*copy, bytes, len);
    return wherry_packet_decode(p, *copy, len);
}

static void expect_view(struct wherry_view v, const uint8_t *bytes, size_t len)
{
    assert_int_equal(v.len, len);
    assert_memory_equal(v.bytes, bytes, len);
}

static void expect_request(const uint8_t *bytes, size_t len, const char *name,
                           enum wherry_mode mode, const uint8_t *options, size_t options_len)
{
    struct wherry_packet p;
    uint8_t *copy;

    assert_int_equal(decode(&p, bytes, len, &copy), RES_OK);
    assert_int_equal(p.opcode, bytes[1]);
    expect_view(p.request.name, (const uint8_t *)name, strlen(name));
    assert_int_equal(p.request.mode, mode);
    expect_view(p.request.options, options, options_len);
    assert_true(p.request.name.bytes >= copy && p.request.options.bytes <= copy + len);
    free(copy);
}

static void expect_refused(const uint8_t *bytes, size_t len, enum res why)
{
    struct wherry_packet p;
    struct wherry_packet before;
    uint8_t *copy;

    memset(&p, 0x5a, sizeof(p));
    before = p;
    assert_int_equal(decode(&p, bytes, len, &copy), why);
    assert_memory_equal(&p, &before, sizeof(p)); /* untouched */
    free(copy);
}

static void test_rrq_and_wrq_carry_name_and_mode(void **state)
{
    (void)state;
    expect_request(BYTES("\0\1boot/zImage\0octet\0"), "boot/zImage", WHERRY_OCTET, BYTES(""));
    expect_request(BYTES("\0\2log.txt\0netascii\0"), "log.txt", WHERRY_NETASCII, BYTES(""));
}

static void test_mode_is_taken_in_any_case(void **state)
{
    (void)state;
    expect_request(BYTES("\0\1f\0OCTET\0"), "f", WHERRY_OCTET, BYTES(""));
    expect_request(BYTES("\0\1f\0OcTeT\0"), "f", WHERRY_OCTET, BYTES(""));
    expect_request(BYTES("\0\1f\0NETASCII\0"), "f", WHERRY_NETASCII, BYTES(""));
    expect_request(BYTES("\0\1f\0NetAscii\0"), "f", WHERRY_NETASCII, BYTES(""));
}

static void test_mail_and_unknown_modes_are_unsupported(void **state)
{
    (void)state;
    expect_refused(BYTES("\0\2user\0mail\0"), RES_UNSUPPORTED);
    expect_refused(BYTES("\0\1f\0MAIL\0"), RES_UNSUPPORTED);
    expect_refused(BYTES("\0\1f\0binary\0"), RES_UNSUPPORTED);
    expect_refused(BYTES("\0\1f\0octets\0"), RES_UNSUPPORTED);
    expect_refused(BYTES("\0\1f\0octe\0"), RES_UNSUPPORTED);
    expect_refused(BYTES("\0\1f\0\0"), RES_UNSUPPORTED);
}

static void test_empty_name_is_for_others_to_judge(void **state)
{
    (void)state;
    expect_request(BYTES("\0\1\0octet\0"), "", WHERRY_OCTET, BYTES(""));
}

static void test_name_without_nul_is_malformed(void **state)
{
    (void)state;
    expect_refused(BYTES("\0\1"), RES_PROTOCOL);
    expect_refused(BYTES("\0\1file"), RES_PROTOCOL);
    expect_refused(BYTES("\0\2file"), RES_PROTOCOL);
}

static void test_mode_without_nul_is_malformed(void **state)
{
    (void)state;
    expect_refused(BYTES("\0\1file\0"), RES_PROTOCOL);
    expect_refused(BYTES("\0\1file\0octet"), RES_PROTOCOL);
    expect_refused(BYTES("\0\2file\0oct"), RES_PROTOCOL);
}

static void test_options_are_the_pairs_behind_the_mode(void **state)
{
    (void)state;
    expect_request(BYTES("\0\1f\0octet\0tsize\0000\0blksize\0001408\0"), "f", WHERRY_OCTET,
                   BYTES("tsize\0000\0blksize\0001408\0"));
}

static void test_empty_value_is_accepted(void **state)
{
    (void)state;
    expect_request(BYTES("\0\1f\0octet\0mac\0\0tsize\0000\0"), "f", WHERRY_OCTET,
                   BYTES("mac\0\0tsize\0000\0"));
    expect_request(BYTES("\0\1f\0octet\0mac\0\0"), "f", WHERRY_OCTET, BYTES("mac\0\0"));
}

static void test_option_name_without_value_is_ignored(void **state)
{
    (void)state;
    expect_request(BYTES("\0\1f\0octet\0blksize\0"), "f", WHERRY_OCTET, BYTES(""));
    expect_request(BYTES("\0\1f\0octet\0tsize\0000\0blksize\0"), "f", WHERRY_OCTET,
                   BYTES("tsize\0000\0"));
}

static void test_zero_padding_is_ignored(void **state)
{
    uint8_t padded[512] = "\0\1f\0octet\0tsize\0000";

    (void)state;
    expect_request(BYTES("\0\1f\0octet\0\0"), "f", WHERRY_OCTET, BYTES(""));
    expect_request(BYTES("\0\1f\0octet\0\0\0\0\0"), "f", WHERRY_OCTET, BYTES(""));
    expect_request(padded, sizeof(padded), "f", WHERRY_OCTET, BYTES("tsize\0000\0"));
}

static void test_padding_that_is_not_zero_is_refused(void **state)
{
    (void)state;
    expect_refused(BYTES("\0\1f\0octet\0\0\0x\0"), RES_OPTIONS);
    expect_refused(BYTES("\0\1f\0octet\0\0\0\0x"), RES_OPTIONS);
}

static void test_empty_option_name_is_refused(void **state)
{
    (void)state;
    expect_refused(BYTES("\0\1f\0octet\0\0value\0"), RES_OPTIONS);
    expect_refused(BYTES("\0\1f\0octet\0tsize\0000\0\0value\0"), RES_OPTIONS);
}

static void test_option_text_without_nul_is_refused(void **state)
{
    (void)state;
    expect_refused(BYTES("\0\1f\0octet\0blksize"), RES_OPTIONS);
    expect_refused(BYTES("\0\1f\0octet\0blksize\0001408"), RES_OPTIONS);
    expect_refused(BYTES("\0\2f\0octet\0tsize\0000\0blksize\0001408"), RES_OPTIONS);
    expect_refused(BYTES("\0\1f\0octet\0tsize\0000\0b"), RES_OPTIONS);
}

static void test_unknown_mode_is_named_before_bad_options(void **state)
{
    (void)state;
    expect_refused(BYTES("\0\1f\0mail\0blksize"), RES_UNSUPPORTED);
}

static void test_request_over_512_bytes_is_accepted(void **state)
{
    uint8_t bytes[2000] = {0, WHERRY_RRQ};
    char name[1024];
    size_t len;

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    len = wherry_packet_request(bytes, sizeof(bytes), WHERRY_RRQ, name, WHERRY_OCTET,
                                BYTES("tsize\0000\0"));
    assert_int_equal(len, 2 + 1024 + 6 + 8);
    expect_request(bytes, len, name, WHERRY_OCTET, BYTES("tsize\0000\0"));
}

static void test_every_cut_of_a_request_is_whole_or_refused(void **state)
{
    static const char request[] = "\0\1f\0octet\0tsize\0000\0blksize\0001408\0";

    (void)state;
    for (size_t len = 0; len < sizeof(request) - 1; len++) {
        /* Whole: behind the mode, and behind each string that follows it. */
        if (len == 10 || len == 16 || len == 18 || len == 26) {
            expect_request((const uint8_t *)request, len, "f", WHERRY_OCTET,
                           (const uint8_t *)request + 10, len >= 18 ? 8 : 0);
        } else {
            expect_refused((const uint8_t *)request, len, len < 10 ? RES_PROTOCOL : RES_OPTIONS);
        }
    }
}

static void test_data_carries_block_and_bytes(void **state)
{
    struct wherry_packet p;
    uint8_t *copy;

    (void)state;
    assert_int_equal(decode(&p, BYTES("\0\3\xff\xfe\0ab"), &copy), RES_OK);
    assert_int_equal(p.opcode, WHERRY_DATA);
    assert_int_equal(p.block, 0xfffe);
    expect_view(p.bytes, BYTES("\0ab"));
    assert_ptr_equal(p.bytes.bytes, copy + WHERRY_HEADER_BYTES);
    free(copy);
}

static void test_data_may_be_empty_or_as_large_as_a_datagram(void **state)
{
    static uint8_t large[65507] = {0, WHERRY_DATA, 0, 1};
    struct wherry_packet p;
    uint8_t *copy;

    (void)state;
    assert_int_equal(decode(&p, BYTES("\0\3\0\1"), &copy), RES_OK);
    assert_int_equal(p.bytes.len, 0);
    free(copy);
    assert_int_equal(decode(&p, large, sizeof(large), &copy), RES_OK);
    assert_int_equal(p.bytes.len, sizeof(large) - WHERRY_HEADER_BYTES);
    free(copy);
}

static void test_ack_carries_block(void **state)
{
    struct wherry_packet p;
    uint8_t *copy;

    (void)state;
    assert_int_equal(decode(&p, BYTES("\0\4\x12\x34"), &copy), RES_OK);
    assert_int_equal(p.opcode, WHERRY_ACK);
    assert_int_equal(p.block, 0x1234);
    free(copy);
}

static void test_ack_longer_than_four_bytes_is_accepted(void **state)
{
    struct wherry_packet p;
    uint8_t *copy;

    (void)state;
    assert_int_equal(decode(&p, BYTES("\0\4\0\7\4"), &copy), RES_OK); /* Windows' boot manager */
    assert_int_equal(p.opcode, WHERRY_ACK);
    assert_int_equal(p.block, 7);
    free(copy);
}

static void expect_error(const uint8_t *bytes, size_t len, uint16_t code, const char *text)
{
    struct wherry_packet p;
    uint8_t *copy;

    assert_int_equal(decode(&p, bytes, len, &copy), RES_OK);
    assert_int_equal(p.opcode, WHERRY_ERROR);
    assert_int_equal(p.code, code);
    expect_view(p.bytes, (const uint8_t *)text, strlen(text));
    free(copy);
}

static void test_error_carries_code_and_text(void **state)
{
    (void)state;
    expect_error(BYTES("\0\5\0\1File not found\0"), 1, "File not found");
    expect_error(BYTES("\0\5\xab\xcd\0"), 0xabcd, ""); /* peers send odd codes */
}

static void test_error_of_four_bytes_is_accepted(void **state)
{
    (void)state;
    expect_error(BYTES("\0\5\0\0"), 0, ""); /* curl */
}

static void test_error_without_its_nul_is_accepted(void **state)
{
    (void)state;
    expect_error(BYTES("\0\5\0\0No error, file close"), 0, "No error, file close"); /* PXELINUX */
}

static void test_error_text_ends_at_its_first_nul(void **state)
{
    (void)state;
    expect_error(BYTES("\0\5\0\2no\0garbage\0"), 2, "no");
}

static void test_oack_carries_pairs(void **state)
{
    struct wherry_packet p;
    uint8_t *copy;

    (void)state;
    assert_int_equal(decode(&p, BYTES("\0\6blksize\0001432\0tsize\0009\0"), &copy), RES_OK);
    assert_int_equal(p.opcode, WHERRY_OACK);
    expect_view(p.options, BYTES("blksize\0001432\0tsize\0009\0"));
    free(copy);
}

static void test_oack_with_padding_or_lone_name_is_accepted(void **state)
{
    struct wherry_packet p;
    uint8_t *copy;

    (void)state;
    assert_int_equal(decode(&p, BYTES("\0\6tsize\0009\0\0\0\0"), &copy), RES_OK);
    expect_view(p.options, BYTES("tsize\0009\0"));
    free(copy);
    assert_int_equal(decode(&p, BYTES("\0\6tsize\0009\0blksize\0"), &copy), RES_OK);
    expect_view(p.options, BYTES("tsize\0009\0"));
    free(copy);
    assert_int_equal(decode(&p, BYTES("\0\6"), &copy), RES_OK);
    assert_int_equal(p.options.len, 0);
    free(copy);
}

static void test_oack_that_is_no_pairs_is_refused(void **state)
{
    (void)state;
    expect_refused(BYTES("\0\6blksize"), RES_OPTIONS);
    expect_refused(BYTES("\0\6blksize\0001432"), RES_OPTIONS);
    expect_refused(BYTES("\0\6\0001432\0"), RES_OPTIONS);
}

static void test_packets_cut_before_their_header_ends_are_malformed(void **state)
{
    static const char *const packets[] = {"\0\3\0\1", "\0\4\0\1", "\0\5\0\1"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t len = 0; len < WHERRY_HEADER_BYTES; len++) {
            expect_refused((const uint8_t *)packets[i], len, RES_PROTOCOL);
        }
    }
}

static void test_unknown_opcode_is_unsupported(void **state)
{
    (void)state;
    expect_refused(BYTES("\0\0"), RES_UNSUPPORTED);
    expect_refused(BYTES("\0\7\0\1"), RES_UNSUPPORTED);
    expect_refused(BYTES("\1\1f\0octet\0"), RES_UNSUPPORTED); /* the high byte counts */
    expect_refused(BYTES("\xff\xff"), RES_UNSUPPORTED);
}

static void test_opcode_is_read_whether_known_or_not(void **state)
{
    (void)state;
    assert_int_equal(wherry_packet_opcode(BYTES("\0\1")), WHERRY_RRQ);
    assert_int_equal(wherry_packet_opcode(BYTES("\x12\x34garbage")), 0x1234);
    assert_int_equal(wherry_packet_opcode(BYTES("\1")), 0);
    assert_int_equal(wherry_packet_opcode(NULL, 0), 0);
}

/* Each packet fits into room of its own length and into no less. */
#define EXPECT_ENCODED(expected, call)                                                             \
    do {                                                                                           \
        uint8_t buf[64];                                                                           \
        size_t cap = sizeof(expected) - 1;                                                         \
                                                                                                   \
        assert_int_equal(call, cap);                                                               \
        assert_memory_equal(buf, expected, cap);                                                   \
        for (cap = 0; cap < sizeof(expected) - 1; cap++) {                                         \
            assert_int_equal(call, 0);                                                             \
        }                                                                                          \
    } while (0)

static void test_request_is_written(void **state)
{
    (void)state;
    EXPECT_ENCODED("\0\1f/g\0octet\0",
                   wherry_packet_request(buf, cap, WHERRY_RRQ, "f/g", WHERRY_OCTET, NULL, 0));
    EXPECT_ENCODED(
        "\0\2g\0netascii\0tsize\0009\0",
        wherry_packet_request(buf, cap, WHERRY_WRQ, "g", WHERRY_NETASCII, BYTES("tsize\0009\0")));
}

static void test_ack_is_written(void **state)
{
    (void)state;
    EXPECT_ENCODED("\0\4\xab\xcd", wherry_packet_ack(buf, cap, 0xabcd));
}

static void test_error_is_written_with_its_nul(void **state)
{
    (void)state;
    EXPECT_ENCODED("\0\5\0\1gone\0", wherry_packet_error(buf, cap, 1, "gone"));
    EXPECT_ENCODED("\0\5\0\0\0", wherry_packet_error(buf, cap, 0, ""));
}

static void test_oack_is_written_without_trailing_bytes(void **state)
{
    (void)state;
    EXPECT_ENCODED("\0\6blksize\0008\0", wherry_packet_oack(buf, cap, BYTES("blksize\0008\0")));
}

static void test_data_header_is_written(void **state)
{
    uint8_t header[WHERRY_HEADER_BYTES];

    (void)state;
    wherry_packet_data_header(header, 0x0102);
    assert_memory_equal(header, "\0\3\1\2", WHERRY_HEADER_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rrq_and_wrq_carry_name_and_mode),
        cmocka_unit_test(test_mode_is_taken_in_any_case),
        cmocka_unit_test(test_mail_and_unknown_modes_are_unsupported),
        cmocka_unit_test(test_empty_name_is_for_others_to_judge),
        cmocka_unit_test(test_name_without_nul_is_malformed),
        cmocka_unit_test(test_mode_without_nul_is_malformed),
        cmocka_unit_test(test_options_are_the_pairs_behind_the_mode),
        cmocka_unit_test(test_empty_value_is_accepted),
        cmocka_unit_test(test_option_name_without_value_is_ignored),
        cmocka_unit_test(test_zero_padding_is_ignored),
        cmocka_unit_test(test_padding_that_is_not_zero_is_refused),
        cmocka_unit_test(test_empty_option_name_is_refused),
        cmocka_unit_test(test_option_text_without_nul_is_refused),
        cmocka_unit_test(test_unknown_mode_is_named_before_bad_options),
        cmocka_unit_test(test_request_over_512_bytes_is_accepted),
        cmocka_unit_test(test_every_cut_of_a_request_is_whole_or_refused),
        cmocka_unit_test(test_data_carries_block_and_bytes),
        cmocka_unit_test(test_data_may_be_empty_or_as_large_as_a_datagram),
        cmocka_unit_test(test_ack_carries_block),
        cmocka_unit_test(test_ack_longer_than_four_bytes_is_accepted),
        cmocka_unit_test(test_error_carries_code_and_text),
        cmocka_unit_test(test_error_of_four_bytes_is_accepted),
        cmocka_unit_test(test_error_without_its_nul_is_accepted),
        cmocka_unit_test(test_error_text_ends_at_its_first_nul),
        cmocka_unit_test(test_oack_carries_pairs),
        cmocka_unit_test(test_oack_with_padding_or_lone_name_is_accepted),
        cmocka_unit_test(test_oack_that_is_no_pairs_is_refused),
        cmocka_unit_test(test_packets_cut_before_their_header_ends_are_malformed),
        cmocka_unit_test(test_unknown_opcode_is_unsupported),
        cmocka_unit_test(test_opcode_is_read_whether_known_or_not),
        cmocka_unit_test(test_request_is_written),
        cmocka_unit_test(test_ack_is_written),
        cmocka_unit_test(test_error_is_written_with_its_nul),
        cmocka_unit_test(test_oack_is_written_without_trailing_bytes),
        cmocka_unit_test(test_data_header_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
