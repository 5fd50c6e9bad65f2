/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/res.h>

#include <stddef.h>

static const char *const texts[RES_COUNT] = {
    [RES_OK] = "success",
    [RES_PROTOCOL] = "malformed packet",
    [RES_UNSUPPORTED] = "operation or mode not supported",
    [RES_OPTIONS] = "option negotiation failed",
    [RES_NOT_FOUND] = "no such file",
    [RES_IS_DIR] = "is a directory",
    [RES_DENIED] = "not allowed",
    [RES_NAME] = "name not allowed",
    [RES_EXISTS] = "file already exists",
    [RES_NO_SPACE] = "no space left",
    [RES_TOO_LARGE] = "file too large",
    [RES_CHANGED] = "changed while being read",
    [RES_IO] = "input/output error",
    [RES_BUSY] = "too busy",
    [RES_NO_MEMORY] = "out of memory",
    [RES_TIMEOUT] = "timed out",
    [RES_PEER] = "the peer sent an error",
    [RES_UNREACHABLE] = "nobody listens there (port unreachable)",
    [RES_SHUTDOWN] = "shutting down",
    [RES_RANGE] = "offset is beyond the end of the file",
    [RES_DIGEST] = "SHA-256 does not match",
    [RES_OFFSET] = "size or offset does not match",
    [RES_CANCELLED] = "cancelled",
    [RES_AUTH] = "authentication required",
    [RES_LOST] = "connection lost",
    [RES_LATER] = "answer is pending",
};

const char *wherry_res_text(enum res r)
{
    size_t i = (size_t)r;

    return i < RES_COUNT ? texts[i] : "unknown result";
}
