/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/import_plan.h"

#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/config.h"
#include "server/option_rows.h"
#include "server/option_value.h"

#define SHOWN_BYTES 400 /* of an old value in a message */
#define SETTING_BYTES (SHOWN_BYTES + 200)
#define SAY_BYTES 1024
/* More than any file that a person wrote has of one kind. What is printed must stay smaller than a
 * configuration file may be, whatever was read. */
#define COMMENTS_MAX 256
#define ENDPOINTS_MAX 256
#define LISTS 2 /* listen, refuse-options */
#define KEYS_MAX 64

/* One comment of the output; those of a key stand above its line, in the order of the old file. */
struct comment {
    const struct option_row *row; /* NULL: at the top */
    char *text;
};

struct import_plan {
    char path[PATH_MAX]; /* quoted */
    FILE *complaints;
    struct config *config;
    struct comment comments[COMMENTS_MAX * (LISTS + 1) + KEYS_MAX];
    size_t count;
    size_t remarks; /* of them at the top */
    size_t dropped; /* not kept */
    bool missed;
    enum res broken;
};

enum res import_plan_new(struct import_plan **ret, const char *path, FILE *complaints)
{
    struct import_plan *p = calloc(1, sizeof(*p));
    struct config *config = calloc(1, sizeof(*config));

    if (p == NULL || config == NULL) {
        free(p);
        free(config);
        return RES_NO_MEMORY;
    }
    text_quote((const uint8_t *)path, strlen(path), p->path, sizeof(p->path));
    p->complaints = complaints;
    p->config = config;
    *ret = p;
    return RES_OK;
}

void import_plan_free(struct import_plan *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->count; i++) {
        free(p->comments[i].text);
    }
    config_free(p->config);
    free(p);
}

/* `TFTP_OPTIONS --umask "022"`; returns buf. */
static char *show_setting(const struct import_at *at, char *buf, size_t cap)
{
    char name[SETTING_BYTES - SHOWN_BYTES - 4];
    char value[SHOWN_BYTES];

    text_quote((const uint8_t *)at->name, strlen(at->name), name, sizeof(name));
    if (at->value == NULL) {
        snprintf(buf, cap, "%s", name);
    } else {
        text_quote((const uint8_t *)at->value, strlen(at->value), value, sizeof(value));
        snprintf(buf, cap, "%s \"%s\"", name, value);
    }
    return buf;
}

/* The comment that a new one of this row takes the place of: other keys than lists have one, of the
 * value that counts. */
static struct comment *find_replaced(struct import_plan *p, const struct option_row *row)
{
    for (size_t i = 0; row != NULL && !option_is_list(row) && i < p->count; i++) {
        if (p->comments[i].row == row) {
            return &p->comments[i];
        }
    }
    return NULL;
}

/* A list is set as soon as it has a comment, so that those of keys are always kept: few, unless a
 * list repeats itself. */
static bool is_one_too_many(const struct import_plan *p, const struct option_row *row)
{
    size_t of_list = 0;

    if (row == NULL) {
        return p->remarks >= COMMENTS_MAX;
    }
    for (size_t i = 0; i < p->count; i++) {
        of_list += p->comments[i].row == row;
    }
    return of_list >= COMMENTS_MAX;
}

static void keep_comment(struct import_plan *p, const struct option_row *row,
                         const struct import_at *at, const char *say)
{
    struct comment *place = find_replaced(p, row);
    char setting[SETTING_BYTES] = "";
    char *text;

    if (place == NULL && is_one_too_many(p, row)) {
        p->dropped++;
        return;
    }
    if (at != NULL) {
        show_setting(at, setting, sizeof(setting));
    }
    if (asprintf(&text, "%s%s%s", setting, at != NULL && say[0] != '\0' ? ": " : "", say) < 0) {
        p->broken = RES_NO_MEMORY;
        return;
    }
    if (place == NULL) {
        place = &p->comments[p->count++];
        p->remarks += row == NULL;
    } else {
        free(place->text);
    }
    *place = (struct comment){row, text};
}

static const struct option_row *find_row(const char *key)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, key) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* Nothing in it that text_quote() writes in another way, but quotes and backslashes, which a
 * configuration file can hold. */
