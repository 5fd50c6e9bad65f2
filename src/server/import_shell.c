/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/import_shell.h"

#include <stddef.h>
#include <string.h>

#define NAME_FIRST "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define NAME_CHARS NAME_FIRST "0123456789"

static const char worked_out[] =
    "a value that a shell would have to work out ($ or `): write it out, or put it in single "
    "quotes if it is meant as it stands";
static const char never_closed[] = "this quote is never closed";
static const char no_assignment[] = "only lines of NAME=value are understood, and no commands";

static bool fail(struct import_shell *s, unsigned line, const char *wrong)
{
    s->line = line;
    s->wrong = wrong;
    return false;
}

/* To the next word, over blanks, ends of commands, continued lines and comments. A comment begins
 * where a word could. */
static void skip_blanks(struct import_shell *s)
{
    for (;;) {
        if (*s->at == ' ' || *s->at == '\t') {
            s->at++;
        } else if (*s->at == '\n' || *s->at == ';') {
            s->line += *s->at == '\n';
            s->at++;
            s->exporting = false;
        } else if (s->at[0] == '\\' && s->at[1] == '\n') {
            s->line++;
            s->at += 2;
        } else if (*s->at == '#') {
            s->at += strcspn(s->at, "\n");
        } else {
            return;
        }
    }
}

/* Copies to *to what stands between single quotes; at is on the first one. */
static bool copy_single(struct import_shell *s, char **to)
{
    unsigned begin = s->line;

    for (s->at++; *s->at != '\''; s->at++) {
        if (*s->at == '\0') {
            return fail(s, begin, never_closed);
        }
        s->line += *s->at == '\n';
        *(*to)++ = *s->at;
    }
    s->at++;
    return true;
}

static bool copy_double(struct import_shell *s, char **to)
{
    unsigned begin = s->line;

    for (s->at++; *s->at != '"'; s->at++) {
        if (*s->at == '\0') {
            return fail(s, begin, never_closed);
        }
        if (*s->at == '$' || *s->at == '`') {
            return fail(s, s->line, worked_out);
        }
        if (*s->at == '\\' && s->at[1] != '\0' && strchr("$`\"\\\n", s->at[1]) != NULL) {
            s->at++;
            if (*s->at == '\n') {
                s->line++;
                continue;
            }
        }
        s->line += *s->at == '\n';
        *(*to)++ = *s->at;
    }
    s->at++;
    return true;
}

/* The value that begins at s->at is written over itself without its quotes, *ret_end behind it. */
static bool copy_value(struct import_shell *s, char **ret_end)
{
    char *to = s->at;

    if (*s->at == '~') {
        return fail(s, s->line, "~ stands for a directory that a shell looks up: write it out");
    }
    while (*s->at != '\0' && strchr(" \t\n;", *s->at) == NULL) {
        if (*s->at == '\'' || *s->at == '"') {
            if (!(*s->at == '"' ? copy_double(s, &to) : copy_single(s, &to))) {
                return false;
            }
        } else if (*s->at == '$' || *s->at == '`') {
            return fail(s, s->line, worked_out);
        } else if (strchr("&|<>()", *s->at) != NULL) {
            return fail(s, s->line, no_assignment);
        } else if (s->at[0] == '\\' && s->at[1] == '\n') {
            s->line++;
            s->at += 2;
        } else {
            if (s->at[0] == '\\' && s->at[1] != '\0') {
                s->at++;
            }
            *to++ = *s->at++;
        }
    }
    *ret_end = to;
    return true;
}

/* To the next `NAME=`, whose length without the `=` it returns; 0: there is none. */
static size_t find_assignment(struct import_shell *s)
{
    static const char export[] = "export";

    for (;;) {
        size_t len;

        skip_blanks(s);
        len = strspn(s->at, NAME_FIRST) == 0 ? 0 : strspn(s->at, NAME_CHARS);
        if (len > 0 && s->at[len] == '=') {
            return len;
        }
        if (*s->at == '\0') {
            return 0;
        }
        if (len == 0 || strchr(" \t\n;", s->at[len]) == NULL) {
            s->wrong = no_assignment;
            return 0;
        }
        if (len == sizeof(export) - 1 && memcmp(s->at, export, len) == 0) {
            s->exporting = true;
        } else if (!s->exporting) { /* else a name that is exported, and keeps its value */
            s->wrong = no_assignment;
            return 0;
        }
        s->at += len;
    }
}

bool import_shell_next(struct import_shell *s, struct import_assignment *ret)
{
    struct import_assignment a;
    char *end;
    size_t len = find_assignment(s);

    if (len == 0) {
        return false;
    }
    a.name = s->at;
    a.line = s->line;
    s->at[len] = '\0';
    s->at += len + 1;
    a.value = s->at;
    if (!copy_value(s, &end)) {
        return false;
    }
    /* What ends the value may be where its NUL goes. */
    if (*s->at != '\0') {
        s->exporting = s->exporting && *s->at != '\n' && *s->at != ';';
        s->line += *s->at == '\n';
        s->at++;
    }
    *end = '\0';
    *ret = a;
    return true;
}
