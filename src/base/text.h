/* SPDX-License-Identifier: BSD-2-Clause */
/* base/text.h: untrusted text made safe to print, and compared. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes len bytes so that they can stand between double quotes in a log line or on a terminal:
 * printable ASCII as it is, valid UTF-8 of printable characters as it is, `"` and `\` behind a
 * backslash, all else as \xNN. Cut with "..." when it does not fit. Always ends with NUL, cap is
 * at least 8. Returns buf. */
char *text_quote(const uint8_t *bytes, size_t len, char *buf, size_t cap);

/* The character of UTF-8 that begins here (RFC 3629: no surrogates, nothing longer than needed,
 * nothing above U+10FFFF): how many bytes it has, of len, which is at least 1; 0: there is none. In
 * any locale. */
size_t text_character(const uint8_t *bytes, size_t len, uint32_t *ret);
/* Whether a terminal or a log viewer shows it: no controls, no marks of direction, nothing that is
 * invisible. */
bool text_is_printable(uint32_t c);

/* Whether the bytes are this word, in any case of the letters A to Z (in any locale). */
bool text_is_word(const uint8_t *bytes, size_t len, const char *word);

#endif
