/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/outcome.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct failure_row {
    uint16_t code;
    enum exit_code exit_code;
    const char *text;
};

/* RFC 1350 appendix, RFC 2347. Code 0 says nothing: the peer's own text has to. */
static const struct failure_row error_rows[] = {
    {WHERRY_ERROR_OTHER, EXIT_CODE_SERVER, "the server refuses"},
    {WHERRY_ERROR_NOT_FOUND, EXIT_CODE_SERVER, "no such file or directory"},
    {WHERRY_ERROR_ACCESS, EXIT_CODE_DENIED, "access denied"},
    {WHERRY_ERROR_FULL, EXIT_CODE_SERVER, "the server has no room for it"},
    {WHERRY_ERROR_ILLEGAL, EXIT_CODE_PROTOCOL, "the server takes a packet of ours for illegal"},
    {WHERRY_ERROR_TID, EXIT_CODE_PROTOCOL, "the server does not know this transfer"},
    {WHERRY_ERROR_EXISTS, EXIT_CODE_SERVER, "the file exists already"},
    {WHERRY_ERROR_USER, EXIT_CODE_SERVER, "the server knows no such user"},
    {WHERRY_ERROR_OPTIONS, EXIT_CODE_PROTOCOL, "the server refuses the options"},
};

/* The first row stands for statuses that a newer server may send. */
static const struct failure_row status_rows[] = {
    {WHERRY_STATUS_OK, EXIT_CODE_SERVER, "the server refuses"},
    {WHERRY_STATUS_PROTOCOL, EXIT_CODE_PROTOCOL, "the server takes a frame of ours for illegal"},
    {WHERRY_STATUS_NOT_FOUND, EXIT_CODE_SERVER, "no such file or directory"},
    {WHERRY_STATUS_DENIED, EXIT_CODE_DENIED, "access denied"},
    {WHERRY_STATUS_TOO_LARGE, EXIT_CODE_SERVER, "the file is too large for the server"},
    {WHERRY_STATUS_EXISTS, EXIT_CODE_SERVER, "the file exists already"},
    {WHERRY_STATUS_NO_SPACE, EXIT_CODE_SERVER, "the server has no room for it"},
    {WHERRY_STATUS_NAME, EXIT_CODE_DENIED, "the server does not allow this name"},
    {WHERRY_STATUS_RANGE, EXIT_CODE_SERVER, "the offset is beyond the end of the file"},
    {WHERRY_STATUS_DIGEST, EXIT_CODE_INTEGRITY, "the bytes that arrived have another SHA-256"},
    {WHERRY_STATUS_IO, EXIT_CODE_SERVER, "the server cannot read or write it"},
    {WHERRY_STATUS_BUSY, EXIT_CODE_SERVER, "the server is too busy"},
    {WHERRY_STATUS_CHANGED, EXIT_CODE_INTEGRITY, "the file changed on the server"},
    {WHERRY_STATUS_UNSUPPORTED, EXIT_CODE_PROTOCOL, "the server does not offer this"},
    {WHERRY_STATUS_AUTH, EXIT_CODE_DENIED, "the server wants to know who asks"},
    {WHERRY_STATUS_TIMEOUT, EXIT_CODE_NETWORK, "the server waited for us in vain"},
    {WHERRY_STATUS_CANCELLED, EXIT_CODE_SERVER, "it was cancelled"},
    {WHERRY_STATUS_SHUTDOWN, EXIT_CODE_NETWORK, "the server is shutting down"},
    {WHERRY_STATUS_IS_DIR, EXIT_CODE_SERVER, "it is a directory"},
    {WHERRY_STATUS_OFFSET, EXIT_CODE_INTEGRITY, "the size or offset is not what was announced"},
};

/* side: SERVER or END. */
static const struct failure_row *find_row(const struct outcome *o)
{
    bool is_end = o->side == OUTCOME_END;
    const struct failure_row *rows = is_end ? status_rows : error_rows;
    size_t count = is_end ? sizeof(status_rows) / sizeof(status_rows[0])
                          : sizeof(error_rows) / sizeof(error_rows[0]);

    for (size_t i = 0; i < count; i++) {
        if (rows[i].code == o->error_code) {
            return &rows[i];
        }
    }
    return &rows[0]; /* peers send odd numbers */
}

/* What a result means where a file of this side is opened, read or written. */
static const char *local_text(enum res r)
{
    switch (r) {
    case RES_NOT_FOUND:
        return "no such directory"; /* a file to read was opened before */
    case RES_DENIED:
        return "permission denied";
    case RES_NAME:
        return "the name is too long";
    case RES_LOST:
        return "nobody reads it any more"; /* a pipe */
    default:
        return wherry_res_text(r);
    }
}

void outcome_set_server_error(struct outcome *ret, const struct wherry_packet *p)
{
    *ret = (struct outcome){
        .side = OUTCOME_SERVER,
        .result = RES_PEER,
        .error_code = p->code,
    };
    (void)text_quote(p->bytes.bytes, p->bytes.len, ret->detail, sizeof(ret->detail));
}

void outcome_set_end(struct outcome *ret, const struct wherry_client_end *end)
{
    *ret = (struct outcome){
        .side = OUTCOME_END,
        .result = end->result,
        .error_code = end->status,
    };
    (void)text_quote(end->text.bytes, end->text.len, ret->detail, sizeof(ret->detail));
}

enum exit_code outcome_exit_code(const struct outcome *o)
{
    if (o->result == RES_NO_MEMORY) {
        return EXIT_CODE_OTHER;
    }
    switch (o->side) {
    case OUTCOME_DONE:
        return EXIT_CODE_OK;
    case OUTCOME_LOCAL:
        return EXIT_CODE_LOCAL;
    case OUTCOME_NETWORK:
        return EXIT_CODE_NETWORK;
    case OUTCOME_SERVER:
    case OUTCOME_END:
        return find_row(o)->exit_code;
    case OUTCOME_PROTOCOL:
        return EXIT_CODE_PROTOCOL;
    case OUTCOME_INTEGRITY:
        return EXIT_CODE_INTEGRITY;
    case OUTCOME_SIGNAL:
        return (enum exit_code)(EXIT_CODE_SIGNAL + o->signum);
    }
    return EXIT_CODE_OTHER;
}

char *outcome_print(const struct outcome *o, char buf[OUTCOME_PRINT_BYTES])
{
    const size_t cap = OUTCOME_PRINT_BYTES;
    const char *separator = o->detail[0] != '\0' ? ": " : "";

    switch (o->side) {
    case OUTCOME_SERVER:
    case OUTCOME_END:
        if (o->detail[0] != '\0') {
            (void)snprintf(buf, cap, "%s (server says: \"%s\")", find_row(o)->text, o->detail);
        } else {
            (void)snprintf(buf, cap, "%s (%s %u without a text)", find_row(o)->text,
                           o->side == OUTCOME_END ? "status" : "ERROR", (unsigned)o->error_code);
        }
        break;
    case OUTCOME_LOCAL:
        (void)snprintf(buf, cap, "%s%s%s", o->detail, separator, local_text(o->result));
        break;
    case OUTCOME_SIGNAL:
        (void)snprintf(buf, cap, "interrupted by SIG%s%s", sigabbrev_np(o->signum), o->detail);
        break;
    case OUTCOME_DONE:
    case OUTCOME_NETWORK:
    case OUTCOME_PROTOCOL:
    case OUTCOME_INTEGRITY:
        (void)snprintf(buf, cap, "%s", o->detail);
        break;
    }
    return buf;
}
