/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/hex.h"

char *hex_print(const uint8_t *bytes, size_t len, char *to)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    *to = '\0';
    return to;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_parse(const char *text, size_t len, uint8_t *ret)
{
    for (size_t i = 0; i < len; i++) {
        int high = digit(text[2 * i]);
        int low = high != -1 ? digit(text[2 * i + 1]) : -1;

        if (low == -1) {
            return false;
        }
        ret[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}
