/* SPDX-License-Identifier: BSD-2-Clause */
/* client/outcome.h: how a command ended, as an exit code and in words, over either protocol. Pure.
 */
#ifndef CLIENT_OUTCOME_H
#define CLIENT_OUTCOME_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/client_exchange.h>
#include <wherry/packet.h>
#include <wherry/res.h>

#include "client/exit_code.h"

#define OUTCOME_TEXT_BYTES 512
#define OUTCOME_PRINT_BYTES 1024u

/* Where the end came from. */
enum outcome_side {
    OUTCOME_DONE,
    OUTCOME_LOCAL,     /* the file on this side: `result` says what, `detail` which */
    OUTCOME_NETWORK,   /* nobody heard, or nobody there: `detail` */
    OUTCOME_SERVER,    /* an ERROR packet: error_code and its text */
    OUTCOME_END,       /* an END of the file protocol: its status in error_code, and its text */
    OUTCOME_PROTOCOL,  /* the server's packets are wrong: `detail` says how */
    OUTCOME_INTEGRITY, /* what arrived is not what was announced: `detail` */
    OUTCOME_SIGNAL     /* we were asked to end: signum */
};

struct outcome {
    enum outcome_side side;
    enum res result;
    uint16_t error_code;
    int signum;
    char detail[OUTCOME_TEXT_BYTES]; /* printable; SERVER, END: the text of the peer, quoted */
};

/* An ERROR packet arrived. */
void outcome_set_server_error(struct outcome *ret, const struct wherry_packet *p);
/* An END arrived that says anything but OK. */
void outcome_set_end(struct outcome *ret, const struct wherry_client_end *end);
enum exit_code outcome_exit_code(const struct outcome *o);
/* `no such file (server says: "File not found")`. Returns buf. */
char *outcome_print(const struct outcome *o, char buf[OUTCOME_PRINT_BYTES]);

#endif
