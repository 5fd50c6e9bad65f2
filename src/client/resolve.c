/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/resolve.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

bool resolve_url(const struct url *url, const struct client_settings *settings,
                 struct addr ret[RESOLVE_MAX], size_t *ret_count, struct outcome *why)
{
    int family = settings->ipv4 ? AF_INET : settings->ipv6 ? AF_INET6 : AF_UNSPEC;
    char host[URL_HOST_BYTES + 64];
    const char *text = "";

    if (addr_resolve(url->host, url->port, family, ret, RESOLVE_MAX, ret_count, &text) == RES_OK) {
        return true;
    }
    *why = (struct outcome){.side = OUTCOME_NETWORK, .result = RES_NOT_FOUND};
    (void)snprintf(why->detail, sizeof(why->detail), "host \"%s\": %s",
                   text_quote((const uint8_t *)url->host, strlen(url->host), host, sizeof(host)),
                   text);
    return false;
}
