/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/policy.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 8u

struct policy_rules {
    atomic_size_t holds;
    size_t count;
    size_t room;
    bool has_path;
    struct policy_rule *rule;
};

static const char *const write_names[] = {
    [POLICY_WRITE_NONE] = "none",
    [POLICY_WRITE_CREATE] = "create",
    [POLICY_WRITE_REPLACE] = "replace",
};

static const char *const action_names[] = {
    [POLICY_READ] = "read",
    [POLICY_LIST] = "list",
    [POLICY_CREATE] = "create",
    [POLICY_REPLACE] = "replace",
};

const char *policy_write_name(enum policy_write w)
{
    return write_names[w];
}

const char *policy_action_name(enum policy_action action)
{
    return action_names[action];
}

/* --- judging --- */

static bool prefix_has(const struct policy_prefix *p, const struct policy_host *host)
{
    size_t whole = p->bits / 8u;
    unsigned rest = p->bits % 8u;
    unsigned mask = 0xffu << (8u - rest);

    return host->len > 0 && host->len == p->host.len &&
           memcmp(host->bytes, p->host.bytes, whole) == 0 &&
           (rest == 0 || ((host->bytes[whole] ^ p->host.bytes[whole]) & mask & 0xffu) == 0);
}

static bool rule_is_for(const struct policy_rule *rule, const struct policy_host *host)
{
    for (size_t i = 0; i < rule->from_count; i++) {
        if (prefix_has(&rule->from[i], host)) {
            return true;
        }
    }
    return rule->from_count == 0;
}

