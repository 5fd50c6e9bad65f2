/* SPDX-License-Identifier: BSD-2-Clause */
/* client/option_rows.h: the options of wherry(1), one row each. The command line, --help and the
 * check of the manual read this table and nothing else. */
#ifndef CLIENT_OPTION_ROWS_H
#define CLIENT_OPTION_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "client/url.h"

#define OPTION_WHY_BYTES 256
#define OPTION_WINDOWSIZE_DEFAULT 16u

struct client_settings {
    uint64_t blksize;        /* 0: what the route carries */
    uint64_t windowsize;     /* blocks; 0: OPTION_WINDOWSIZE_DEFAULT */
    uint64_t tftp_timeout_s; /* 0: not asked for */
    uint64_t patience_ns;
    bool no_options;
    bool strict_size;
    bool no_clobber;
    bool no_replace;
    bool resume;
    bool verify;
    bool recursive;
    bool json;
    bool names_only;
    bool ipv4;
    bool ipv6;
    bool quiet;
    bool verbose;
    bool help;
    bool version;
};

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_NUMBER, /* uint64_t in [lowest, highest] */
    OPTION_TIME    /* uint64_t, nanoseconds, written with a unit */
};

/* The commands an option belongs to, as a set. */
#define OPTION_OF_GET 1u
#define OPTION_OF_PUT 2u
#define OPTION_OF_LIST 4u
#define OPTION_OF_STAT 8u
#define OPTION_OF_HASH 16u
#define OPTION_OF_ALL (~0u)

/* The protocols that an option means something to, as a set. */
#define OPTION_OVER_TFTP 1u
#define OPTION_OVER_WHERRY 2u
#define OPTION_OVER_ANY 3u

struct option_row {
    const char *name;
    char letter; /* 0: none */
    enum option_kind kind;
    size_t offset; /* in struct client_settings */
    uint64_t lowest;
    uint64_t highest;
    unsigned commands;
    unsigned protocols;
    const char *value; /* what stands for it in --help; NULL for flags */
    const char *help;
};

extern const struct option_row option_rows[];
extern const size_t option_row_count;

void option_settings_init(struct client_settings *ret);
/* Reads argv[1] onwards; options may stand before and after operands, `--` ends them. operands has
 * room for argc pointers; they stay argv's. *ret_given is the set of rows seen (bit i for row i).
 * False: why says what is wrong and what is allowed. */
bool option_parse(int argc, char **argv, struct client_settings *ret, char **operands,
                  size_t *ret_count, uint32_t *ret_given, char why[OPTION_WHY_BYTES]);
/* False: one of the given options does not belong to the command, or two exclude each other. */
bool option_check(const struct client_settings *s, uint32_t given, unsigned command,
                  const char *command_name, char why[OPTION_WHY_BYTES]);
/* False: one of the given options means nothing to URLs of this protocol. */
bool option_check_url(uint32_t given, enum url_scheme scheme, char why[OPTION_WHY_BYTES]);
/* The rows that belong to one of these commands, one line or two each. */
void option_print_help(FILE *out, unsigned commands);

#endif
