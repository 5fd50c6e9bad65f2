/* SPDX-License-Identifier: BSD-2-Clause */
/* client/exit_code.h: what wherry(1) tells the program that started it. */
#ifndef CLIENT_EXIT_CODE_H
#define CLIENT_EXIT_CODE_H

enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_OTHER = 1,     /* none of the others: no memory, a bug */
    EXIT_CODE_USAGE = 2,     /* the command line is wrong; nothing was asked */
    EXIT_CODE_LOCAL = 3,     /* a local file cannot be read, written or created */
    EXIT_CODE_NETWORK = 4,   /* no such host, no answer, nobody listens */
    EXIT_CODE_DENIED = 6,    /* the server forbids it (ERROR 2) */
    EXIT_CODE_PROTOCOL = 7,  /* one side does not follow the protocol (ERROR 4, 5, 8) */
    EXIT_CODE_SERVER = 8,    /* the server refuses: not found, exists, full, other */
    EXIT_CODE_INTEGRITY = 9, /* what arrived is not what was announced */
    EXIT_CODE_SIGNAL = 128   /* plus the signal's number: 130 for SIGINT, 143 for SIGTERM */
};

#endif
