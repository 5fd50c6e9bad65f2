/* SPDX-License-Identifier: BSD-2-Clause */
/* store/policy.h: who may do what where. Pure: facts in, an answer out.
 *
 * Without rules everybody may read and list, and `write` says which uploads are taken. With rules
 * the first one that matches who asks and where decides, by what it allows; what no rule matches is
 * denied. "Where" is a path from the root, all links followed, without a slash at either end; that
 * of the root is "". store/judge.h finds it out for what a name leads to. */
#ifndef STORE_POLICY_H
#define STORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/res.h>

enum policy_write {
    POLICY_WRITE_NONE,   /* nobody may upload */
    POLICY_WRITE_CREATE, /* new names only */
    POLICY_WRITE_REPLACE /* new or existing */
};

enum policy_action {
    POLICY_READ,
    POLICY_LIST,
    POLICY_CREATE,
    POLICY_REPLACE, /* a name that exists */
    /* Behind those that rules can allow: */
    POLICY_LOOK /* at facts, not at bytes: who may read or list may do it */
};
#define POLICY_ALLOWED_COUNT 4u

/* An address. IPv4 is of 4 bytes, never mapped into IPv6. */
struct policy_host {
    uint8_t len; /* 4, 16, or 0: none, which no prefix matches */
    uint8_t bytes[16];
};

struct policy_prefix {
    struct policy_host host;
    uint8_t bits; /* those behind them are 0 in host */
};

struct policy_rule {
    struct policy_prefix *from; /* NULL: everybody */
    size_t from_count;
    char *path;     /* it and all beneath it; NULL: everything */
    unsigned allow; /* set of 1u << enum policy_action */
};

/* In order of judgement. Once they are in force nobody changes them; whoever gives them to another
 * thread, or keeps them, holds them, since a reload lets the old ones go at any time. */
struct policy_rules;

/* Who asks, and what he is judged by. */
struct policy_who {
    struct policy_rules *rules; /* NULL: none */
    enum policy_write write;    /* without rules */
    struct policy_host host;
};

/* "none", "create", "replace". */
const char *policy_write_name(enum policy_write w);
/* "read", "list", "create", "replace": the first POLICY_ALLOWED_COUNT. */
const char *policy_action_name(enum policy_action action);

/* RES_OK; RES_EXISTS: REPLACE, where new names only are allowed; RES_DENIED. path: see above; NULL
 * will do unless policy_needs_path(). */
enum res policy_judge(const struct policy_who *who, const char *path, enum policy_action action);
/* RES_DENIED: it is denied at every path, so that none needs to be looked up. */
enum res policy_judge_anywhere(const struct policy_who *who, enum policy_action action);
bool policy_needs_path(const struct policy_who *who);

/* Held once; NULL: no memory. */
struct policy_rules *policy_rules_new(void);
/* Behind the others. Takes over what the rule points to, also on failure: RES_NO_MEMORY. */
enum res policy_rules_add(struct policy_rules *rules, const struct policy_rule *rule);
/* Moves all rules of `from` behind those of `to`. On failure, RES_NO_MEMORY, nothing moved. */
enum res policy_rules_append(struct policy_rules *to, struct policy_rules *from);
size_t policy_rules_count(const struct policy_rules *rules); /* takes NULL */
const struct policy_rule *policy_rules_at(const struct policy_rules *rules, size_t i);
/* Some rule lets somebody upload. */
bool policy_rules_may_write(const struct policy_rules *rules);
/* No rule lets anybody upload any more. For rules that are not yet in force. */
void policy_rules_forbid_write(struct policy_rules *rules);
void policy_rules_hold(struct policy_rules *rules);    /* takes NULL */
void policy_rules_release(struct policy_rules *rules); /* the last frees them; takes NULL */
void policy_rule_clear(struct policy_rule *rule);

/* A copy that holds the rules; who NULL: one without rules, who may do everything. */
struct policy_who policy_who_hold(const struct policy_who *who);
void policy_who_release(struct policy_who *who); /* takes a zeroed one */

/* The bits of host behind the prefix become 0. */
void policy_prefix_mask(struct policy_prefix *prefix);

#endif
