/* SPDX-License-Identifier: BSD-2-Clause */
/* base/hex.h: bytes as hexadecimal digits, two a byte, in lower case. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes 2 * len digits and a NUL; returns where the NUL is. */
char *hex_print(const uint8_t *bytes, size_t len, char *to);
/* Reads 2 * len digits, which nothing needs to end. False: something else is among them; ret may be
 * half written. Text that ends too early is found out by its NUL. */
bool hex_parse(const char *text, size_t len, uint8_t *ret);

#endif
