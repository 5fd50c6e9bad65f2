/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/config.h"

#include <getopt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "server/config_files.h"
#include "server/config_rules.h"
#include "server/option_rows.h"
#include "server/option_value.h"

/* getopt_long() answers this number and the row's index behind it. */
#define LONG_BASE 1000
#define QUOTED_BYTES 200

/* What the command line said, in order. It is stored after the file, which it may name. */
struct given {
    const struct option_row *row;
    const char *text;
};

struct command_line {
    struct given *given; /* room for argc of them */
    size_t count;
    struct config_wish wish;
    const char *file;
};

struct getopt_tables {
    struct option *longs;
    char *shorts;
};

static enum res make_tables(struct getopt_tables *ret)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);
    struct option *longs = calloc(count + 1, sizeof(*longs));
    char *shorts = malloc(2 * count + 3);
    char *at = shorts;

    if (longs == NULL || shorts == NULL) {
        free(longs);
        free(shorts);
        return RES_NO_MEMORY;
    }
    *at++ = '+'; /* an operand is an error where it stands */
    *at++ = ':'; /* say what is wrong, don't print it */
    for (size_t i = 0; i < count; i++) {
        longs[i].name = rows[i].name;
        longs[i].has_arg = rows[i].argument != NULL ? required_argument : no_argument;
        longs[i].val = LONG_BASE + (int)i;
        if (rows[i].letter != 0) {
            *at++ = rows[i].letter;
            if (rows[i].argument != NULL) {
                *at++ = ':';
            }
        }
    }
    *at = '\0';
    ret->longs = longs;
    ret->shorts = shorts;
    return RES_OK;
}

static const struct option_row *find_row(int answer)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);

    if (answer >= LONG_BASE && (size_t)(answer - LONG_BASE) < count) {
        return &rows[answer - LONG_BASE];
    }
    for (size_t i = 0; i < count; i++) {
        if (answer != 0 && rows[i].letter == answer) {
            return &rows[i];
        }
    }
    return NULL;
}

/* Long options that begin like this one: "--log, --log-level". */
static size_t list_similar(const char *name, size_t len, char *buf, size_t cap)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);
    size_t similar = 0;
    size_t used = 0;

    for (size_t i = 0; i < count && used < cap; i++) {
        if (len > 0 && strncmp(rows[i].name, name, len) == 0) {
            used += (size_t)snprintf(buf + used, cap - used, "%s--%s", similar == 0 ? "" : ", ",
                                     rows[i].name);
            similar++;
        }
    }
    return similar;
}

/* getopt_long() answered '?' or ':'; word is the argument it looked at. */
static void explain(int answer, const char *word, char *why, size_t cap)
{
    const struct option_row *row = find_row(optopt);
    char similar[CONFIG_WHY];
    char quoted[QUOTED_BYTES];

    text_quote((const uint8_t *)word, strlen(word), quoted, sizeof(quoted));
    if (answer == ':' && row != NULL) {
        char allowed[OPTION_VALUE_WHY];

        snprintf(why, cap, "--%s needs a value: %s", row->name,
                 option_value_allowed(row, allowed, sizeof(allowed)));
    } else if (row != NULL) {
        snprintf(why, cap, "--%s takes no value", row->name);
    } else if (strncmp(word, "--", 2) != 0) {
        char letter = (char)optopt;

        text_quote((const uint8_t *)&letter, 1, quoted, sizeof(quoted));
        snprintf(why, cap, "unknown option -%s", quoted);
    } else if (list_similar(word + 2, strcspn(word + 2, "="), similar, sizeof(similar)) > 1) {
        snprintf(why, cap, "ambiguous option \"%s\": one of %s", quoted, similar);
    } else {
        snprintf(why, cap, "unknown option \"%s\"", quoted);
    }
}

static enum res scan(struct command_line *line, int argc, char *const argv[],
                     const struct getopt_tables *tables, char *why, size_t cap)
{
    optind = 0; /* from the beginning, also when asked again */
    for (;;) {
        int before = optind > 0 ? optind : 1;
        int answer = getopt_long(argc, argv, tables->shorts, tables->longs, NULL);
        const struct option_row *row = find_row(answer);

        if (answer == -1) {
            break;
        }
        if (row == NULL || answer == '?' || answer == ':') {
            explain(answer, argv[before < argc ? before : argc - 1], why, cap);
            return RES_PROTOCOL;
        }
        if (row->kind == OPTION_FILE) {
            line->file = optarg;
        } else if (row->kind != OPTION_ACTION) {
            line->given[line->count++] = (struct given){row, optarg};
        } else if (row->lowest > line->wish.action) {
            line->wish = (struct config_wish){(enum config_action)row->lowest, optarg};
        }
    }
    if (optind < argc) {
        char quoted[QUOTED_BYTES];
        const char *word = argv[optind];

        text_quote((const uint8_t *)word, strlen(word), quoted, sizeof(quoted));
        snprintf(why, cap, "unexpected argument \"%s\": only options are allowed", quoted);
        return RES_PROTOCOL;
    }
    return RES_OK;
}

