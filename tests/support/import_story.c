/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/import_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/config.h"
#include "support/scratch.h"

/* Of the last import. */
static char *printed;
static char *complaints;

static void forget(void)
{
    free(printed);
    free(complaints);
    printed = NULL;
    complaints = NULL;
}

int import_setup(void **state)
{
    return scratch_setup(state);
}

int import_teardown(void **state)
{
    forget();
    return scratch_teardown(state);
}

/* No controls, and nothing from there on. */
static void expect_no_controls(unsigned beyond)
{
    const char *const texts[] = {printed, complaints};

    for (size_t i = 0; i < 2; i++) {
        for (const char *at = texts[i]; *at != '\0'; at++) {
            assert_true(*at == '\n' || ((uint8_t)*at >= ' ' && (uint8_t)*at < beyond));
            assert_int_not_equal(*at, 0x7f);
        }
    }
}

/* What was printed is a configuration. */
static void read_back(void)
{
    static char *const argv[] = {"wherryd", "--check", "--config", "new", NULL};
    struct config *config = NULL;
    struct config_wish wish;
    char why[CONFIG_WHY] = "";
    enum res r;

    scratch_file("new", printed);
    r = config_read(4, argv, &config, &wish, why, sizeof(why));
    if (r != RES_OK) {
        fail_msg("not a configuration: %s\n%s", why, printed);
    }
    config_free(config);
}

static enum res import(enum import_kind kind, const void *bytes, size_t len)
{
    FILE *old = fopen("old", "w");
    size_t sizes[2];
    FILE *to;
    FILE *say;
    enum res r;

    assert_non_null(old);
    assert_int_equal(fwrite(bytes, 1, len, old), len);
    assert_int_equal(fclose(old), 0);
    forget();
    to = open_memstream(&printed, &sizes[0]);
    say = open_memstream(&complaints, &sizes[1]);
    assert_non_null(to);
    assert_non_null(say);
    r = import_print(kind, "old", to, say);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(fclose(say), 0);
    read_back();
    return r;
}

void import_bytes_give(enum import_kind kind, const void *bytes, size_t len, enum res r)
{
    assert_int_equal(import(kind, bytes, len), r);
}

void import_any(enum import_kind kind, const char *text)
{
    import(kind, text, strlen(text));
    expect_no_controls(0x100);
}

void import_gives(enum import_kind kind, const char *text, enum res r)
{
    import_bytes_give(kind, text, strlen(text), r);
}

/* The line of the text that begins with this; whole: and has nothing more. */
static const char *find(const char *text, const char *begin, bool whole)
{
    size_t len = strlen(begin);

    for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
        if (strncmp(text, begin, len) == 0 && (!whole || text[len] == '\n')) {
            return text;
        }
    }
    return NULL;
}

void import_has(const char *line)
{
    if (find(printed, line, true) == NULL) {
        fail_msg("no line %s in\n%s", line, printed);
    }
}

void import_lacks(const char *begin)
{
    if (find(printed, begin, false) != NULL) {
        fail_msg("a line begins with %s in\n%s", begin, printed);
    }
}

void import_has_below(const char *comment, const char *line)
{
    const char *at = find(printed, comment, true);

    if (at != NULL) {
        at += strlen(comment) + 1;
    }
    if (at == NULL || find(at, line, true) != at) {
        fail_msg("no line %s below %s in\n%s", line, comment, printed);
    }
}

void import_misses(const char *begin, const char *part)
{
    char start[512];
    const char *at;

    snprintf(start, sizeof(start), "old:%s", begin);
    at = find(complaints, start, false);
    if (at == NULL || memmem(at, strcspn(at, "\n"), part, strlen(part)) == NULL) {
        fail_msg("no complaint %s ... %s in\n%s", start, part, complaints);
    }
}

void import_complaints(size_t count)
{
    size_t lines = 0;

    for (const char *at = complaints; *at != '\0'; at++) {
        lines += *at == '\n';
    }
    if (lines != count) {
        fail_msg("%zu complaints, not %zu:\n%s", lines, count, complaints);
    }
}

void import_is_printable(void)
{
    expect_no_controls(0x7f);
}
