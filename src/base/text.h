/* SPDX-License-Identifier: BSD-2-Clause */
/* base/text.h: untrusted text made safe to print. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Writes len bytes so that they can stand between double quotes in a log line or on a terminal:
 * printable ASCII as it is, valid UTF-8 of printable characters as it is, `"` and `\` behind a
 * backslash, all else as \xNN. Cut with "..." when it does not fit. Always ends with NUL, cap is
 * at least 8. Returns buf. */
char *text_quote(const uint8_t *bytes, size_t len, char *buf, size_t cap);

#endif
