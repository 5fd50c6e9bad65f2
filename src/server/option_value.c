/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/option_value.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <wherry/options.h>
#include <wherry/packet.h>

#include "base/number.h"
#include "base/text.h"
#include "net/addr.h"

#define QUOTED_BYTES 200
#define ALL_MODE_BITS 0777u

/* Numbers, words and sets are stored as unsigned integers of the field's size; an enum without
 * negative values is one. */
static void store(const struct option_row *row, struct config *c, uint64_t value)
{
    void *at = (char *)c + row->offset;
    uint8_t v8 = (uint8_t)value;
    uint16_t v16 = (uint16_t)value;
    uint32_t v32 = (uint32_t)value;

    switch (row->size) {
    case sizeof(v8):
        memcpy(at, &v8, sizeof(v8));
        break;
    case sizeof(v16):
        memcpy(at, &v16, sizeof(v16));
        break;
    case sizeof(v32):
        memcpy(at, &v32, sizeof(v32));
        break;
    default:
        memcpy(at, &value, sizeof(value));
        break;
    }
}

static uint64_t load(const struct option_row *row, const struct config *c)
{
    const void *at = (const char *)c + row->offset;
    uint8_t v8;
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;

    switch (row->size) {
    case sizeof(v8):
        memcpy(&v8, at, sizeof(v8));
        return v8;
    case sizeof(v16):
        memcpy(&v16, at, sizeof(v16));
        return v16;
    case sizeof(v32):
        memcpy(&v32, at, sizeof(v32));
        return v32;
    default:
        memcpy(&v64, at, sizeof(v64));
        return v64;
    }
}

static enum res set_text(const struct option_row *row, struct config *c, const char *text)
{
    char **at = (char **)(void *)((char *)c + row->offset);
    char *copy;

    if (text[0] == '\0') {
        return RES_PROTOCOL;
    }
    copy = strdup(text);
    if (copy == NULL) {
        return RES_NO_MEMORY;
    }
    free(*at);
    *at = copy;
    return RES_OK;
}

