/* SPDX-License-Identifier: BSD-2-Clause */
/* server/config_rules.h: one rule of the configuration, from its values as texts and back.
 *
 *   rule { from = {"192.0.2.0/24", "2001:db8::/32"}  path = "backup/"  allow = {"read", "create"} }
 */
#ifndef SERVER_CONFIG_RULES_H
#define SERVER_CONFIG_RULES_H

#include <stddef.h>
#include <stdio.h>

#include <wherry/res.h>

#include "store/policy.h"

#define CONFIG_RULE_KEYS "from, path, allow"
#define CONFIG_RULE_WORDS "read, list, create, replace"

/* Each stores one value. RES_PROTOCOL: why says what is wrong and what is allowed; RES_NO_MEMORY,
 * why too. */
/* An address, or a prefix without any bits behind it; one more. */
enum res config_rule_add_from(struct policy_rule *rule, const char *text, char *why, size_t cap);
/* Relative to the root. */
enum res config_rule_set_path(struct policy_rule *rule, const char *text, char *why, size_t cap);
/* One more word. */
enum res config_rule_add_allow(struct policy_rule *rule, const char *text, char *why, size_t cap);

/* In order of judgement, as sections of a configuration file. */
void config_rules_print(const struct policy_rules *rules, FILE *to);

#endif
