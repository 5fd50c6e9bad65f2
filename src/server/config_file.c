/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/config_file.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/config_rules.h"
#include "server/config_text.h"
#include "server/option_rows.h"
#include "server/option_value.h"
#include "server/settings_text.h"

#define RULE "rule"

/* What is read, and where it goes. */
struct reading {
    const char *path;
    struct config *config;
    struct policy_rules *rules;
    struct config_said *said;
    char *why;
    size_t cap;
};

/* A value as written. libconfuse forgets the lines once it has parsed, and its callbacks carry no
 * pointer of ours, so that the table's checks come after the parse. */
struct written {
    int line;
    char text[];
};

static int keep_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    size_t len = strlen(value) + 1;
    struct written *w = malloc(sizeof(*w) + len);

    if (w == NULL) {
        cfg_error(cfg, "%s: out of memory", cfg_opt_name(opt));
        return -1;
    }
    w->line = cfg->line;
    memcpy(w->text, value, len);
    *(void **)result = w;
    return 0;
}

/* In a rule. Of two assignments the last would count without a word, and who was named by the first
 * not be denied what he was to be. The mark is the option's comment, which the parser leaves to its
 * user; += goes on behind the values that are there. */
static int keep_value_once(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    static char mark[] = "said";
    bool first = opt->nvalues <= 1;

    if (first && cfg_opt_getcomment(opt) != NULL) {
        cfg_error(cfg, "%s is said twice in one rule", cfg_opt_name(opt));
        return -1;
    }
    if (first && cfg_opt_setcomment(opt, mark) != CFG_SUCCESS) {
        cfg_error(cfg, "%s: out of memory", cfg_opt_name(opt));
        return -1;
    }
    return keep_value(cfg, opt, value, result);
}

/* Keeps the first complaint in the comment of the section that it is about, the one text in a cfg_t
 * that the parser leaves to its user. */
static void keep_error(cfg_t *cfg, const char *format, va_list args)
{
    char text[CONFIG_WHY];
    char quoted[CONFIG_WHY];

    if (cfg->comment == NULL) {
        vsnprintf(text, sizeof(text), format, args);
        text_quote((const uint8_t *)text, strlen(text), quoted, sizeof(quoted));
        cfg->comment = strdup(quoted);
    }
}

static void list_keys(char *buf, size_t cap)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);
    size_t len = 0;

    buf[0] = '\0';
    for (size_t i = 0; i < count && len < cap; i++) {
        if (option_in_file(&rows[i])) {
            len +=
                (size_t)snprintf(buf + len, cap - len, "%s%s", len == 0 ? "" : ", ", rows[i].name);
        }
    }
    if (len < cap) {
        (void)snprintf(buf + len, cap - len, ", " RULE);
    }
}

/* The section that the parser complained about; the file's, when about none of the rules. */
static const cfg_t *find_complaint(cfg_t *cfg, bool *ret_rule)
{
    cfg_opt_t *rules = cfg_getopt(cfg, RULE);

    for (unsigned i = 0; i < cfg_opt_size(rules); i++) {
        const cfg_t *rule = cfg_opt_getnsec(rules, i);

        if (rule->comment != NULL) {
            *ret_rule = true;
            return rule;
        }
    }
    *ret_rule = false;
    return cfg;
}

static void explain_parse_error(const struct reading *in, cfg_t *cfg)
{
    bool in_rule;
    const cfg_t *at = find_complaint(cfg, &in_rule);
    const char *text = at->comment != NULL ? at->comment : "not a configuration";
    char keys[CONFIG_WHY] = "";

    if (strstr(text, "no such option") != NULL && in_rule) {
        snprintf(keys, sizeof(keys), "%s", CONFIG_RULE_KEYS);
    } else if (strstr(text, "no such option") != NULL) {
        list_keys(keys, sizeof(keys));
    }
    snprintf(in->why, in->cap, "%s:%d: %s%s%s", in->path, at->line, text,
             keys[0] != '\0' ? "; allowed: " : "", keys);
}

