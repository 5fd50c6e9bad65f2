/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"

#include <string.h>

#define PIECE_BYTES 4 /* the longest: \xNN, or four bytes of UTF-8 */

struct range {
    uint32_t first;
    uint32_t last;
};

/* Characters that a terminal or a log viewer obeys or hides instead of showing them. Unassigned
 * ones cannot be told without a table of Unicode, and do no harm. */
static const struct range unprintable[] = {
    {0, 0x1f},           /* C0 controls: ESC is one of them */
    {0x7f, 0x9f},        /* DEL, and C1 controls: CSI is one of them */
    {0xad, 0xad},        /* soft hyphen */
    {0x61c, 0x61c},      /* Arabic letter mark (bidi) */
    {0x180e, 0x180e},    /* Mongolian vowel separator */
    {0x200b, 0x200f},    /* zero width; left-to-right and right-to-left mark */
    {0x2028, 0x202e},    /* line and paragraph separator; bidi embeddings, overrides */
    {0x2060, 0x206f},    /* invisible operators; bidi isolates */
    {0xe000, 0xf8ff},    /* private use */
    {0xfdd0, 0xfdef},    /* no characters */
    {0xfeff, 0xfeff},    /* byte order mark */
    {0xfff0, 0xfffb},    /* interlinear annotation */
    {0xfffe, 0xffff},    /* no characters */
    {0xe0000, 0xe0fff},  /* tags, variation selectors */
    {0xf0000, 0x10ffff}, /* private use */
};

bool text_is_printable(uint32_t c)
{
    for (size_t i = 0; i < sizeof(unprintable) / sizeof(unprintable[0]); i++) {
        if (c >= unprintable[i].first && c <= unprintable[i].last) {
            return false;
        }
    }
    return true;
}

/* By hand and not with mbrtowc(): what is safe must not depend on the locale. */
size_t text_character(const uint8_t *bytes, size_t len, uint32_t *ret)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t need = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
    uint32_t c = bytes[0] & (0xffu >> (need + 1));

    if (bytes[0] < 0x80) {
        *ret = bytes[0];
        return 1;
    }
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || need > len) {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (bytes[i] & 0x3f);
    }
    if (c < lowest[need] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return 0;
    }
    *ret = c;
    return need;
}

/* What is printed for the first character; returns how many bytes it stood for. */
static size_t quote_one(const uint8_t *bytes, size_t len, char piece[PIECE_BYTES], size_t *ret_len)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t c = bytes[0];
    uint32_t character = 0;
    size_t taken = text_character(bytes, len, &character);

    if (c == '"' || c == '\\') {
        piece[0] = '\\';
        piece[1] = (char)c;
        *ret_len = 2;
    } else if (taken > 0 && text_is_printable(character)) {
        memcpy(piece, bytes, taken);
        *ret_len = taken;
    } else {
        taken = 1;
        piece[0] = '\\';
        piece[1] = 'x';
        piece[2] = hex[c >> 4];
        piece[3] = hex[c & 15];
        *ret_len = 4;
    }
    return taken;
}

char *text_quote(const uint8_t *bytes, size_t len, char *buf, size_t cap)
{
    static const char dots[] = "...";
    size_t out = 0;
    size_t cut = 0; /* the last end of a character that leaves room for the dots */

    for (size_t i = 0; i < len;) {
        char piece[PIECE_BYTES];
        size_t piece_len;

        i += quote_one(bytes + i, len - i, piece, &piece_len);
        if (out + piece_len >= cap) {
            memcpy(buf + cut, dots, sizeof(dots));
            return buf;
        }
        memcpy(buf + out, piece, piece_len);
        out += piece_len;
        if (out + sizeof(dots) <= cap) {
            cut = out;
        }
    }
    buf[out] = '\0';
    return buf;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool text_is_word(const uint8_t *bytes, size_t len, const char *word)
{
    if (len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (lower(bytes[i]) != lower((uint8_t)word[i])) {
            return false;
        }
    }
    return true;
}
