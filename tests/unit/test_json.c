/* SPDX-License-Identifier: BSD-2-Clause */
/* One object a line (RFC 8259), and names that are no UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/json.h"

#define VIEW(literal) ((struct wherry_view){(const uint8_t *)(literal), sizeof(literal) - 1})

struct fixture {
    char *text;
    size_t len;
    struct json json;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    FILE *to;

    assert_non_null(f);
    to = open_memstream(&f->text, &f->len);
    assert_non_null(to);
    json_begin(&f->json, to);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    free(f->text);
    free(f);
    return 0;
}

static void ends_as(struct fixture *f, const char *line)
{
    json_end(&f->json);
    assert_int_equal(fclose(f->json.to), 0);
    assert_string_equal(f->text, line);
}

static void test_members_are_separated_by_commas(void **state)
{
    struct fixture *f = *state;

    json_text(&f->json, "a", "x");
    json_number(&f->json, "b", UINT64_MAX);
    json_hex(&f->json, "c", VIEW("\x00\xff"));
    ends_as(f, "{\"a\":\"x\",\"b\":18446744073709551615,\"c\":\"00ff\"}\n");
}

static void test_no_member_is_an_empty_object(void **state)
{
    ends_as(*state, "{}\n");
}

/* RFC 8259 section 7: quotation mark, reverse solidus, and U+0000 to U+001F. */
static void test_what_json_must_escape_is_escaped(void **state)
{
    struct fixture *f = *state;

    json_bytes(&f->json, "n", VIEW("\"\\/\n\x1f "));
    ends_as(f, "{\"n\":\"\\\"\\\\/\\u000a\\u001f \"}\n");
}

/* JSON would let them pass; a terminal that shows the line obeys them. */
static void test_delete_and_c1_controls_are_escaped(void **state)
{
    struct fixture *f = *state;

    json_bytes(&f->json, "n", VIEW("\x7f\xc2\x9b\xc2\xa0"));
    ends_as(f, "{\"n\":\"\\u007f\\u009b\xc2\xa0\"}\n");
}

/* A name that shows itself in another order, or hides a part, fools who reads the line. */
static void test_marks_of_direction_and_invisible_characters_are_escaped(void **state)
{
    struct fixture *f = *state;

    json_bytes(&f->json, "n", VIEW("\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\xf3\xa0\x80\x81"));
    ends_as(f, "{\"n\":\"\\u202e\\u2066\\u200b\\udb40\\udc01\"}\n");
}

static void test_utf8_stays_as_it_is(void **state)
{
    struct fixture *f = *state;

    json_bytes(&f->json, "n", VIEW("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa2 \xf0\xaf\xbf\xbd"));
    ends_as(f, "{\"n\":\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa2 \xf0\xaf\xbf\xbd\"}\n");
}

/* A character of 2 or more bytes for each of these rows is malformed by RFC 3629 section 4. */
static void test_bytes_that_are_no_utf8_are_kept_in_base64(void **state)
{
    struct fixture *f = *state;

    json_bytes(&f->json, "name", VIEW("a\xff"));
    ends_as(f, "{\"name\":\"a\xef\xbf\xbd\",\"name_base64\":\"Yf8=\"}\n");
}

static void test_overlong_forms_surrogates_and_cut_characters_are_no_utf8(void **state)
{
    static const struct {
        struct wherry_view bytes;
        unsigned replaced;
    } rows[] = {
        {{(const uint8_t *)"\xc0\xaf", 2}, 2},         /* "/" in two bytes */
        {{(const uint8_t *)"\xe0\x80\xaf", 3}, 3},     /* the same in three */
        {{(const uint8_t *)"\xed\xa0\x80", 3}, 3},     /* U+D800 */
        {{(const uint8_t *)"\xf4\x90\x80\x80", 4}, 4}, /* U+110000 */
        {{(const uint8_t *)"\xf5\x80\x80\x80", 4}, 4},
        {{(const uint8_t *)"\xe2\x82", 2}, 2}, /* the euro sign without its end */
        {{(const uint8_t *)"\xe2\x82\x41", 2}, 2},
        {{(const uint8_t *)"\x80", 1}, 1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f;
        const char *at;
        unsigned replaced = 0;

        assert_int_equal(setup(state), 0);
        f = *state;
        json_bytes(&f->json, "n", rows[i].bytes);
        json_end(&f->json);
        assert_int_equal(fclose(f->json.to), 0);
        for (at = f->text; (at = strstr(at, "\xef\xbf\xbd")) != NULL; at += 3) {
            replaced++;
        }
        assert_int_equal(replaced, rows[i].replaced);
        assert_non_null(strstr(f->text, "\"n_base64\":\""));
        assert_int_equal(teardown(state), 0);
    }
}

/* RFC 4648 section 10. */
static void test_base64_pads_as_the_rfc_says(void **state)
{
    static const char *const rows[][2] = {
        {"\xff", "/w=="},
        {"\xff\xff", "//8="},
        {"\xff\xff\xff", "////"},
        {"\xff"
         "foobar",
         "/2Zvb2Jhcg=="},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f;
        char due[64];

        assert_int_equal(setup(state), 0);
        f = *state;
        json_bytes(&f->json, "n",
                   (struct wherry_view){(const uint8_t *)rows[i][0], strlen(rows[i][0])});
        json_end(&f->json);
        assert_int_equal(fclose(f->json.to), 0);
        (void)snprintf(due, sizeof(due), "\"n_base64\":\"%s\"}", rows[i][1]);
        assert_non_null(strstr(f->text, due));
        assert_int_equal(teardown(state), 0);
    }
}

/* RFC 3339 section 5.6; 1985-04-12T23:20:50.52Z is its example in 5.8. */
static void test_times_are_utc_with_nanoseconds(void **state)
{
    struct fixture *f = *state;

    json_time(&f->json, "t", UINT64_C(482196050520000000));
    json_time(&f->json, "zero", 0);
    json_time(&f->json, "last", UINT64_MAX);
    ends_as(f, "{\"t\":\"1985-04-12T23:20:50.520000000Z\","
               "\"zero\":\"1970-01-01T00:00:00.000000000Z\","
               "\"last\":\"2554-07-21T23:34:33.709551615Z\"}\n");
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        STORY(test_members_are_separated_by_commas),
        STORY(test_no_member_is_an_empty_object),
        STORY(test_what_json_must_escape_is_escaped),
        STORY(test_delete_and_c1_controls_are_escaped),
        STORY(test_marks_of_direction_and_invisible_characters_are_escaped),
        STORY(test_utf8_stays_as_it_is),
        STORY(test_bytes_that_are_no_utf8_are_kept_in_base64),
        cmocka_unit_test(test_overlong_forms_surrogates_and_cut_characters_are_no_utf8),
        cmocka_unit_test(test_base64_pads_as_the_rfc_says),
        STORY(test_times_are_utc_with_nanoseconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
