/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/number.h"

#include <string.h>

struct unit {
    const char *name; /* as printed */
    uint64_t scale;
};

/* Largest first: the first that divides a value prints it. Zero is printed in BYTES or SECONDS. */
#define BYTES 4
#define SECONDS 2
static const struct unit byte_units[] = {
    {"TiB", UINT64_C(1) << 40},
    {"GiB", UINT64_C(1) << 30},
    {"MiB", UINT64_C(1) << 20},
    {"KiB", UINT64_C(1) << 10},
    {"", 1},
};

static const struct unit time_units[] = {
    {"h", 3600 * NUMBER_SECOND},
    {"m", 60 * NUMBER_SECOND},
    {"s", NUMBER_SECOND},
    {"ms", NUMBER_MILLISECOND},
    {"us", 1000},
    {"ns", 1},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

uint64_t number_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t number_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool parse_base(const uint8_t *text, size_t len, unsigned base, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)text[i] - '0'; /* huge below '0' */

        if (digit >= base || value > (UINT64_MAX - digit) / base) {
            return false;
        }
        value = value * base + digit;
    }
    if (len == 0) {
        return false;
    }
    *ret = value;
    return true;
}

static bool store_in_range(uint64_t value, uint64_t lowest, uint64_t highest, uint64_t *ret)
{
    if (value < lowest || value > highest) {
        return false;
    }
    *ret = value;
    return true;
}

/* A number in front of a unit; sets *unit to what follows the digits. */
static bool parse_leading(const char *text, const char **unit, uint64_t *ret)
{
    size_t len = strspn(text, "0123456789");

    *unit = text + len;
    return parse_base((const uint8_t *)text, len, 10, ret);
}

static bool scale_in_range(uint64_t value, uint64_t scale, uint64_t lowest, uint64_t highest,
                           uint64_t *ret)
{
    return value <= UINT64_MAX / scale && store_in_range(value * scale, lowest, highest, ret);
}

bool number_parse_digits(const uint8_t *text, size_t len, uint64_t *ret)
{
    return parse_base(text, len, 10, ret);
}

bool number_parse(const char *text, uint64_t lowest, uint64_t highest, uint64_t *ret)
{
    uint64_t value;

    return parse_base((const uint8_t *)text, strlen(text), 10, &value) &&
           store_in_range(value, lowest, highest, ret);
}

bool number_parse_octal(const char *text, uint64_t lowest, uint64_t highest, uint64_t *ret)
{
    uint64_t value;

    return parse_base((const uint8_t *)text, strlen(text), 8, &value) &&
           store_in_range(value, lowest, highest, ret);
}

/* "M", "MB" and "MiB" name the unit "MiB". */
static bool is_byte_unit(const char *text, const char *name)
{
    if (text[0] != name[0] || text[0] == '\0') {
        return text[0] == name[0];
    }
    return text[1] == '\0' || strcmp(text + 1, "B") == 0 || strcmp(text + 1, "iB") == 0;
}

bool number_parse_bytes(const char *text, uint64_t lowest, uint64_t highest, uint64_t *ret)
{
    const char *unit;
    uint64_t value;

    if (!parse_leading(text, &unit, &value)) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(byte_units); i++) {
        if (is_byte_unit(unit, byte_units[i].name)) {
            return scale_in_range(value, byte_units[i].scale, lowest, highest, ret);
        }
    }
    return false;
}

bool number_parse_time(const char *text, uint64_t lowest_ns, uint64_t highest_ns, uint64_t *ret_ns)
{
    const char *unit;
    uint64_t value;

    if (!parse_leading(text, &unit, &value)) {
        return false;
    }
    if (unit[0] == '\0') {
        unit = "s";
    }
    for (size_t i = 0; i < COUNT_OF(time_units); i++) {
        if (strcmp(unit, time_units[i].name) == 0) {
            return scale_in_range(value, time_units[i].scale, lowest_ns, highest_ns, ret_ns);
        }
    }
    return false;
}

size_t number_print_digits(uint64_t value, char *buf)
{
    char reversed[NUMBER_TEXT_BYTES];
    size_t len = 0;

    do {
        reversed[len++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < len; i++) {
        buf[i] = reversed[len - 1 - i];
    }
    buf[len] = '\0';
    return len;
}

/* In the largest unit that says it exactly; the last one is 1 and does. */
static char *print_units(uint64_t value, const struct unit *unit, char *buf)
{
    size_t len;

    while (value % unit->scale != 0) {
        unit++;
    }
    len = number_print_digits(value / unit->scale, buf);
    memcpy(buf + len, unit->name, strlen(unit->name) + 1);
    return buf;
}

char *number_print_bytes(uint64_t bytes, char *buf)
{
    return print_units(bytes, bytes == 0 ? &byte_units[BYTES] : byte_units, buf);
}

char *number_print_time(uint64_t ns, char *buf)
{
    return print_units(ns, ns == 0 ? &time_units[SECONDS] : time_units, buf);
}
