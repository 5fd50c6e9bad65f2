/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/netascii.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TEXT_MAX 6
#define ROOM 64

struct text {
    uint8_t bytes[ROOM];
    size_t len;
};

#define TEXT(literal) ((struct text){.bytes = literal, .len = sizeof(literal) - 1})

static void expect_same(const struct text *got, const struct text *expected)
{
    assert_int_equal(got->len, expected->len);
    assert_memory_equal(got->bytes, expected->bytes, expected->len);
}

/* Encodes in two pieces cut at `cut`, never writing more than cap bytes at a time. */
static struct text encode(const struct text *in, size_t cut, size_t cap)
{
    struct wherry_netascii n = {0};
    struct text out = {.len = 0};
    size_t at = 0;
    size_t written;

    do {
        size_t end = at < cut ? cut : in->len;
        size_t used = 99;

        assert_true(out.len + cap <= ROOM);
        written =
            wherry_netascii_encode(&n, in->bytes + at, end - at, &used, out.bytes + out.len, cap);
        assert_true(written <= cap);
        assert_true(used <= end - at);
        assert_true(written == cap || (used == end - at && !n.pending)); /* no room is wasted */
        at += used;
        out.len += written;
    } while (at < in->len || n.pending);
    assert_int_equal(wherry_netascii_encode(&n, NULL, 0, &written, out.bytes, cap), 0);
    return out;
}

/* Decodes in pieces cut at first and second. */
static struct text decode(const struct text *in, size_t first, size_t second)
{
    const size_t ends[] = {first, second, in->len};
    struct wherry_netascii n = {0};
    struct text out = {.len = 0};
    size_t at = 0;

    for (size_t i = 0; i < 3; i++) {
        size_t written =
            wherry_netascii_decode(&n, in->bytes + at, ends[i] - at, out.bytes + out.len);

        assert_true(written <= ends[i] - at + 1);
        out.len += written;
        at = ends[i];
    }
    out.len += wherry_netascii_decode_end(&n, out.bytes + out.len);
    assert_int_equal(wherry_netascii_decode_end(&n, out.bytes + out.len), 0); /* once */
    return out;
}

static void expect_encoded(struct text in, struct text expected)
{
    for (size_t cut = 0; cut <= in.len; cut++) {
        for (size_t cap = 1; cap <= expected.len + 1; cap++) {
            struct text got = encode(&in, cut, cap);

            expect_same(&got, &expected);
        }
    }
}

static void expect_decoded(struct text in, struct text expected)
{
    for (size_t first = 0; first <= in.len; first++) {
        for (size_t second = first; second <= in.len; second++) {
            struct text got = decode(&in, first, second);

            expect_same(&got, &expected);
        }
    }
}

static void test_line_feed_goes_out_as_cr_lf(void **state)
{
    (void)state;
    expect_encoded(TEXT("\n"), TEXT("\r\n"));
    expect_encoded(TEXT("a\nb\n"), TEXT("a\r\nb\r\n"));
    expect_encoded(TEXT("\n\n"), TEXT("\r\n\r\n"));
}

static void test_carriage_return_goes_out_as_cr_nul(void **state)
{
    (void)state;
    expect_encoded(TEXT("\r"), TEXT("\r\0"));
    expect_encoded(TEXT("a\rb"), TEXT("a\r\0b"));
    expect_encoded(TEXT("\r\r"), TEXT("\r\0\r\0"));
}

static void test_cr_lf_in_the_file_goes_out_as_two(void **state)
{
    (void)state;
    expect_encoded(TEXT("a\r\nb"), TEXT("a\r\0\r\nb"));
}

static void test_other_bytes_go_out_as_they_are(void **state)
{
    (void)state;
    expect_encoded(TEXT(""), TEXT(""));
    expect_encoded(TEXT("a\0\t\x7f\xff\x80z"), TEXT("a\0\t\x7f\xff\x80z"));
}

static void test_no_room_takes_and_writes_nothing(void **state)
{
    struct wherry_netascii n = {.pending = true, .second = '\n'};
    size_t used = 9;
    uint8_t out = 'x';

    (void)state;
    assert_int_equal(wherry_netascii_encode(&n, (const uint8_t *)"a", 1, &used, &out, 0), 0);
    assert_int_equal(used, 0);
    assert_int_equal(out, 'x');
    assert_true(n.pending);
}

