/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/json.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/hex.h"
#include "base/number.h"
#include "base/text.h"

/* What a terminal would obey or hide is escaped, too: RFC 8259 section 7 lets every character be.
 */
static void put_character(FILE *to, const uint8_t *bytes, size_t len, uint32_t c)
{
    if (c == '"' || c == '\\') {
        (void)fprintf(to, "\\%c", (int)c);
    } else if (text_is_printable(c)) {
        (void)fwrite(bytes, 1, len, to);
    } else if (c <= 0xffff) {
        (void)fprintf(to, "\\u%04x", (unsigned)c);
    } else { /* as a pair of surrogates */
        c -= 0x10000;
        (void)fprintf(to, "\\u%04x\\u%04x", 0xd800u + (unsigned)(c >> 10),
                      0xdc00u + (unsigned)(c & 0x3ff));
    }
}

/* Whether all of it is UTF-8. */
static bool put_string(FILE *to, struct wherry_view v)
{
    bool good = true;
    size_t i = 0;

    (void)fputc('"', to);
    while (i < v.len) {
        uint32_t c = 0;
        size_t n = text_character(v.bytes + i, v.len - i, &c);

        if (n == 0) {
            (void)fputs("\xef\xbf\xbd", to); /* U+FFFD */
            good = false;
            n = 1;
        } else {
            put_character(to, v.bytes + i, n, c);
        }
        i += n;
    }
    (void)fputc('"', to);
    return good;
}

static void put_key(struct json *j, const char *key, const char *suffix)
{
    (void)fprintf(j->to, "%s\"%s%s\":", j->first ? "" : ",", key, suffix);
    j->first = false;
}

/* RFC 4648 section 4. */
static void put_base64(FILE *to, struct wherry_view v)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    (void)fputc('"', to);
    for (size_t i = 0; i < v.len; i += 3) {
        size_t left = v.len - i;
        unsigned group = (unsigned)v.bytes[i] << 16 |
                         (left > 1 ? (unsigned)v.bytes[i + 1] << 8 : 0u) |
                         (left > 2 ? (unsigned)v.bytes[i + 2] : 0u);

        (void)fputc(digits[group >> 18], to);
        (void)fputc(digits[group >> 12 & 63], to);
        (void)fputc(left > 1 ? digits[group >> 6 & 63] : '=', to);
        (void)fputc(left > 2 ? digits[group & 63] : '=', to);
    }
    (void)fputc('"', to);
}

void json_begin(struct json *j, FILE *to)
{
    *j = (struct json){.to = to, .first = true};
    (void)fputc('{', to);
}

void json_text(struct json *j, const char *key, const char *text)
{
    put_key(j, key, "");
    (void)put_string(j->to, (struct wherry_view){(const uint8_t *)text, strlen(text)});
}

void json_bytes(struct json *j, const char *key, struct wherry_view bytes)
{
    put_key(j, key, "");
    if (!put_string(j->to, bytes)) {
        put_key(j, key, "_base64");
        put_base64(j->to, bytes);
    }
}

void json_number(struct json *j, const char *key, uint64_t number)
{
    put_key(j, key, "");
    (void)fprintf(j->to, "%" PRIu64, number);
}

void json_time(struct json *j, const char *key, uint64_t since_1970_ns)
{
    time_t seconds = (time_t)(since_1970_ns / NUMBER_SECOND);
    struct tm tm = {0};
    char text[32];

    (void)gmtime_r(&seconds, &tm); /* 2^64 ns end in the year 2554 */
    (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    put_key(j, key, "");
    (void)fprintf(j->to, "\"%s.%09uZ\"", text, (unsigned)(since_1970_ns % NUMBER_SECOND));
}

void json_hex(struct json *j, const char *key, struct wherry_view bytes)
{
    put_key(j, key, "");
    (void)fputc('"', j->to);
    for (size_t i = 0; i < bytes.len; i++) { /* of any length: no room for all of it at once */
        char digits[3];

        (void)hex_print(bytes.bytes + i, 1, digits);
        (void)fputs(digits, j->to);
    }
    (void)fputc('"', j->to);
}

void json_end(struct json *j)
{
    (void)fputs("}\n", j->to);
}