/* --- keys of the table --- */

static enum res apply_row(const struct reading *in, const struct option_row *row, cfg_t *cfg)
{
    struct config *c = in->config;
    cfg_opt_t *opt = cfg_getopt(cfg, row->name);
    char detail[CONFIG_WHY];

    if ((opt->flags & CFGF_MODIFIED) == 0) {
        return RES_OK;
    }
    if (row->kind != OPTION_ENDPOINTS || c->endpoints_preset) {
        option_value_clear(row, c);
    }
    for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
        const struct written *w = cfg_opt_getnptr(opt, i);
        enum res r = option_value_set(row, c, w->text, detail, sizeof(detail));

        if (r != RES_OK) {
            snprintf(in->why, in->cap, "%s:%d: %s: %s", in->path, w->line, row->name, detail);
            return r;
        }
        if (option_is_write(row)) {
            snprintf(in->said->write, sizeof(in->said->write), "%s:%d", in->path, w->line);
        }
    }
    return RES_OK;
}

static enum res apply_rows(const struct reading *in, cfg_t *cfg)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);
    enum res r = RES_OK;

    for (size_t i = 0; i < count && r == RES_OK; i++) {
        if (option_in_file(&rows[i])) {
            r = apply_row(in, &rows[i], cfg);
        }
    }
    return r;
}

/* --- rules --- */

static const struct {
    const char *name;
    bool list;
    enum res (*store)(struct policy_rule *rule, const char *text, char *why, size_t cap);
} rule_keys[] = {
    {"from", true, config_rule_add_from},
    {"path", false, config_rule_set_path},
    {"allow", true, config_rule_add_allow},
};
#define RULE_KEYS (sizeof(rule_keys) / sizeof(rule_keys[0]))

/* One key of a rule. */
static enum res apply_rule_key(const struct reading *in, size_t key, cfg_t *section,
                               struct policy_rule *rule)
{
    cfg_opt_t *opt = cfg_getopt(section, rule_keys[key].name);
    char detail[CONFIG_WHY];

    for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
        const struct written *w = cfg_opt_getnptr(opt, i);
        enum res r = w != NULL ? rule_keys[key].store(rule, w->text, detail, sizeof(detail))
                               : RES_OK; /* a path that was not said */

        if (r != RES_OK) {
            snprintf(in->why, in->cap, "%s:%d: " RULE ": %s: %s", in->path, w->line,
                     rule_keys[key].name, detail);
            return r;
        }
    }
    return RES_OK;
}

/* What is easily forgotten, and would mean something else than most think. */
static const char *find_missing(cfg_t *section)
{
    const cfg_opt_t *from = cfg_getopt(section, "from");
    const cfg_opt_t *allow = cfg_getopt(section, "allow");

    if ((allow->flags & CFGF_MODIFIED) == 0) {
        return "allow is missing: a list of " CONFIG_RULE_WORDS ", or {} for nothing";
    }
    if ((from->flags & CFGF_MODIFIED) != 0 && from->nvalues == 0) {
        return "from: an empty list is nobody: leave it out for everybody";
    }
    return NULL;
}

static enum res apply_rule(const struct reading *in, cfg_t *section)
{
    const char *missing = find_missing(section);
    struct policy_rule rule = {0};
    enum res r = RES_OK;

    if (missing != NULL) {
        snprintf(in->why, in->cap, "%s:%d: " RULE ": %s", in->path, section->line, missing);
        return RES_PROTOCOL;
    }
    for (size_t i = 0; i < RULE_KEYS && r == RES_OK; i++) {
        r = apply_rule_key(in, i, section, &rule);
    }
    if (r != RES_OK) {
        policy_rule_clear(&rule);
        return r;
    }
    r = policy_rules_add(in->rules, &rule);
    if (r != RES_OK) {
        snprintf(in->why, in->cap, "%s: out of memory", in->path);
    } else if (in->said->rule[0] == '\0') {
        snprintf(in->said->rule, sizeof(in->said->rule), "%s:%d", in->path, section->line);
    }
    return r;
}

