/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/config_rules.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "server/option_value.h"

#define QUOTED_BYTES 200
#define PREFIX_TEXT_BYTES (INET6_ADDRSTRLEN + 4)
#define PREFIX_ALLOWED "an address or a prefix, as 192.0.2.0/24 or 2001:db8::/32"

static const char *quote(const char *text, char *buf)
{
    return text_quote((const uint8_t *)text, strlen(text), buf, QUOTED_BYTES);
}

static enum res out_of_memory(char *why, size_t cap)
{
    (void)snprintf(why, cap, "out of memory");
    return RES_NO_MEMORY;
}

/* --- from --- */

static bool parse_host(const char *text, size_t len, struct policy_host *ret)
{
    char host[INET6_ADDRSTRLEN];

    if (len >= sizeof(host)) {
        return false;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    ret->len = memchr(host, ':', len) != NULL ? 16 : 4;
    return inet_pton(ret->len == 16 ? AF_INET6 : AF_INET, host, ret->bytes) == 1;
}

static bool parse_prefix(const char *text, struct policy_prefix *ret)
{
    size_t len = strcspn(text, "/");
    uint64_t bits;

    if (!parse_host(text, len, &ret->host)) {
        return false;
    }
    bits = UINT64_C(8) * ret->host.len;
    if (text[len] == '/' && !number_parse(text + len + 1, 0, bits, &bits)) {
        return false;
    }
    ret->bits = (uint8_t)bits;
    return true;
}

static const char *print_prefix(const struct policy_prefix *p, char *buf)
{
    size_t len;

    (void)inet_ntop(p->host.len == 16 ? AF_INET6 : AF_INET, p->host.bytes, buf, INET6_ADDRSTRLEN);
    len = strlen(buf);
    (void)snprintf(buf + len, PREFIX_TEXT_BYTES - len, "/%u", (unsigned)p->bits);
    return buf;
}

/* Peers of IPv4 are never judged as IPv6. */
static bool unmap(const struct policy_prefix *p, struct policy_prefix *ret)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (p->host.len != 16 || p->bits < 96 || memcmp(p->host.bytes, mapped, sizeof(mapped)) != 0) {
        return false;
    }
    *ret = (struct policy_prefix){.host.len = 4, .bits = (uint8_t)(p->bits - 96u)};
    memcpy(ret->host.bytes, p->host.bytes + sizeof(mapped), 4);
    return true;
}

static enum res check_prefix(const struct policy_prefix *p, const char *text, char *why, size_t cap)
{
    struct policy_prefix meant = *p;
    struct policy_prefix plain;
    char quoted[QUOTED_BYTES];
    char is[PREFIX_TEXT_BYTES];
    char alone[INET6_ADDRSTRLEN];

    policy_prefix_mask(&meant);
    if (unmap(&meant, &plain)) {
        (void)snprintf(why, cap, "\"%s\" is IPv4 within IPv6: write \"%s\"", quote(text, quoted),
                       print_prefix(&plain, is));
        return RES_PROTOCOL;
    }
    if (memcmp(&meant.host, &p->host, sizeof(meant.host)) == 0) {
        return RES_OK;
    }
    (void)inet_ntop(p->host.len == 16 ? AF_INET6 : AF_INET, p->host.bytes, alone, sizeof(alone));
    (void)snprintf(why, cap, "\"%s\" has bits behind its prefix: is \"%s\" meant, or \"%s\" alone?",
                   quote(text, quoted), print_prefix(&meant, is), alone);
    return RES_PROTOCOL;
}

enum res config_rule_add_from(struct policy_rule *rule, const char *text, char *why, size_t cap)
{
    struct policy_prefix prefix = {0};
    struct policy_prefix *from;
    char quoted[QUOTED_BYTES];
    enum res r;

    if (!parse_prefix(text, &prefix)) {
        (void)snprintf(why, cap, "\"%s\" is not " PREFIX_ALLOWED, quote(text, quoted));
        return RES_PROTOCOL;
    }
    r = check_prefix(&prefix, text, why, cap);
    if (r != RES_OK) {
        return r;
    }
    from = reallocarray(rule->from, rule->from_count + 1, sizeof(*from));
    if (from == NULL) {
        return out_of_memory(why, cap);
    }
    rule->from = from;
    rule->from[rule->from_count++] = prefix;
    return RES_OK;
}

/* --- path --- */

enum res config_rule_set_path(struct policy_rule *rule, const char *text, char *why, size_t cap)
{
    char *path = malloc(strlen(text) + 1);
    char *end = path;
    const char *at = text;

    if (path == NULL) {
        return out_of_memory(why, cap);
    }
    if (*text == '\0') { /* as of a variable of the environment that is not set */
        (void)snprintf(why, cap, "an empty path is nowhere: \"/\" is everything");
        free(path);
        return RES_PROTOCOL;
    }
    while (*at != '\0') {
        size_t len = strcspn(at, "/");

        if (len == 2 && memcmp(at, "..", 2) == 0) {
            char quoted[QUOTED_BYTES];

            (void)snprintf(why, cap,
                           "\"%s\" is not a path beneath the root, without any \"..\": as "
                           "\"backup/\"",
                           quote(text, quoted));
            free(path);
            return RES_PROTOCOL;
        }
        if (len > 0 && !(len == 1 && *at == '.')) {
            if (end > path) {
                *end++ = '/';
            }
            memcpy(end, at, len);
            end += len;
        }
        at += len;
        at += *at == '/';
    }
    *end = '\0';
    free(rule->path);
    rule->path = path;
    if (end == path) { /* the root: everything */
        free(path);
        rule->path = NULL;
    }
    return RES_OK;
}

/* --- allow --- */

enum res config_rule_add_allow(struct policy_rule *rule, const char *text, char *why, size_t cap)
{
    char quoted[QUOTED_BYTES];

    for (unsigned a = 0; a < POLICY_ALLOWED_COUNT; a++) {
        if (strcmp(text, policy_action_name((enum policy_action)a)) == 0) {
            rule->allow |= 1u << a;
            return RES_OK;
        }
    }
    (void)snprintf(why, cap, "\"%s\" is not one of " CONFIG_RULE_WORDS, quote(text, quoted));
    return RES_PROTOCOL;
}

/* --- and back --- */

static void print_rule(const struct policy_rule *rule, FILE *to)
{
    char text[PREFIX_TEXT_BYTES];
    const char *between = "";

    fputs("rule {", to);
    if (rule->from_count > 0) {
        fputs(" from = {", to);
        for (size_t i = 0; i < rule->from_count; i++) {
            fprintf(to, "%s\"%s\"", between, print_prefix(&rule->from[i], text));
            between = ", ";
        }
        putc('}', to);
    }
    if (rule->path != NULL) {
        fputs(" path = ", to);
        option_value_quote(rule->path, to);
    }
    fputs(" allow = {", to);
    between = "";
    for (unsigned a = 0; a < POLICY_ALLOWED_COUNT; a++) {
        if ((rule->allow & 1u << a) != 0) {
            fprintf(to, "%s\"%s\"", between, policy_action_name((enum policy_action)a));
            between = ", ";
        }
    }
    fputs("} }\n", to);
}

void config_rules_print(const struct policy_rules *rules, FILE *to)
{
    for (size_t i = 0; i < policy_rules_count(rules); i++) {
        print_rule(policy_rules_at(rules, i), to);
    }
}
