/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/wire_error.h"

#include <stddef.h>

/* Boot ROMs act upon the number: U-Boot gives up on 1 and 2 and begins anew on all others. The
 * texts are seen by whoever stands before the machine. */
/* clang-format off */
static const struct {
    enum wherry_error code;
    const char *text;
} rows[RES_COUNT] = {
    [RES_OK]          = {WHERRY_ERROR_OTHER,     "transfer ended"},
    [RES_PROTOCOL]    = {WHERRY_ERROR_ILLEGAL,   "malformed packet"},
    [RES_UNSUPPORTED] = {WHERRY_ERROR_ILLEGAL,   "operation or mode not supported"},
    [RES_OPTIONS]     = {WHERRY_ERROR_OPTIONS,   "option negotiation failed"},
    [RES_NOT_FOUND]   = {WHERRY_ERROR_NOT_FOUND, "file not found"},
    [RES_IS_DIR]      = {WHERRY_ERROR_NOT_FOUND, "is a directory"},
    [RES_DENIED]      = {WHERRY_ERROR_ACCESS,    "access denied"},
    [RES_NAME]        = {WHERRY_ERROR_ACCESS,    "name not allowed"},
    [RES_EXISTS]      = {WHERRY_ERROR_EXISTS,    "file already exists"},
    [RES_NO_SPACE]    = {WHERRY_ERROR_FULL,      "no space left"},
    [RES_TOO_LARGE]   = {WHERRY_ERROR_FULL,      "file too large"},
    [RES_CHANGED]     = {WHERRY_ERROR_OTHER,     "changed while being read"},
    [RES_IO]          = {WHERRY_ERROR_OTHER,     "input/output error"},
    [RES_BUSY]        = {WHERRY_ERROR_OTHER,     "server is busy"},
    [RES_NO_MEMORY]   = {WHERRY_ERROR_OTHER,     "out of memory"},
    [RES_TIMEOUT]     = {WHERRY_ERROR_OTHER,     "timed out"},
    [RES_PEER]        = {WHERRY_ERROR_OTHER,     "ended by the peer"},
    [RES_UNREACHABLE] = {WHERRY_ERROR_OTHER,     "peer unreachable"},
    [RES_SHUTDOWN]    = {WHERRY_ERROR_OTHER,     "server is shutting down"},
    [RES_LATER]       = {WHERRY_ERROR_OTHER,     "internal error"}, /* never goes out */
};
/* clang-format on */

enum wherry_error wire_error_code(enum res r)
{
    return (size_t)r < RES_COUNT ? rows[r].code : WHERRY_ERROR_OTHER;
}

const char *wire_error_text(enum res r)
{
    return (size_t)r < RES_COUNT ? rows[r].text : wherry_res_text(r);
}
