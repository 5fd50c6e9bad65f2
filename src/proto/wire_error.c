/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/wire_error.h"

#include <stddef.h>

/* Boot ROMs act upon the number: U-Boot gives up on 1 and 2 and begins anew on all others. The
 * texts are seen by whoever stands before the machine. */
/* clang-format off */
#define ROW(res, error, status, text) \
    [RES_##res] = {WHERRY_ERROR_##error, WHERRY_STATUS_##status, text}

static const struct {
    enum wherry_error code;
    enum wherry_status status;
    const char *text;
} rows[RES_COUNT] = {
    /*  result       TFTP       status       text */
    ROW(OK,          OTHER,     OK,          "transfer ended"),
    ROW(PROTOCOL,    ILLEGAL,   PROTOCOL,    "malformed packet"),
    ROW(UNSUPPORTED, ILLEGAL,   UNSUPPORTED, "operation or mode not supported"),
    ROW(OPTIONS,     OPTIONS,   PROTOCOL,    "option negotiation failed"),
    ROW(NOT_FOUND,   NOT_FOUND, NOT_FOUND,   "file not found"),
    ROW(IS_DIR,      NOT_FOUND, IS_DIR,      "is a directory"),
    ROW(DENIED,      ACCESS,    DENIED,      "access denied"),
    ROW(NAME,        ACCESS,    NAME,        "name not allowed"),
    ROW(EXISTS,      EXISTS,    EXISTS,      "file already exists"),
    ROW(NO_SPACE,    FULL,      NO_SPACE,    "no space left"),
    ROW(TOO_LARGE,   FULL,      TOO_LARGE,   "file too large"),
    ROW(CHANGED,     OTHER,     CHANGED,     "changed while being read"),
    ROW(IO,          OTHER,     IO,          "input/output error"),
    ROW(BUSY,        OTHER,     BUSY,        "server is busy"),
    ROW(NO_MEMORY,   OTHER,     BUSY,        "out of memory"),
    ROW(TIMEOUT,     OTHER,     TIMEOUT,     "timed out"),
    ROW(PEER,        OTHER,     IO,          "ended by the peer"),
    ROW(UNREACHABLE, OTHER,     IO,          "peer unreachable"),
    ROW(SHUTDOWN,    OTHER,     SHUTDOWN,    "server is shutting down"),
    ROW(RANGE,       OTHER,     RANGE,       "offset is beyond the end of the file"),
    ROW(DIGEST,      OTHER,     DIGEST,      "SHA-256 does not match"),
    ROW(OFFSET,      OTHER,     OFFSET,      "size or offset does not match"),
    ROW(CANCELLED,   OTHER,     CANCELLED,   "cancelled"),
    ROW(AUTH,        ACCESS,    AUTH,        "authentication required"),
    ROW(LOST,        OTHER,     IO,          "connection lost"),
    ROW(LATER,       OTHER,     IO,          "internal error"), /* never goes out */
};
/* clang-format on */

enum wherry_error wire_error_code(enum res r)
{
    return (size_t)r < RES_COUNT ? rows[r].code : WHERRY_ERROR_OTHER;
}

enum wherry_status wire_error_status(enum res r)
{
    return (size_t)r < RES_COUNT ? rows[r].status : WHERRY_STATUS_IO;
}

/* Statuses that several results share stand for the first of them. */
enum res wire_error_from_status(uint16_t status)
{
    for (size_t i = 0; i < RES_COUNT; i++) {
        if (rows[i].status == status) {
            return (enum res)i;
        }
    }
    return RES_PEER;
}

const char *wire_error_text(enum res r)
{
    return (size_t)r < RES_COUNT ? rows[r].text : wherry_res_text(r);
}
