/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void expect_bytes_quoted(const char *bytes, size_t len, const char *expected)
{
    char buf[256];

    assert_ptr_equal(text_quote((const uint8_t *)bytes, len, buf, sizeof(buf)), buf);
    assert_string_equal(buf, expected);
}

static void expect_quoted(const char *text, const char *expected)
{
    expect_bytes_quoted(text, strlen(text), expected);
}

static void expect_unchanged(const char *text)
{
    expect_quoted(text, text);
}

static void test_printable_ascii_stays(void **state)
{
    (void)state;
    expect_unchanged("");
    expect_unchanged("boot/zImage");
    expect_unchanged(" !#$%&'()*+,-./0123456789:;<=>?@[]^_`{|}~");
}

static void test_quote_and_backslash_stand_behind_a_backslash(void **state)
{
    (void)state;
    expect_quoted("a\"b", "a\\\"b");
    expect_quoted("\\Boot\\x64", "\\\\Boot\\\\x64");
}

static void test_controls_are_escaped(void **state)
{
    (void)state;
    expect_quoted("a\nb\r\t", "a\\x0ab\\x0d\\x09");
    expect_quoted("\x1b[2J", "\\x1b[2J");
    expect_quoted("\x7f", "\\x7f");
    expect_bytes_quoted("a\0b", 3, "a\\x00b");
}

static void test_utf8_of_printable_characters_stays(void **state)
{
    (void)state;
    expect_unchanged("gr\xc3\xbc\xc3\x9f"
                     "e");                     /* grüße */
    expect_unchanged("\xc2\xa0");              /* U+00A0, the first behind the C1 controls */
    expect_unchanged("\xdf\xbf");              /* U+07FF, the last of two bytes */
    expect_unchanged("\xe0\xa0\x80");          /* U+0800, the first of three */
    expect_unchanged("\xe6\x97\xa5");          /* U+65E5 */
    expect_unchanged("\xed\x9f\xbb");          /* U+D7FB, right before the surrogates */
    expect_unchanged("\xf0\x90\x80\x80");      /* U+10000, the first of four */
    expect_unchanged("\xf0\x9f\x9a\xa2 ship"); /* U+1F6A2 */
}

static void test_the_locale_does_not_matter(void **state)
{
    (void)state;
    assert_non_null(setlocale(LC_ALL, "C"));
    expect_unchanged("\xc3\xbc");
    expect_quoted("\xfc", "\\xfc");
}