static bool find_word(const struct option_row *row, const char *text, size_t len, unsigned *ret)
{
    for (unsigned i = (unsigned)row->lowest; i <= row->highest; i++) {
        const char *word = row->word(i);

        if (strlen(word) == len && memcmp(word, text, len) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static enum res set_word(const struct option_row *row, struct config *c, const char *text)
{
    unsigned number;

    if (!find_word(row, text, strlen(text), &number)) {
        return RES_PROTOCOL;
    }
    store(row, c, number);
    return RES_OK;
}

static enum res set_blksize(const struct option_row *row, struct config *c, const char *text)
{
    uint64_t value = row->highest;
    bool mtu = strcmp(text, "mtu") == 0;

    if (!mtu && !number_parse(text, row->lowest, row->highest, &value)) {
        return RES_PROTOCOL;
    }
    c->blksize_max = (uint16_t)value;
    c->blksize_mtu = mtu;
    return RES_OK;
}

/* "tsize,windowsize", spaces around the words allowed; "" adds nothing. */
static enum res set_set(const struct option_row *row, struct config *c, const char *text)
{
    uint64_t set = load(row, c);

    if (text[strspn(text, " ")] == '\0') {
        return RES_OK;
    }
    for (;;) {
        unsigned number;
        size_t len;

        text += strspn(text, " ");
        len = strcspn(text, " ,");
        if (!find_word(row, text, len, &number)) {
            return RES_PROTOCOL;
        }
        set |= UINT64_C(1) << number;
        text += len;
        text += strspn(text, " ");
        if (*text == '\0') {
            break;
        }
        if (*text != ',') {
            return RES_PROTOCOL;
        }
        text++;
    }
    store(row, c, set);
    return RES_OK;
}

/* Room for one more in both arrays. */
static enum res grow_endpoints(struct config *c)
{
    size_t count = c->endpoint_count + 1;
    struct endpoint *endpoints = realloc(c->endpoints, count * sizeof(*endpoints));
    char **urls;

    if (endpoints == NULL) {
        return RES_NO_MEMORY;
    }
    c->endpoints = endpoints;
    urls = realloc(c->endpoint_urls, count * sizeof(*urls));
    if (urls == NULL) {
        return RES_NO_MEMORY;
    }
    c->endpoint_urls = urls;
    return RES_OK;
}

static const struct endpoint *find_endpoint(const struct config *c, const char *url)
{
    for (size_t i = 0; c != NULL && i < c->endpoint_count; i++) {
        if (strcmp(c->endpoint_urls[i], url) == 0) {
            return &c->endpoints[i];
        }
    }
    return NULL;
}

static enum res add_endpoint(struct config *c, const char *url, char *why, size_t cap)
{
    const struct endpoint *known = find_endpoint(c->known, url);
    struct endpoint endpoint;

    if (known != NULL) {
        endpoint = *known;
    } else if (endpoint_parse(url, &endpoint, why, cap) != RES_OK) {
        return RES_PROTOCOL;
    }
    if (grow_endpoints(c) != RES_OK) {
        return RES_NO_MEMORY;
    }
    c->endpoints[c->endpoint_count] = endpoint;
    if (asprintf(&c->endpoint_urls[c->endpoint_count], "%s", url) < 0) {
        return RES_NO_MEMORY;
    }
    c->endpoint_count++;
    return RES_OK;
}

static enum res set_count(const struct option_row *row, struct config *c, const char *text)
{
    uint64_t value = 0;

    if (strcmp(text, "auto") != 0 && !number_parse(text, row->lowest, row->highest, &value)) {
        return RES_PROTOCOL;
    }
    store(row, c, value);
    return RES_OK;
}

static enum res set_number(const struct option_row *row, struct config *c, const char *text)
{
    uint64_t value;
    bool ok;

    switch (row->kind) {
    case OPTION_BYTES:
        ok = number_parse_bytes(text, row->lowest, row->highest, &value);
        break;
    case OPTION_TIME:
        ok = number_parse_time(text, row->lowest, row->highest, &value);
        break;
    case OPTION_MODE:
        ok = number_parse_octal(text, row->lowest, row->highest, &value) &&
             (value & ~row->highest) == 0;
        break;
    default:
        ok = number_parse(text, row->lowest, row->highest, &value);
        break;
    }
    if (!ok) {
        return RES_PROTOCOL;
    }
    store(row, c, value);
    return RES_OK;
}

static enum res set_by_kind(const struct option_row *row, struct config *c, const char *text)
{
    switch (row->kind) {
    case OPTION_TEXT:
    case OPTION_FILE:
        return set_text(row, c, text);
    case OPTION_WORD:
        return set_word(row, c, text);
    case OPTION_COUNT:
        return set_count(row, c, text);
    case OPTION_BLKSIZE:
        return set_blksize(row, c, text);
    case OPTION_SET:
        return set_set(row, c, text);
    default:
        return set_number(row, c, text);
    }
}

/* Of a mode: those that are too many. */
static void name_bits(const struct option_row *row, const char *text, char *to, size_t cap)
{
    uint64_t value;

    if (row->kind == OPTION_MODE && row->highest != ALL_MODE_BITS &&
        number_parse_octal(text, 0, 07777, &value)) {
        snprintf(to, cap, ": %04" PRIo64 " is too much", value & ~row->highest);
    }
}

enum res option_value_set(const struct option_row *row, struct config *c, const char *text,
                          char *why, size_t cap)
{
    char allowed[OPTION_VALUE_WHY];
    char quoted[QUOTED_BYTES];
    enum res r;

    if (row->kind == OPTION_ENDPOINTS) {
        r = add_endpoint(c, text, why, cap);
    } else {
        r = set_by_kind(row, c, text);
        if (r == RES_PROTOCOL) {
            size_t len = (size_t)snprintf(
                why, cap, "\"%s\" is not %s",
                text_quote((const uint8_t *)text, strlen(text), quoted, sizeof(quoted)),
                option_value_allowed(row, allowed, sizeof(allowed)));

            name_bits(row, text, why + (len < cap ? len : cap), len < cap ? cap - len : 0);
        }
    }
    if (r == RES_NO_MEMORY) {
        snprintf(why, cap, "out of memory");
    }
    return r;
}

enum res option_value_preset(const struct option_row *row, struct config *c, char *why, size_t cap)
{
    char *words;
    char *rest = NULL;
    enum res r = RES_OK;

    if (row->kind != OPTION_ENDPOINTS) {
        return option_value_set(row, c, row->preset, why, cap);
    }
    words = strdup(row->preset);
    if (words == NULL) {
        snprintf(why, cap, "out of memory");
        return RES_NO_MEMORY;
    }
    for (char *url = strtok_r(words, " ", &rest); url != NULL && r == RES_OK;
         url = strtok_r(NULL, " ", &rest)) {
        r = option_value_set(row, c, url, why, cap);
    }
    free(words);
    return r;
}

void option_value_clear(const struct option_row *row, struct config *c)
{
    if (row->kind == OPTION_SET) {
        store(row, c, 0);
    } else if (row->kind == OPTION_ENDPOINTS) {
        for (size_t i = 0; i < c->endpoint_count; i++) {
            free(c->endpoint_urls[i]);
        }
        c->endpoint_count = 0;
        c->endpoints_preset = false;
    }
}

static void list_words(const struct option_row *row, char *buf, size_t cap)
{
    size_t len = 0;

    buf[0] = '\0';
    for (unsigned i = (unsigned)row->lowest; i <= row->highest && len < cap; i++) {
        len += (size_t)snprintf(buf + len, cap - len, "%s%s", len == 0 ? "" : ", ", row->word(i));
    }
}

char *option_value_allowed(const struct option_row *row, char *buf, size_t cap)
{
    char words[OPTION_VALUE_WHY];
    char from[NUMBER_TEXT_BYTES];
    char to[NUMBER_TEXT_BYTES];

    switch (row->kind) {
    case OPTION_NUMBER:
        snprintf(buf, cap, "a number from %" PRIu64 " to %" PRIu64, row->lowest, row->highest);
        break;
    case OPTION_COUNT:
        snprintf(buf, cap, "a number from %" PRIu64 " to %" PRIu64 " or the word auto", row->lowest,
                 row->highest);
        break;
    case OPTION_BLKSIZE:
        snprintf(buf, cap, "a number from %" PRIu64 " to %" PRIu64 " or the word mtu", row->lowest,
                 row->highest);
        break;
    case OPTION_BYTES:
        snprintf(buf, cap, "a size from %s to %s, in bytes or with K, M, G or T",
                 number_print_bytes(row->lowest, from), number_print_bytes(row->highest, to));
        break;
    case OPTION_TIME:
        snprintf(buf, cap, "a time from %s to %s, in seconds or with ms, s, m or h",
                 number_print_time(row->lowest, from), number_print_time(row->highest, to));
        break;
    case OPTION_MODE:
        if (row->highest == ALL_MODE_BITS) {
            snprintf(buf, cap, "an octal mode from 0000 to %04" PRIo64, row->highest);
        } else {
            snprintf(buf, cap, "an octal mode without other bits than those of %04" PRIo64,
                     row->highest);
        }
        break;
    case OPTION_WORD:
        list_words(row, words, sizeof(words));
        snprintf(buf, cap, "one of %s", words);
        break;
    case OPTION_SET:
        list_words(row, words, sizeof(words));
        snprintf(buf, cap, "a list of %s", words);
        break;
    case OPTION_ENDPOINTS:
        snprintf(buf, cap, "tftp://ADDR:PORT or wherry://ADDR:PORT");
        break;
    default:
        snprintf(buf, cap, "a text of at least one character");
        break;
    }
    return buf;
}

/* Between double quotes as libconfuse reads them; `$` would begin a variable. */
void option_value_quote(const char *text, FILE *to)
{
    putc('"', to);
    for (; *text != '\0'; text++) {
        if (strchr("\"\\$", *text) != NULL) {
            putc('\\', to);
        }
        putc(*text, to);
    }
    putc('"', to);
}

static void print_list(const struct option_row *row, const struct config *c, FILE *to)
{
    const char *between = "";

    putc('{', to);
    if (row->kind == OPTION_ENDPOINTS) {
        for (size_t i = 0; i < c->endpoint_count; i++) {
            fputs(between, to);
            option_value_quote(c->endpoint_urls[i], to);
            between = ", ";
        }
    } else {
        uint64_t set = load(row, c);

        for (unsigned i = 0; i <= row->highest; i++) {
            if ((set & UINT64_C(1) << i) != 0) {
                fputs(between, to);
                option_value_quote(row->word(i), to);
                between = ", ";
            }
        }
    }
    putc('}', to);
}

void option_value_print(const struct option_row *row, const struct config *c, FILE *to)
{
    char text[NUMBER_TEXT_BYTES];
    const char *const *string = (const char *const *)(const void *)((const char *)c + row->offset);

    if (row->kind == OPTION_TEXT && *string == NULL) {
        fprintf(to, "# %s is not set\n", row->name);
        return;
    }
    fprintf(to, "%s = ", row->name);
    switch (row->kind) {
    case OPTION_TEXT:
    case OPTION_FILE:
        option_value_quote(*string, to);
        break;
    case OPTION_WORD:
        option_value_quote(row->word((unsigned)load(row, c)), to);
        break;
    case OPTION_BYTES:
        option_value_quote(number_print_bytes(load(row, c), text), to);
        break;
    case OPTION_TIME:
        option_value_quote(number_print_time(load(row, c), text), to);
        break;
    case OPTION_MODE:
        fprintf(to, "%04" PRIo64, load(row, c));
        break;
    case OPTION_COUNT:
        if (load(row, c) == 0) {
            fputs("auto", to);
        } else {
            fprintf(to, "%" PRIu64, load(row, c));
        }
        break;
    case OPTION_BLKSIZE:
        if (c->blksize_mtu) {
            fputs("mtu", to);
        } else {
            fprintf(to, "%" PRIu16, c->blksize_max);
        }
        break;
    case OPTION_ENDPOINTS:
    case OPTION_SET:
        print_list(row, c, to);
        break;
    default:
        fprintf(to, "%" PRIu64, load(row, c));
        break;
    }
    putc('\n', to);
}