static enum res read_command_line(struct command_line *line, int argc, char *const argv[],
                                  char *why, size_t cap)
{
    struct getopt_tables tables;
    enum res r = RES_NO_MEMORY;

    line->given = calloc((size_t)argc + 1, sizeof(*line->given));
    if (line->given == NULL || make_tables(&tables) != RES_OK) {
        snprintf(why, cap, "out of memory");
        return r;
    }
    r = scan(line, argc, argv, &tables, why, cap);
    free(tables.longs);
    free(tables.shorts);
    return r;
}

static enum res store_presets(struct config *c, char *why, size_t cap)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);
    enum res r = RES_OK;

    for (size_t i = 0; i < count && r == RES_OK; i++) {
        if (rows[i].preset != NULL) {
            r = option_value_preset(&rows[i], c, why, cap);
        }
    }
    c->endpoints_preset = true;
    return r;
}

/* The first value of a list on the command line replaces what the file says; more are added. */
static bool is_first(const struct command_line *line, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (line->given[i].row == line->given[at].row) {
            return false;
        }
    }
    return true;
}

static enum res store_command_line(struct config *c, const struct command_line *line, char *why,
                                   size_t cap)
{
    char detail[CONFIG_WHY];

    for (size_t i = 0; i < line->count; i++) {
        const struct given *g = &line->given[i];
        enum res r;

        if (is_first(line, i)) {
            option_value_clear(g->row, c);
        }
        r = option_value_set(g->row, c, g->text, detail, sizeof(detail));
        if (r != RES_OK) {
            snprintf(why, cap, "--%s: %s", g->row->name, detail);
            return r;
        }
    }
    return RES_OK;
}

static bool says_write(const struct command_line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        if (option_is_write(line->given[i].row)) {
            return true;
        }
    }
    return false;
}

/* What rows cannot say one by one. */
static enum res cross_check(const struct config *c, const struct command_line *line,
                            const struct config_said *said, char *why, size_t cap)
{
    bool on_line = says_write(line);

    if (c->rules != NULL && (on_line || said->write[0] != '\0')) {
        snprintf(why, cap,
                 "%s%s%s and rules (the first at %s) exclude each other: rules say who may upload "
                 "where; leave out the one or the other",
                 on_line ? "--write" : "write (", on_line ? "" : said->write, on_line ? "" : ")",
                 said->rule);
        return RES_PROTOCOL;
    }
    if (c->endpoint_count == 0) {
        snprintf(why, cap,
                 "listen: no endpoint is left: at least one tftp://ADDR:PORT or "
                 "wherry://ADDR:PORT is needed");
        return RES_PROTOCOL;
    }
    return RES_OK;
}

static enum res read_all(int argc, char *const argv[], const struct config *old,
                         struct config **ret, struct config_wish *ret_wish, char *why, size_t cap)
{
    struct command_line line = {.wish.action = CONFIG_SERVE};
    struct config_said said = {.write = ""};
    struct config *c = NULL;
    enum res r = read_command_line(&line, argc, argv, why, cap);

    if (r != RES_OK || line.wish.action > CONFIG_CHECK) {
        goto cleanup;
    }
    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        snprintf(why, cap, "out of memory");
        r = RES_NO_MEMORY;
        goto cleanup;
    }
    c->known = old;
    r = store_presets(c, why, cap);
    if (r == RES_OK) {
        r = config_files_read(line.file != NULL ? line.file : CONFIG_FILE, line.file != NULL, c,
                              &said, why, cap);
    }
    if (r == RES_OK) {
        r = store_command_line(c, &line, why, cap);
    }
    if (r == RES_OK) {
        r = cross_check(c, &line, &said, why, cap);
    }
cleanup:
    free(line.given);
    if (r != RES_OK) {
        config_free(c);
        return r;
    }
    if (c != NULL) {
        c->known = NULL;
        *ret = c;
    }
    *ret_wish = line.wish;
    return RES_OK;
}

