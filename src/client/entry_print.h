/* SPDX-License-Identifier: BSD-2-Clause */
/* client/entry_print.h: one entry of a listing, as people, programs and scripts read it. Times are
 * local ones. */
#ifndef CLIENT_ENTRY_PRINT_H
#define CLIENT_ENTRY_PRINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <wherry/message.h>

#define ENTRY_TIME_BYTES 48

/* "file", "directory". */
const char *entry_kind_word(enum wherry_kind kind);
/* "2026-11-21 12:18:16.123456789 +0100". Returns buf. */
char *entry_print_time_exact(uint64_t since_1970_ns, char buf[ENTRY_TIME_BYTES]);

/* "-      8123904 2026-11-21 12:18 zImage", "d            - 2026-11-21 12:18 boot/": no byte of the
 * name reaches a terminal that could command it. */
void entry_print_row(FILE *to, const struct wherry_message_entry *e);
/* The name alone; bare: its bytes as they are. */
void entry_print_name(FILE *to, const struct wherry_message_entry *e, bool bare);
/* A JSON object; url NULL: without it. */
void entry_print_object(FILE *to, const struct wherry_message_entry *e, const char *url);

#endif
