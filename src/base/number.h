/* SPDX-License-Identifier: BSD-2-Clause */
/* base/number.h: numbers, sizes and times that strangers and users write. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_SECOND UINT64_C(1000000000) /* in nanoseconds */
#define NUMBER_MILLISECOND UINT64_C(1000000)

/* Decimal digits and nothing else, len of them; false on anything else, on none, on overflow. */
bool number_parse_digits(const uint8_t *text, size_t len, uint64_t *ret);
/* A whole number, decimal, in [lowest, highest]. */
bool number_parse(const char *text, uint64_t lowest, uint64_t highest, uint64_t *ret);
/* "4096", "64K", "4MiB", "1G": a plain number of bytes, or K, M, G, T of 1024 with or without
 * "iB" or "B". */
bool number_parse_bytes(const char *text, uint64_t lowest, uint64_t highest, uint64_t *ret);
/* "5s", "250ms", "2m", "1h", also "us" and "ns"; a plain number is seconds. In nanoseconds. */
bool number_parse_time(const char *text, uint64_t lowest_ns, uint64_t highest_ns, uint64_t *ret_ns);
/* "0640": octal digits. */
bool number_parse_octal(const char *text, uint64_t lowest, uint64_t highest, uint64_t *ret);

uint64_t number_min(uint64_t a, uint64_t b);
uint64_t number_max(uint64_t a, uint64_t b);

#define NUMBER_TEXT_BYTES 32
/* Decimal digits and a NUL; returns how many digits. buf of NUMBER_TEXT_BYTES. */
size_t number_print_digits(uint64_t value, char *buf);
/* For messages and --help, in the largest unit that says it exactly: "4MiB", "1536", "10s",
 * "250ms". buf of NUMBER_TEXT_BYTES; returns buf. */
char *number_print_bytes(uint64_t bytes, char *buf);
char *number_print_time(uint64_t ns, char *buf);

#endif