/* Whole components: "a/b" is beneath "a", "ab" is not. */
static bool rule_reaches(const struct policy_rule *rule, const char *path)
{
    size_t len;

    if (rule->path == NULL) {
        return true;
    }
    len = strlen(rule->path);
    return strncmp(path, rule->path, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static enum res judge_by(unsigned allow, enum policy_action action)
{
    static const unsigned enough[] = {
        [POLICY_READ] = 1u << POLICY_READ,
        [POLICY_LIST] = 1u << POLICY_LIST,
        [POLICY_CREATE] = 1u << POLICY_CREATE | 1u << POLICY_REPLACE,
        [POLICY_REPLACE] = 1u << POLICY_REPLACE,
        [POLICY_LOOK] = 1u << POLICY_READ | 1u << POLICY_LIST,
    };

    if ((allow & enough[action]) != 0) {
        return RES_OK;
    }
    return action == POLICY_REPLACE && (allow & 1u << POLICY_CREATE) != 0 ? RES_EXISTS : RES_DENIED;
}

static enum res judge_without_rules(enum policy_write write, enum policy_action action)
{
    static const unsigned allow[] = {
        [POLICY_WRITE_NONE] = 1u << POLICY_READ | 1u << POLICY_LIST,
        [POLICY_WRITE_CREATE] = 1u << POLICY_READ | 1u << POLICY_LIST | 1u << POLICY_CREATE,
        [POLICY_WRITE_REPLACE] = 1u << POLICY_READ | 1u << POLICY_LIST | 1u << POLICY_REPLACE,
    };

    return judge_by(allow[write], action);
}

enum res policy_judge(const struct policy_who *who, const char *path, enum policy_action action)
{
    const struct policy_rules *rules = who->rules;

    if (rules == NULL) {
        return judge_without_rules(who->write, action);
    }
    for (size_t i = 0; i < rules->count; i++) {
        const struct policy_rule *rule = &rules->rule[i];

        if (rule_is_for(rule, &who->host) && rule_reaches(rule, path != NULL ? path : "")) {
            return judge_by(rule->allow, action);
        }
    }
    return RES_DENIED;
}

enum res policy_judge_anywhere(const struct policy_who *who, enum policy_action action)
{
    const struct policy_rules *rules = who->rules;

    if (rules == NULL) {
        return judge_without_rules(who->write, action);
    }
    for (size_t i = 0; i < rules->count; i++) {
        const struct policy_rule *rule = &rules->rule[i];

        if (!rule_is_for(rule, &who->host)) {
            continue;
        }
        if (judge_by(rule->allow, action) == RES_OK) {
            return RES_OK;
        }
        if (rule->path == NULL) {
            break; /* no rule behind it is ever asked */
        }
    }
    return RES_DENIED;
}

bool policy_needs_path(const struct policy_who *who)
{
    return who->rules != NULL && who->rules->has_path;
}

/* --- rules --- */

struct policy_rules *policy_rules_new(void)
{
    struct policy_rules *rules = calloc(1, sizeof(*rules));

    if (rules != NULL) {
        atomic_init(&rules->holds, 1);
    }
    return rules;
}

void policy_rule_clear(struct policy_rule *rule)
{
    free(rule->from);
    free(rule->path);
    *rule = (struct policy_rule){0};
}

static enum res make_room(struct policy_rules *rules, size_t more)
{
    size_t room = rules->room > 0 ? rules->room : FIRST_ROOM;
    struct policy_rule *rule;

    if (rules->room - rules->count >= more) {
        return RES_OK;
    }
    while (room - rules->count < more) {
        room *= 2;
    }
    rule = reallocarray(rules->rule, room, sizeof(*rule));
    if (rule == NULL) {
        return RES_NO_MEMORY;
    }
    rules->rule = rule;
    rules->room = room;
    return RES_OK;
}

enum res policy_rules_add(struct policy_rules *rules, const struct policy_rule *rule)
{
    struct policy_rule own = *rule;
    enum res r = make_room(rules, 1);

    if (r != RES_OK) {
        policy_rule_clear(&own);
        return r;
    }
    rules->rule[rules->count++] = own;
    rules->has_path = rules->has_path || own.path != NULL;
    return RES_OK;
}

enum res policy_rules_append(struct policy_rules *to, struct policy_rules *from)
{
    enum res r = make_room(to, from->count);

    if (r == RES_OK && from->count > 0) {
        memcpy(to->rule + to->count, from->rule, from->count * sizeof(*from->rule));
        to->count += from->count;
        to->has_path = to->has_path || from->has_path;
        from->count = 0;
    }
    return r;
}

size_t policy_rules_count(const struct policy_rules *rules)
{
    return rules != NULL ? rules->count : 0;
}

const struct policy_rule *policy_rules_at(const struct policy_rules *rules, size_t i)
{
    return &rules->rule[i];
}

bool policy_rules_may_write(const struct policy_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (judge_by(rules->rule[i].allow, POLICY_CREATE) == RES_OK) {
            return true;
        }
    }
    return false;
}

void policy_rules_forbid_write(struct policy_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        rules->rule[i].allow &= ~(1u << POLICY_CREATE | 1u << POLICY_REPLACE);
    }
}

void policy_rules_hold(struct policy_rules *rules)
{
    if (rules != NULL) {
        atomic_fetch_add_explicit(&rules->holds, 1, memory_order_relaxed);
    }
}

void policy_rules_release(struct policy_rules *rules)
{
    if (rules == NULL || atomic_fetch_sub_explicit(&rules->holds, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (size_t i = 0; i < rules->count; i++) {
        policy_rule_clear(&rules->rule[i]);
    }
    free(rules->rule);
    free(rules);
}

struct policy_who policy_who_hold(const struct policy_who *who)
{
    struct policy_who copy = {.write = POLICY_WRITE_REPLACE};

    if (who != NULL) {
        copy = *who;
    }
    policy_rules_hold(copy.rules);
    return copy;
}

void policy_who_release(struct policy_who *who)
{
    policy_rules_release(who->rules);
    who->rules = NULL;
}

void policy_prefix_mask(struct policy_prefix *prefix)
{
    for (unsigned i = prefix->bits; i < prefix->host.len * 8u; i++) {
        prefix->host.bytes[i / 8u] &= (uint8_t) ~(0x80u >> i % 8u);
    }
}
