/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/decode_exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

size_t decode_exact(struct wherry_frame_decoder *d, const uint8_t *bytes, size_t len,
                    struct wherry_decoded *ret)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    size_t used;

    assert_non_null(copy);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    used = wherry_frame_decode(d, copy, len, ret);
    assert_true(used <= len);
    if (ret->kind == WHERRY_DECODED_DATA && ret->bytes.len > 0) {
        assert_true(ret->bytes.bytes >= copy && ret->bytes.bytes + ret->bytes.len == copy + used);
        ret->bytes.bytes = bytes + (ret->bytes.bytes - copy);
    }
    free(copy);
    return used;
}
