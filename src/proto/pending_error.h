/* SPDX-License-Identifier: BSD-2-Clause */
/* proto/pending_error.h: the ERROR that a failed transfer still owes its peer. */
#ifndef PROTO_PENDING_ERROR_H
#define PROTO_PENDING_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/packet.h>

#define PENDING_ERROR_TEXT 128 /* longer ones are cut */

/* All zero: none. Few transfers ever have one, so its text has no room in each. */
struct pending_error {
    bool due;
    enum wherry_error code;
    char *text; /* NULL: no memory for it, an ERROR without words has to do */
};

/* The text is copied. */
void pending_error_set(struct pending_error *e, enum wherry_error code, const char *text);
/* Writes it, once: its length, 0 when none is due or cap is too small. */
size_t pending_error_take(struct pending_error *e, uint8_t *buf, size_t cap);
void pending_error_free(struct pending_error *e);

#endif
