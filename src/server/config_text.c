/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/config_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Characters that end an unquoted word. */
#define DELIMITERS " \t\r\n={}()+,"

static unsigned count_lines(const char *from, const char *to)
{
    unsigned lines = 0;

    for (; from < to; from++) {
        lines += *from == '\n';
    }
    return lines;
}

static void blank(char *from, const char *to)
{
    for (; from < to; from++) {
        if (*from != '\n') {
            *from = ' ';
        }
    }
}

/* Behind the quote that closes the string beginning here; NULL: there is none. */
static char *end_of_string(char *at)
{
    char quote = *at;

    for (at++; *at != quote; at++) {
        if (*at == '\\' && at[1] != '\0') {
            at++;
        } else if (*at == '\0') {
            return NULL;
        }
    }
    return at + 1;
}

/* The outermost brace that is open and how many are. */
struct braces {
    const char *first;
    size_t open;
};

static void count_brace(struct braces *b, const char *at)
{
    if (*at == '{') {
        b->first = b->open == 0 ? at : b->first;
        b->open++;
    } else if (*at == '}' && b->open > 0) {
        b->open--; /* one too many is found by the parser */
    }
}

const char *config_text_clean(char *text, unsigned *ret_line)
{
    struct braces braces = {0};
    bool in_word = false;
    const char *wrong = NULL;
    char *at = text;

    while (*at != '\0') {
        char *end = at + 1;

        if (*at == '"' || *at == '\'') {
            end = end_of_string(at);
            wrong = "this string is never closed";
            in_word = false;
        } else if (*at == '#' || (!in_word && strncmp(at, "//", 2) == 0)) {
            end = at + strcspn(at, "\n");
            blank(at, end);
            in_word = false;
        } else if (!in_word && strncmp(at, "/*", 2) == 0) {
            char *close = strstr(at + 2, "*/");

            end = close != NULL ? close + 2 : NULL;
            wrong = "this comment is never closed";
            blank(at, end != NULL ? end : at);
        } else {
            in_word = strchr(DELIMITERS, *at) == NULL;
            count_brace(&braces, at);
        }
        if (end == NULL) {
            *ret_line = 1 + count_lines(text, at);
            return wrong;
        }
        at = end;
    }
    if (braces.open > 0) {
        *ret_line = 1 + count_lines(text, braces.first);
        return "this brace is never closed";
    }
    return NULL;
}
