/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/import_options.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\n"
#define NAME_BYTES 512
#define LONG_ONLY 256 /* above every letter */

/* What getopt_long() wants to know, made from the rows. */
struct tables {
    struct option *options;
    char *letters;
};

static void tables_clear(struct tables *t)
{
    free(t->options);
    free(t->letters);
}

static enum res tables_make(struct tables *ret, const struct import_option *rows, size_t count)
{
    struct tables t = {calloc(count + 1, sizeof(*t.options)), malloc(3 * count + 2)};
    char *to = t.letters;

    if (t.options == NULL || t.letters == NULL) {
        tables_clear(&t);
        return RES_NO_MEMORY;
    }
    *to++ = ':'; /* a missing value is told from an unknown option */
    for (size_t i = 0; i < count; i++) {
        t.options[i].name = rows[i].name;
        t.options[i].has_arg = rows[i].argument;
        t.options[i].val = LONG_ONLY + (int)i;
        if (rows[i].letter != 0) {
            *to++ = rows[i].letter;
            for (int colons = 0; colons < rows[i].argument; colons++) {
                *to++ = ':';
            }
        }
    }
    *to = '\0';
    *ret = t;
    return RES_OK;
}

/* The words of the value behind a first one that getopt_long() takes for the program's name. */
static enum res split(char *value, char ***ret, int *ret_count)
{
    size_t cap = 2 + strlen(value) / 2 + 1; /* words and the blanks between them, and NULL */
    char **words = calloc(cap, sizeof(*words));
    static char program[] = "";
    char *rest = NULL;
    int count = 0;

    if (words == NULL) {
        return RES_NO_MEMORY;
    }
    words[count++] = program;
    for (char *word = strtok_r(value, BLANKS, &rest); word != NULL;
         word = strtok_r(NULL, BLANKS, &rest)) {
        words[count++] = word;
    }
    *ret = words;
    *ret_count = count;
    return RES_OK;
}

static const struct import_option *find_row(const struct import_options *run, int val)
{
    if (val >= LONG_ONLY) {
        return &run->rows[val - LONG_ONLY];
    }
    for (size_t i = 0; i < run->count; i++) {
        if (run->rows[i].letter == val) {
            return &run->rows[i];
        }
    }
    return NULL;
}

/* What getopt_long() could not take. In a cluster such as -vx it tells the letter, else the word is
 * behind it. */
static void take_wrong(const struct import_options *run, unsigned line, const char *variable,
                       int val, const char *word)
{
    char letter[] = {'-', (char)optopt, '\0'};
    bool has_letter = optopt > 0 && optopt < LONG_ONLY;
    const struct import_at at = {line, variable, has_letter ? letter : word};

    if (val == ':') {
        import_plan_miss(run->plan, &at, "it needs a value: add one, or leave the option out");
    } else {
        import_plan_miss(run->plan, &at,
                         "that server has no such option, or it takes no value: look for a typing "
                         "error");
    }
}

static void take_options(struct import_options *run, struct import_at *at, const char *variable,
                         int count, char **words, const struct tables *t)
{
    char name[NAME_BYTES];
    int val;

    opterr = 0;
    optind = 0; /* begin anew, also within getopt_long() */
    while ((val = getopt_long(count, words, t->letters, t->options, NULL)) != -1) {
        bool wrong = val == '?' || val == ':';
        const struct import_option *row = wrong ? NULL : find_row(run, val);

        if (row == NULL) {
            take_wrong(run, at->line, variable, val, words[optind - 1]);
            continue;
        }
        snprintf(name, sizeof(name), "%s --%s", variable, row->name);
        at->name = name;
        at->value = optarg;
        run->row = row;
        row->take(run, at, optarg);
    }
    for (int i = optind; i < count; i++) {
        at->name = variable;
        at->value = words[i];
        run->operand(run, at, words[i]);
    }
}

enum res import_options_run(struct import_options *run, unsigned line, const char *variable,
                            char *value)
{
    struct import_at at = {.line = line};
    struct tables t;
    char **words;
    int count;
    enum res r = tables_make(&t, run->rows, run->count);

    if (r != RES_OK) {
        return r;
    }
    r = split(value, &words, &count);
    if (r == RES_OK) {
        take_options(run, &at, variable, count, words, &t);
        free(words);
    }
    tables_clear(&t);
    return r;
}

void import_option_remark(const struct import_options *run, const struct import_at *at,
                          const char *arg)
{
    (void)arg;
    import_plan_remark(run->plan, at, "%s", run->row->say);
}

void import_option_miss(const struct import_options *run, const struct import_at *at,
                        const char *arg)
{
    (void)arg;
    import_plan_miss(run->plan, at, "%s", run->row->say);
}

void import_option_carry(const struct import_options *run, const struct import_at *at,
                         const char *arg)
{
    import_plan_carry(run->plan, at, run->row->say, arg);
}

void import_option_refuse(const struct import_options *run, const struct import_at *at,
                          const char *arg)
{
    (void)arg;
    import_plan_carry(run->plan, at, "refuse-options", run->row->say);
}