enum res config_read(int argc, char *const argv[], struct config **ret,
                     struct config_wish *ret_wish, char *why, size_t cap)
{
    return read_all(argc, argv, NULL, ret, ret_wish, why, cap);
}

/* A pipe has nothing left to say, which would be read as no rules at all; or it waits for somebody
 * to write, and with it all clients of the loop. */
static bool can_be_read_again(const char *path)
{
    struct stat st;

    return path == NULL || stat(path, &st) == -1 || S_ISREG(st.st_mode) || S_ISCHR(st.st_mode);
}

enum res config_read_again(int argc, char *const argv[], const struct config *old,
                           struct config **ret, char *why, size_t cap)
{
    struct config_wish wish;

    if (!can_be_read_again(old->file)) {
        snprintf(why, cap, "%s: can be read only once: it is neither a file nor /dev/null",
                 old->file);
        return RES_UNSUPPORTED;
    }
    return read_all(argc, argv, old, ret, &wish, why, cap);
}

void config_free(struct config *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->endpoint_count; i++) {
        free(c->endpoint_urls[i]);
    }
    free(c->endpoint_urls);
    free(c->endpoints);
    free(c->root);
    free(c->user);
    free(c->file);
    policy_rules_release(c->rules);
    free(c);
}

unsigned config_workers(const struct config *c)
{
    cpu_set_t set; /* of 1024: with more processors the call fails, and all of them count */
    long count;

    if (c->workers != 0) {
        return c->workers;
    }
    count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set)
                                                         : sysconf(_SC_NPROCESSORS_ONLN);
    if (count < 1) {
        return 1;
    }
    return count > CONFIG_WORKERS_MAX ? CONFIG_WORKERS_MAX : (unsigned)count;
}

void config_forbid_write(struct config *c)
{
    c->write = POLICY_WRITE_NONE;
    if (c->rules != NULL) {
        policy_rules_forbid_write(c->rules);
    }
}

const char *config_write_name(const struct config *c)
{
    return c->rules != NULL ? "by rules" : policy_write_name(c->write);
}

bool config_may_write(const struct config *c)
{
    return c->rules != NULL ? policy_rules_may_write(c->rules) : c->write != POLICY_WRITE_NONE;
}

static void print_allowed(const struct option_row *row, FILE *to)
{
    char allowed[OPTION_VALUE_WHY];

    switch (row->kind) {
    case OPTION_TEXT:
    case OPTION_FILE:
    case OPTION_ACTION:
    case OPTION_ENDPOINTS:
        break;
    default:
        fprintf(to, "%26s%s\n", "", option_value_allowed(row, allowed, sizeof(allowed)));
        break;
    }
    if (row->preset != NULL && row->preset[0] != '\0') {
        fprintf(to, "%26sdefault: %s\n", "", row->preset);
    }
}

void config_print_help(FILE *to)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);

    fputs("Usage: wherryd [OPTION]...\n"
          "Serves a directory over TFTP and the Wherry file protocol, in the foreground.\n\n",
          to);
    for (size_t i = 0; i < count; i++) {
        const struct option_row *row = &rows[i];
        int len = row->letter != 0 ? fprintf(to, "  -%c, ", row->letter) : fprintf(to, "      ");

        len += fprintf(to, "--%s", row->name);
        if (row->argument != NULL) {
            len += fprintf(to, " %s", row->argument);
        }
        /* Too long a name: the help goes on the next line. */
        fprintf(to, "%s%*s%s\n", len > 24 ? "\n" : "", len > 24 ? 26 : 26 - len, "", row->help);
        print_allowed(row, to);
    }
    fprintf(
        to,
        "\nEvery option with a value but --config is also a key of the configuration file\n"
        "(%s unless --config names another); the command line\n"
        "wins. Sizes take K, M, G; times take ms, s, m, h. Signals: TERM and INT let running\n"
        "transfers finish, HUP reads the configuration again. See wherryd(8), wherryd.conf(5).\n",
        CONFIG_FILE);
}

void config_print(const struct config *c, FILE *to)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);

    for (size_t i = 0; i < count; i++) {
        if (c->rules != NULL && option_is_write(&rows[i])) {
            fprintf(to, "# %s is not set: the rules say it\n", rows[i].name);
        } else if (option_in_file(&rows[i])) {
            option_value_print(&rows[i], c, to);
        }
    }
    config_rules_print(c->rules, to);
}