static bool is_printable(struct import_plan *p, const char *text)
{
    size_t len = strlen(text);
    size_t cap = 4 * len + 8;
    size_t expected = len;
    char *quoted = malloc(cap);
    bool printable;

    if (quoted == NULL) {
        p->broken = RES_NO_MEMORY;
        return false;
    }
    for (const char *at = text; *at != '\0'; at++) {
        expected += *at == '"' || *at == '\\';
    }
    text_quote((const uint8_t *)text, len, quoted, cap);
    printable = strlen(quoted) == expected;
    free(quoted);
    return printable;
}

/* Listened on twice, a port would be in use. */
static bool has_endpoint(const struct config *c, const char *url)
{
    for (size_t i = 0; i < c->endpoint_count; i++) {
        if (strcmp(c->endpoint_urls[i], url) == 0) {
            return true;
        }
    }
    return false;
}

bool import_plan_carry(struct import_plan *p, const struct import_at *at, const char *key,
                       const char *value)
{
    const struct option_row *row = find_row(key);
    char why[OPTION_VALUE_WHY] = "characters that do not print: rename what it stands for";
    enum res r = RES_PROTOCOL;

    if (row->kind == OPTION_ENDPOINTS && has_endpoint(p->config, value)) {
        return true;
    }
    if (row->kind == OPTION_ENDPOINTS && p->config->endpoint_count >= ENDPOINTS_MAX) {
        snprintf(why, sizeof(why), "more than %d addresses: give those that are needed",
                 ENDPOINTS_MAX);
    } else if (is_printable(p, value)) {
        r = option_value_set(row, p->config, value, why, sizeof(why));
    }
    if (r == RES_OK) {
        keep_comment(p, row, at, "");
    } else if (r == RES_NO_MEMORY) {
        p->broken = r;
    } else {
        import_plan_miss(p, at, "%s: %s", key, why);
    }
    return r == RES_OK;
}

void import_plan_miss(struct import_plan *p, const struct import_at *at, const char *format, ...)
{
    char setting[SETTING_BYTES];
    char say[SAY_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(say, sizeof(say), format, args);
    va_end(args);
    p->missed = true;
    fprintf(p->complaints, "%s:%u: %s: %s\n", p->path, at->line,
            show_setting(at, setting, sizeof(setting)), say);
    keep_comment(p, NULL, at, "not carried over");
}

void import_plan_remark(struct import_plan *p, const struct import_at *at, const char *format, ...)
{
    char say[SAY_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(say, sizeof(say), format, args);
    va_end(args);
    keep_comment(p, NULL, at, say);
}

void import_plan_broken(struct import_plan *p, unsigned line, const char *why, enum res r)
{
    p->broken = r;
    if (line != 0) {
        fprintf(p->complaints, "%s:%u: %s\n", p->path, line, why);
    } else {
        fprintf(p->complaints, "%s: %s\n", p->path, why);
    }
}

/* The line of a key, if it has a value, below the comments that tell where that comes from. */
static void print_row(const struct import_plan *p, const struct option_row *row, FILE *to)
{
    bool set = false;

    for (size_t i = 0; i < p->count; i++) {
        if (p->comments[i].row == row) {
            fprintf(to, "# %s\n", p->comments[i].text);
            set = true;
        }
    }
    if (set) {
        option_value_print(row, p->config, to);
        putc('\n', to);
    }
}

enum res import_plan_print(const struct import_plan *p, FILE *to)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);

    if (p->broken != RES_OK) {
        if (p->broken == RES_NO_MEMORY) {
            fprintf(p->complaints, "%s: out of memory\n", p->path);
        }
        return p->broken;
    }
    fprintf(to, "# The settings of %s, for wherryd.conf(5).\n", p->path);
    for (size_t i = 0; i < p->count; i++) {
        if (p->comments[i].row == NULL) {
            fprintf(to, "# %s\n", p->comments[i].text);
        }
    }
    if (p->dropped > 0) {
        fprintf(to, "# ... and %zu more.\n", p->dropped);
    }
    putc('\n', to);
    for (size_t i = 0; i < count; i++) {
        print_row(p, &rows[i], to);
    }
    return p->missed ? RES_UNSUPPORTED : RES_OK;
}