static void test_cr_lf_from_the_wire_is_a_line_feed(void **state)
{
    (void)state;
    expect_decoded(TEXT("\r\n"), TEXT("\n"));
    expect_decoded(TEXT("a\r\nb\r\n"), TEXT("a\nb\n"));
}

static void test_cr_nul_from_the_wire_is_a_carriage_return(void **state)
{
    (void)state;
    expect_decoded(TEXT("\r\0"), TEXT("\r"));
    expect_decoded(TEXT("a\r\0b"), TEXT("a\rb"));
    expect_decoded(TEXT("\r\0\n"), TEXT("\r\n"));
    expect_decoded(TEXT("\r\0\0"), TEXT("\r\0"));
}

static void test_bare_cr_from_the_wire_stays_with_what_follows(void **state)
{
    (void)state;
    expect_decoded(TEXT("a\rb"), TEXT("a\rb"));
    expect_decoded(TEXT("\r\r\n"), TEXT("\r\n"));
    expect_decoded(TEXT("\r\r\r"), TEXT("\r\r\r"));
    expect_decoded(TEXT("\r\r\0"), TEXT("\r\r"));
}

static void test_bare_lf_and_nul_from_the_wire_stay(void **state)
{
    (void)state;
    expect_decoded(TEXT("a\nb"), TEXT("a\nb"));
    expect_decoded(TEXT("\n\r\n"), TEXT("\n\n"));
    expect_decoded(TEXT("a\0b"), TEXT("a\0b"));
    expect_decoded(TEXT(""), TEXT(""));
}

static void test_cr_at_the_end_of_the_file_is_a_carriage_return(void **state)
{
    (void)state;
    expect_decoded(TEXT("\r"), TEXT("\r"));
    expect_decoded(TEXT("abc\r"), TEXT("abc\r"));
    expect_decoded(TEXT("a\r\n\r"), TEXT("a\n\r"));
}

/* All strings of up to TEXT_MAX of the four bytes that matter: the number's digits in base 4. */
static struct text string_number(unsigned number, size_t len)
{
    static const uint8_t alphabet[] = {'\r', '\n', '\0', 'a'};
    struct text t = {.len = len};

    for (size_t i = 0; i < len; i++) {
        t.bytes[i] = alphabet[number % 4];
        number /= 4;
    }
    return t;
}

static void test_any_text_survives_both_ways_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t len = 0; len <= TEXT_MAX; len++) {
        for (unsigned number = 0; number < 1u << 2 * len; number++) {
            struct text file = string_number(number, len);
            struct text wire = encode(&file, 0, 2 * TEXT_MAX + 1);

            for (size_t cut = 0; cut <= len; cut++) {
                for (size_t cap = 1; cap <= 3; cap++) {
                    struct text again = encode(&file, cut, cap);

                    expect_same(&again, &wire);
                }
            }
            for (size_t cut = 0; cut <= wire.len; cut++) {
                struct text back = decode(&wire, cut, cut);

                expect_same(&back, &file);
            }
        }
    }
}

static void test_any_wire_bytes_decode_alike_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t len = 0; len <= TEXT_MAX; len++) {
        for (unsigned number = 0; number < 1u << 2 * len; number++) {
            struct text wire = string_number(number, len);

            expect_decoded(wire, decode(&wire, len, len));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_feed_goes_out_as_cr_lf),
        cmocka_unit_test(test_carriage_return_goes_out_as_cr_nul),
        cmocka_unit_test(test_cr_lf_in_the_file_goes_out_as_two),
        cmocka_unit_test(test_other_bytes_go_out_as_they_are),
        cmocka_unit_test(test_no_room_takes_and_writes_nothing),
        cmocka_unit_test(test_cr_lf_from_the_wire_is_a_line_feed),
        cmocka_unit_test(test_cr_nul_from_the_wire_is_a_carriage_return),
        cmocka_unit_test(test_bare_cr_from_the_wire_stays_with_what_follows),
        cmocka_unit_test(test_bare_lf_and_nul_from_the_wire_stay),
        cmocka_unit_test(test_cr_at_the_end_of_the_file_is_a_carriage_return),
        cmocka_unit_test(test_any_text_survives_both_ways_however_it_is_cut),
        cmocka_unit_test(test_any_wire_bytes_decode_alike_however_they_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
