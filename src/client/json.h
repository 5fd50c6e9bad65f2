/* SPDX-License-Identifier: BSD-2-Clause */
/* client/json.h: one object a line, as --json prints it (RFC 8259). Names are bytes, JSON is UTF-8:
 * what is no UTF-8 becomes U+FFFD in "name", and then "name_base64" has the bytes. */
#ifndef CLIENT_JSON_H
#define CLIENT_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <wherry/packet.h>

struct json {
    FILE *to;
    bool first; /* no member yet */
};

void json_begin(struct json *j, FILE *to);
void json_text(struct json *j, const char *key, const char *text);
/* key, and key_base64 if the bytes are no UTF-8. */
void json_bytes(struct json *j, const char *key, struct wherry_view bytes);
void json_number(struct json *j, const char *key, uint64_t number);
/* RFC 3339, in UTC with nanoseconds. */
void json_time(struct json *j, const char *key, uint64_t since_1970_ns);
void json_hex(struct json *j, const char *key, struct wherry_view bytes);
void json_end(struct json *j); /* ends the line */

#endif
