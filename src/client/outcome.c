/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/outcome.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct error_row {
    uint16_t code;
    enum exit_code exit_code;
    const char *text;
};

/* RFC 1350 appendix, RFC 2347. Code 0 says nothing: the peer's own text has to. */
static const struct error_row error_rows[] = {
    {WHERRY_ERROR_OTHER, EXIT_CODE_SERVER, "the server refuses"},
    {WHERRY_ERROR_NOT_FOUND, EXIT_CODE_SERVER, "no such file"},
    {WHERRY_ERROR_ACCESS, EXIT_CODE_DENIED, "access denied"},
    {WHERRY_ERROR_FULL, EXIT_CODE_SERVER, "the server has no room for it"},
    {WHERRY_ERROR_ILLEGAL, EXIT_CODE_PROTOCOL, "the server takes a packet of ours for illegal"},
    {WHERRY_ERROR_TID, EXIT_CODE_PROTOCOL, "the server does not know this transfer"},
    {WHERRY_ERROR_EXISTS, EXIT_CODE_SERVER, "the file exists already"},
    {WHERRY_ERROR_USER, EXIT_CODE_SERVER, "the server knows no such user"},
    {WHERRY_ERROR_OPTIONS, EXIT_CODE_PROTOCOL, "the server refuses the options"},
};

static const struct error_row *find_row(uint16_t code)
{
    for (size_t i = 0; i < sizeof(error_rows) / sizeof(error_rows[0]); i++) {
        if (error_rows[i].code == code) {
            return &error_rows[i];
        }
    }
    return &error_rows[0]; /* peers send odd numbers */
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
        return find_row(o->error_code)->exit_code;
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
        if (o->detail[0] != '\0') {
            (void)snprintf(buf, cap, "%s (server says: \"%s\")", find_row(o->error_code)->text,
                           o->detail);
        } else {
            (void)snprintf(buf, cap, "%s (ERROR %u without a text)", find_row(o->error_code)->text,
                           (unsigned)o->error_code);
        }
        break;
    case OUTCOME_LOCAL:
        (void)snprintf(buf, cap, "%s%s%s", o->detail, separator, local_text(o->result));
        break;
    case OUTCOME_SIGNAL:
        (void)snprintf(buf, cap, "interrupted by SIG%s", sigabbrev_np(o->signum));
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
