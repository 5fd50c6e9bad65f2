/* SPDX-License-Identifier: BSD-2-Clause */
/* server/option_rows.h: every option once. The command line, the configuration file, --help,
 * --check and the test of the manuals read this table and nothing else. */
#ifndef SERVER_OPTION_ROWS_H
#define SERVER_OPTION_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_TEXT,      /* any text but none: char * */
    OPTION_NUMBER,    /* lowest to highest */
    OPTION_COUNT,     /* lowest to highest, or "auto": 0 */
    OPTION_BYTES,     /* "4MiB" */
    OPTION_TIME,      /* "10s": nanoseconds */
    OPTION_MODE,      /* "0640": octal, of the bits in highest */
    OPTION_WORD,      /* one of word(lowest) to word(highest): the number of the word */
    OPTION_BLKSIZE,   /* a number, or "mtu": blksize_max and blksize_mtu */
    OPTION_ENDPOINTS, /* list of URLs: endpoints, endpoint_urls, endpoint_count */
    OPTION_SET,       /* list of words: set of 1u << number */
    /* Only on the command line: */
    OPTION_FILE,  /* the configuration file: char * */
    OPTION_ACTION /* enum config_action, in lowest */
};

struct option_row {
    const char *name;
    char letter; /* 0: none */
    enum option_kind kind;
    size_t offset; /* in struct config */
    size_t size;
    uint64_t lowest;
    uint64_t highest;
    const char *(*word)(unsigned number);
    const char *preset;   /* the default, as a user would write it, URLs with spaces between
                             them; NULL: unset */
    const char *argument; /* its name in --help; NULL: takes none */
    const char *help;
};

const struct option_row *option_rows(size_t *ret_count);
/* Also a key of the configuration file. */
bool option_in_file(const struct option_row *row);
/* The key write, which says about uploads where no rules do. */
bool option_is_write(const struct option_row *row);
/* May be given several times. */
bool option_is_list(const struct option_row *row);

#endif
