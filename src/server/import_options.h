/* SPDX-License-Identifier: BSD-2-Clause */
/* server/import_options.h: the command line of another server, that stands in a variable.
 *
 * getopt_long() reads it, as it does in those servers, so that clusters (-vvs), joined values
 * (-B512 and --user=x), shortened names and operands in between mean the same. The start scripts
 * let the shell split the variable: words end at blanks, and no quotes hold them together. */
#ifndef SERVER_IMPORT_OPTIONS_H
#define SERVER_IMPORT_OPTIONS_H

#include <stddef.h>

#include <wherry/res.h>

#include "server/import_plan.h"

struct import_options;

/* One option of the server. */
struct import_option {
    const char *name;
    char letter;  /* 0: none */
    int argument; /* no_argument, required_argument, optional_argument */
    /* What becomes of it; arg is NULL if it has none. */
    void (*take)(const struct import_options *run, const struct import_at *at, const char *arg);
    const char *say; /* for `take`: the text, or the key */
};

struct import_options {
    struct import_plan *plan;
    const struct import_option *rows;
    size_t count;
    void (*operand)(const struct import_options *run, const struct import_at *at, const char *word);
    void *arg;                       /* for the functions of the rows */
    const struct import_option *row; /* the one that is taken now */
};

/* Calls what belongs to each word of at->value, which is written over. An option that does not
 * exist or lacks its value is missed in the plan. Not safe in two threads at once (getopt). */
enum res import_options_run(struct import_options *run, unsigned line, const char *variable,
                            char *value);

/* For the rows. Nothing has to be done, and say tells why. */
void import_option_remark(const struct import_options *run, const struct import_at *at,
                          const char *arg);
/* It cannot be carried over, and say tells why and what to do. */
void import_option_miss(const struct import_options *run, const struct import_at *at,
                        const char *arg);
/* The key `say` gets the argument. */
void import_option_carry(const struct import_options *run, const struct import_at *at,
                         const char *arg);
/* The TFTP option `say` is refused. */
void import_option_refuse(const struct import_options *run, const struct import_at *at,
                          const char *arg);

#endif