static void test_bytes_that_are_no_utf8_are_escaped(void **state)
{
    (void)state;
    expect_quoted("\xff", "\\xff"); /* old ROMs end names so */
    expect_quoted("\x80", "\\x80"); /* a tail without a head */
    expect_quoted("\xbf", "\\xbf");
    expect_quoted("\xc3", "\\xc3"); /* cut short */
    expect_quoted("\xc3(", "\\xc3(");
    expect_quoted("\xe6\x97", "\\xe6\\x97");
    expect_quoted("\xe6\x97z", "\\xe6\\x97z");
    expect_quoted("\xf0\x9f\x9a", "\\xf0\\x9f\\x9a");
    expect_quoted("\xc0\xaf", "\\xc0\\xaf"); /* overlong '/' */
    expect_quoted("\xc1\xbf", "\\xc1\\xbf");
    expect_quoted("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
    expect_quoted("\xe0\x9f\xbf", "\\xe0\\x9f\\xbf");
    expect_quoted("\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf");
    expect_quoted("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* surrogates */
    expect_quoted("\xed\xbf\xbf", "\\xed\\xbf\\xbf");
    expect_quoted("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
    expect_quoted("\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80");
}

static void test_view_is_not_read_past_its_end(void **state)
{
    (void)state;
    expect_bytes_quoted("\xc3\xbc", 1, "\\xc3");
    expect_bytes_quoted("abc", 2, "ab");
    expect_bytes_quoted(NULL, 0, "");
}

static void test_c1_controls_are_escaped(void **state)
{
    (void)state;
    expect_quoted("\xc2\x80", "\\xc2\\x80");
    expect_quoted("\xc2\x9b"
                  "2J",
                  "\\xc2\\x9b"
                  "2J"); /* U+009B is CSI: it moves cursors */
    expect_quoted("\xc2\x9f", "\\xc2\\x9f");
}

static void test_bidi_controls_are_escaped(void **state)
{
    (void)state;
    expect_quoted("\xe2\x80\xaa", "\\xe2\\x80\\xaa");             /* U+202A */
    expect_quoted("exe\xe2\x80\xaetxt", "exe\\xe2\\x80\\xaetxt"); /* U+202E */
    expect_quoted("\xe2\x81\xa6", "\\xe2\\x81\\xa6");             /* U+2066 */
    expect_quoted("\xe2\x81\xa9", "\\xe2\\x81\\xa9");             /* U+2069 */
    expect_unchanged("\xe2\x80\xaf"); /* U+202F, a narrow space, next to them */
}

static void test_invisible_characters_are_escaped(void **state)
{
    (void)state;
    expect_quoted("\xe2\x80\x8b", "\\xe2\\x80\\x8b");          /* U+200B zero width space */
    expect_quoted("\xe2\x80\xa8", "\\xe2\\x80\\xa8");          /* U+2028 line separator */
    expect_quoted("\xef\xbb\xbf", "\\xef\\xbb\\xbf");          /* U+FEFF byte order mark */
    expect_quoted("\xef\xbf\xbf", "\\xef\\xbf\\xbf");          /* U+FFFF no character */
    expect_quoted("\xee\x80\x80", "\\xee\\x80\\x80");          /* U+E000 private use */
    expect_quoted("\xf3\xa0\x80\xa1", "\\xf3\\xa0\\x80\\xa1"); /* U+E0021 a tag */
    expect_quoted("\xf4\x8f\xbf\xbf", "\\xf4\\x8f\\xbf\\xbf"); /* U+10FFFF */
}

static void test_text_that_fits_exactly_is_not_cut(void **state)
{
    char buf[8];

    (void)state;
    assert_string_equal(text_quote((const uint8_t *)"1234567", 7, buf, sizeof(buf)), "1234567");
}

static void test_longer_text_is_cut_with_dots(void **state)
{
    char buf[8];

    (void)state;
    assert_string_equal(text_quote((const uint8_t *)"12345678", 8, buf, sizeof(buf)), "1234...");
}

static void test_cut_never_splits_a_character_or_an_escape(void **state)
{
    static const char text[] = "\xc3\xbc\"\n\xe6\x97\xa5 \\\x01\xf0\x9f\x9a\xa2 end";
    static const char whole[] = "\xc3\xbc\\\"\\x0a\xe6\x97\xa5 \\\\\\x01\xf0\x9f\x9a\xa2 end";
    /* Where a piece of `whole` ends. */
    static const size_t ends[] = {0, 2, 4, 8, 11, 12, 14, 18, 22, 23, 24, 25, 26};
    char buf[sizeof(whole)];

    (void)state;
    for (size_t cap = 8; cap < sizeof(whole); cap++) {
        size_t kept = 0;

        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
            if (ends[i] + sizeof("...") <= cap) {
                kept = ends[i];
            }
        }
        (void)text_quote((const uint8_t *)text, strlen(text), buf, cap);
        assert_memory_equal(buf, whole, kept);
        assert_string_equal(buf + kept, "...");
    }
    (void)text_quote((const uint8_t *)text, strlen(text), buf, sizeof(whole));
    assert_string_equal(buf, whole);
}

static void test_words_are_equal_in_any_case_of_ascii(void **state)
{
    (void)state;
    assert_true(text_is_word((const uint8_t *)"OcTeT", 5, "octet"));
    assert_true(text_is_word((const uint8_t *)"octet", 5, "OCTET"));
    assert_true(text_is_word((const uint8_t *)"blksize2", 8, "blksize2"));
    assert_true(text_is_word((const uint8_t *)"", 0, ""));
}

static void test_other_words_are_not_equal(void **state)
{
    (void)state;
    assert_false(text_is_word((const uint8_t *)"octe", 4, "octet"));
    assert_false(text_is_word((const uint8_t *)"octets", 6, "octet"));
    assert_false(text_is_word((const uint8_t *)"oct\0t", 5, "octet"));
    assert_false(text_is_word((const uint8_t *)"[ctet", 5, "{ctet")); /* differ in the case bit */
    assert_false(text_is_word((const uint8_t *)"@", 1, "`"));
    assert_false(text_is_word((const uint8_t *)"", 0, "octet"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_printable_ascii_stays),
        cmocka_unit_test(test_quote_and_backslash_stand_behind_a_backslash),
        cmocka_unit_test(test_controls_are_escaped),
        cmocka_unit_test(test_utf8_of_printable_characters_stays),
        cmocka_unit_test(test_the_locale_does_not_matter),
        cmocka_unit_test(test_bytes_that_are_no_utf8_are_escaped),
        cmocka_unit_test(test_view_is_not_read_past_its_end),
        cmocka_unit_test(test_c1_controls_are_escaped),
        cmocka_unit_test(test_bidi_controls_are_escaped),
        cmocka_unit_test(test_invisible_characters_are_escaped),
        cmocka_unit_test(test_text_that_fits_exactly_is_not_cut),
        cmocka_unit_test(test_longer_text_is_cut_with_dots),
        cmocka_unit_test(test_cut_never_splits_a_character_or_an_escape),
        cmocka_unit_test(test_words_are_equal_in_any_case_of_ascii),
        cmocka_unit_test(test_other_words_are_not_equal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
