/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/who.h"

#include <string.h>

struct policy_who who_of(const struct config *c, const struct addr *peer)
{
    struct policy_who who = {.rules = c->rules, .write = c->write};
    struct addr a = *peer;

    addr_unmap(&a);
    if (a.u.sa.sa_family == AF_INET) {
        who.host.len = sizeof(a.u.in4.sin_addr);
        memcpy(who.host.bytes, &a.u.in4.sin_addr, sizeof(a.u.in4.sin_addr));
    } else if (a.u.sa.sa_family == AF_INET6) {
        who.host.len = sizeof(a.u.in6.sin6_addr);
        memcpy(who.host.bytes, &a.u.in6.sin6_addr, sizeof(a.u.in6.sin6_addr));
    }
    return who;
}