static enum res apply_rules(const struct reading *in, cfg_t *cfg)
{
    cfg_opt_t *rules = cfg_getopt(cfg, RULE);
    enum res r = RES_OK;

    for (unsigned i = 0; i < cfg_opt_size(rules) && r == RES_OK; i++) {
        r = apply_rule(in, cfg_opt_getnsec(rules, i));
    }
    return r;
}

/* --- the file --- */

static cfg_opt_t make_option(const char *name, bool list)
{
    cfg_flag_t flags = list ? CFGF_LIST : CFGF_NODEFAULT;
    cfg_opt_t option = CFG_PTR_CB(name, NULL, flags, keep_value, free);

    return option;
}

/* One libconfuse option for each key of the table, and the sections of rules, whose options the
 * caller keeps. The caller frees the array. */
static cfg_opt_t *make_options(cfg_opt_t rule[RULE_KEYS + 1])
{
    size_t count;
    const struct option_row *rows = option_rows(&count);
    cfg_opt_t *options = calloc(count + 2, sizeof(*options));
    cfg_opt_t section = CFG_SEC(RULE, rule, CFGF_MULTI);
    size_t used = 0;

    if (options == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < RULE_KEYS; i++) {
        rule[i] = make_option(rule_keys[i].name, rule_keys[i].list);
        rule[i].parsecb = keep_value_once;
    }
    rule[RULE_KEYS] = (cfg_opt_t)CFG_END();
    options[used++] = section;
    for (size_t i = 0; i < count; i++) {
        if (option_in_file(&rows[i])) {
            options[used++] = make_option(rows[i].name, option_is_list(&rows[i]));
        }
    }
    options[used] = (cfg_opt_t)CFG_END();
    return options;
}

static void free_complaints(cfg_t *cfg)
{
    cfg_opt_t *rules = cfg_getopt(cfg, RULE);

    free(cfg->comment);
    cfg->comment = NULL;
    for (unsigned i = 0; i < cfg_opt_size(rules); i++) {
        cfg_t *rule = cfg_opt_getnsec(rules, i);

        free(rule->comment);
        rule->comment = NULL;
    }
}

static enum res parse(const struct reading *in, const char *text)
{
    cfg_opt_t rule[RULE_KEYS + 1];
    cfg_opt_t *options = make_options(rule);
    cfg_t *cfg = options != NULL ? cfg_init(options, CFGF_NONE) : NULL;
    enum res r = RES_NO_MEMORY;

    if (cfg == NULL) {
        snprintf(in->why, in->cap, "%s: out of memory", in->path);
        goto cleanup;
    }
    cfg_set_error_function(cfg, keep_error);
    if (cfg_parse_buf(cfg, text) != CFG_SUCCESS) {
        explain_parse_error(in, cfg);
        r = RES_PROTOCOL;
        goto cleanup;
    }
    r = apply_rows(in, cfg);
    if (r == RES_OK) {
        r = apply_rules(in, cfg);
    }
cleanup:
    if (cfg != NULL) {
        free_complaints(cfg);
        cfg_free(cfg);
    }
    free(options);
    return r;
}

enum res config_file_read(const char *path, struct config *c, struct policy_rules *rules,
                          struct config_said *said, char *why, size_t cap)
{
    const struct reading in = {path, c, rules, said, why, cap};
    char detail[CONFIG_WHY];
    char *text = NULL;
    const char *wrong;
    unsigned line;
    enum res r = settings_text_read(path, &text, detail, sizeof(detail));

    if (r != RES_OK) {
        snprintf(why, cap, "%s: %s", path, detail);
        return r;
    }
    wrong = config_text_clean(text, &line);
    if (wrong != NULL) {
        snprintf(why, cap, "%s:%u: %s", path, line, wrong);
        r = RES_PROTOCOL;
    } else {
        r = parse(&in, text);
    }
    free(text);
    return r;
}
