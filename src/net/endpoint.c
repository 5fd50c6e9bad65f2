/* SPDX-License-Identifier: BSD-2-Clause */
/* The endpoint URLs of addr.h. */
#include "net/addr.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "base/text.h"

#define TFTP_PORT 69u /* RFC 1350 section 4 */
#define WHERRY_PORT 7069u
#define HOST_BYTES 256u /* DNS names end at 253 characters */
#define EXPECTED                                                                                   \
    "expected tftp://ADDR:PORT or wherry://ADDR:PORT, such as tftp://192.0.2.1:69 or "             \
    "tftp://[::]:69"

static const struct {
    const char *prefix;
    enum endpoint_scheme scheme;
    uint16_t port;
} schemes[] = {
    {"tftp://", ENDPOINT_TFTP, TFTP_PORT},
    {"wherry://", ENDPOINT_WHERRY, WHERRY_PORT},
};

/* host and port of an authority, neither ended by NUL; port NULL: none is given. */
struct authority {
    const char *host;
    size_t host_len;
    const char *port;
    bool bracketed;
};

/* Takes it apart; returns what is wrong with it, or NULL. */
static const char *split(const char *text, struct authority *ret)
{
    struct authority a = {.host = text};
    const char *end;

    if (strpbrk(text, "/?#") != NULL) {
        return "an endpoint has no path";
    }
    if (strchr(text, '@') != NULL) {
        return "an endpoint has no user";
    }
    if (text[0] == '[') {
        end = strchr(text, ']');
        if (end == NULL) {
            return "the closing ] is missing";
        }
        a.host = text + 1;
        a.bracketed = true;
        if (memchr(a.host, ':', (size_t)(end - a.host)) == NULL) {
            return "brackets are for IPv6 addresses";
        }
        a.host_len = (size_t)(end - a.host);
        end++;
        if (*end != '\0' && *end != ':') {
            return "only :PORT may follow the ]";
        }
    } else {
        end = text + strcspn(text, ":");
        a.host_len = (size_t)(end - a.host);
        if (*end == ':' && strchr(end + 1, ':') != NULL) {
            return "an IPv6 address stands in brackets";
        }
    }
    if (*end == ':') {
        a.port = end + 1;
    }
    if (a.host_len >= HOST_BYTES) {
        return "the host is longer than any name";
    }
    *ret = a;
    return NULL;
}

static enum res refuse(const char *url, const char *wrong, char *why, size_t cap)
{
    char quoted[128];

    text_quote((const uint8_t *)url, strlen(url), quoted, sizeof(quoted));
    snprintf(why, cap, "endpoint \"%s\": %s; " EXPECTED, quoted, wrong);
    return RES_NAME;
}

/* bind(2) would only say EINVAL. */
static bool lacks_scope(const struct addr *a)
{
    return a->u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a->u.in6.sin6_addr) &&
           a->u.in6.sin6_scope_id == 0;
}

enum res endpoint_parse(const char *url, struct endpoint *ret, char *why, size_t cap)
{
    struct authority authority;
    struct endpoint endpoint;
    char host[HOST_BYTES];
    const char *wrong;
    const char *text = NULL;
    uint64_t port = 0;
    size_t count = 0;

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i].prefix);

        if (strncasecmp(url, schemes[i].prefix, len) == 0) {
            endpoint.scheme = schemes[i].scheme;
            port = schemes[i].port;
            text = url + len;
        }
    }
    if (text == NULL) {
        return refuse(url, strstr(url, "://") == NULL ? "no scheme" : "unknown scheme", why, cap);
    }
    wrong = split(text, &authority);
    if (wrong != NULL) {
        return refuse(url, wrong, why, cap);
    }
    if (authority.port != NULL && !number_parse(authority.port, 0, UINT16_MAX, &port)) {
        return refuse(url, "the port is not a number from 0 to 65535", why, cap);
    }
    memcpy(host, authority.host, authority.host_len);
    host[authority.host_len] = '\0';
    if (addr_resolve(host, (uint16_t)port, authority.bracketed ? AF_INET6 : AF_UNSPEC,
                     &endpoint.addr, 1, &count, &wrong) != RES_OK) {
        return refuse(url, wrong, why, cap);
    }
    if (lacks_scope(&endpoint.addr)) {
        return refuse(url, "a link-local address needs its interface, as in [fe80::1%eth0]", why,
                      cap);
    }
    *ret = endpoint;
    return RES_OK;
}
