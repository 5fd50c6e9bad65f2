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

/* One comment of the output; those of a key stand above its line, in the order of the old file. */
struct comment {
    const struct option_row *row; /* NULL: at the top */
    char *text;
};

struct import_plan {
    char path[PATH_MAX]; /* quoted */
    FILE *complaints;
    struct config *config;
    struct comment *comments;
    size_t count;
    size_t cap;
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
    free(p->comments);
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

static void keep_comment(struct import_plan *p, const struct option_row *row,
                         const struct import_at *at, const char *say)
{
    char setting[SETTING_BYTES] = "";
    char *text;

    if (p->count == p->cap) {
        size_t cap = p->cap == 0 ? 16 : 2 * p->cap;
        struct comment *grown = realloc(p->comments, cap * sizeof(*grown));

        if (grown == NULL) {
            p->broken = RES_NO_MEMORY;
            return;
        }
        p->comments = grown;
        p->cap = cap;
    }
    if (at != NULL) {
        show_setting(at, setting, sizeof(setting));
    }
    if (asprintf(&text, "%s%s%s", setting, at != NULL && say[0] != '\0' ? ": " : "", say) < 0) {
        p->broken = RES_NO_MEMORY;
        return;
    }
    p->comments[p->count] = (struct comment){row, text};
    p->count++;
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

bool import_plan_carry(struct import_plan *p, const struct import_at *at, const char *key,
                       const char *value)
{
    const struct option_row *row = find_row(key);
    char why[OPTION_VALUE_WHY] = "characters that do not print: rename what it stands for";
    enum res r = RES_PROTOCOL;

    if (is_printable(p, value)) {
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

/* The line of a key with the comments of what it comes from: of all values of a list, of the last
 * one of others. */
static void print_row(const struct import_plan *p, const struct option_row *row, FILE *to)
{
    const struct comment *last = NULL;

    for (size_t i = 0; i < p->count; i++) {
        if (p->comments[i].row != row) {
            continue;
        }
        last = &p->comments[i];
        if (option_is_list(row)) {
            fprintf(to, "# %s\n", last->text);
        }
    }
    if (last == NULL) {
        return;
    }
    if (!option_is_list(row)) {
        fprintf(to, "# %s\n", last->text);
    }
    option_value_print(row, p->config, to);
    putc('\n', to);
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
    putc('\n', to);
    for (size_t i = 0; i < count; i++) {
        print_row(p, &rows[i], to);
    }
    return p->missed ? RES_UNSUPPORTED : RES_OK;
}
