/* SPDX-License-Identifier: BSD-2-Clause */
/* server/import_plan.h: what is carried over from another server's settings, and what is not.
 *
 * The values go through the same table as those of a configuration file and are printed from there,
 * so that what is printed can be read back. Texts of the old file are quoted wherever they are
 * shown. The first failure of memory stays, and import_plan_print() tells it. */
#ifndef SERVER_IMPORT_PLAN_H
#define SERVER_IMPORT_PLAN_H

#include <stdbool.h>
#include <stdio.h>

#include <wherry/res.h>

struct import_plan;

/* A setting of the old file, for messages and comments. */
struct import_at {
    unsigned line;
    const char *name;  /* "TFTP_OPTIONS --umask" */
    const char *value; /* NULL: it has none */
};

/* Complaints go to `complaints` at once, each beginning with the path. */
enum res import_plan_new(struct import_plan **ret, const char *path, FILE *complaints);
void import_plan_free(struct import_plan *p); /* takes NULL */

/* This key gets this value; a list grows by it. False: it is not allowed, which was told as
 * import_plan_miss() does. */
bool import_plan_carry(struct import_plan *p, const struct import_at *at, const char *key,
                       const char *value);
/* The setting cannot be carried over: why, and what to do instead. */
void import_plan_miss(struct import_plan *p, const struct import_at *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Nothing has to be done for the setting (or, without one, something is worth a comment). */
void import_plan_remark(struct import_plan *p, const struct import_at *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The file cannot be understood here; nothing will be printed. Line 0: none in particular. */
void import_plan_broken(struct import_plan *p, unsigned line, const char *why, enum res r);

/* Prints the configuration, unless the file was broken. RES_OK, RES_UNSUPPORTED: settings were
 * missed; or the first failure. */
enum res import_plan_print(const struct import_plan *p, FILE *to);

#endif
