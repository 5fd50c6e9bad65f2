/* SPDX-License-Identifier: BSD-2-Clause */
/* server/option_value.h: the values of options, from text and back, by the kind of their row. */
#ifndef SERVER_OPTION_VALUE_H
#define SERVER_OPTION_VALUE_H

#include <stddef.h>
#include <stdio.h>

#include <wherry/res.h>

#include "server/config.h"
#include "server/option_rows.h"

#define OPTION_VALUE_WHY 512 /* room enough for every message */

/* Stores one value; a list grows by it. RES_PROTOCOL: it is not allowed, and why says what is:
 * `"70000" is not a number from 1 to 32767`; RES_NO_MEMORY. */
enum res option_value_set(const struct option_row *row, struct config *c, const char *text,
                          char *why, size_t cap);
/* Stores the default; for row->preset is one. */
enum res option_value_preset(const struct option_row *row, struct config *c, char *why, size_t cap);
/* Empties a list. Other kinds stay as they are. */
void option_value_clear(const struct option_row *row, struct config *c);
/* What is allowed: "a number from 1 to 32767", "one of none, create, replace". Returns buf. */
char *option_value_allowed(const struct option_row *row, char *buf, size_t cap);
/* Between double quotes, as a configuration file reads it back. */
void option_value_quote(const char *text, FILE *to);
/* The setting as a line of the configuration file. */
void option_value_print(const struct option_row *row, const struct config *c, FILE *to);

#endif
