/* SPDX-License-Identifier: BSD-2-Clause */
/* client/resolve.h: the addresses of a URL's host. */
#ifndef CLIENT_RESOLVE_H
#define CLIENT_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>

#include "client/option_rows.h"
#include "client/outcome.h"
#include "client/url.h"
#include "net/addr.h"

#define RESOLVE_MAX 16 /* addresses of one host; more are not tried */

/* Blocks. settings: ipv4 and ipv6 count. False: why says what the resolver says. */
bool resolve_url(const struct url *url, const struct client_settings *settings,
                 struct addr ret[RESOLVE_MAX], size_t *ret_count, struct outcome *why);

#endif
