/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/option_pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

void option_pairs_make(struct option_pairs *ret, const char *text)
{
    size_t len = strlen(text);

    assert_true(len < sizeof(ret->bytes));
    for (size_t i = 0; i < len; i++) {
        ret->bytes[i] = text[i] == '=' || text[i] == ' ' ? 0 : (uint8_t)text[i];
    }
    if (len > 0) {
        ret->bytes[len++] = 0;
    }
    ret->len = len;
    wherry_options_parse(&ret->parsed, (struct wherry_view){.bytes = ret->bytes, .len = ret->len});
}

char *option_pairs_text(const uint8_t *pairs, size_t len, char *buf)
{
    char between = '=';

    assert_true(len < OPTION_PAIRS_BYTES);
    for (size_t i = 0; i < len; i++) {
        buf[i] = (char)pairs[i];
        if (pairs[i] == 0) {
            buf[i] = between;
            between = between == '=' ? ' ' : '=';
        }
    }
    if (len > 0) {
        assert_int_equal(buf[--len], ' '); /* whole pairs end behind a value */
    }
    buf[len] = '\0';
    return buf;
}
