/* SPDX-License-Identifier: BSD-2-Clause */
/* net/addr.h: addresses and endpoint URLs: parse, print, compare. */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <wherry/res.h>

#define ADDR_TEXT_BYTES 80

struct addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
    } u;
    socklen_t len; /* 0: no address */
};

/* An IPv4 peer on a dual-stack socket becomes IPv4, so that policy, limits and log see one kind. */
void addr_unmap(struct addr *a);
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
/* Same family, address, port and, for link-local ones, scope. */
bool addr_equal(const struct addr *a, const struct addr *b);
/* Same address, ports not looked at. */
bool addr_same_host(const struct addr *a, const struct addr *b);
/* "192.0.2.7:2071", "[2001:db8::1]:2071", "[fe80::1%eth0]:69", "none". Returns buf
 * (ADDR_TEXT_BYTES). */
char *addr_print(const struct addr *a, char *buf);

/* Resolves host (a name or a literal; "" or "*" any address) for family AF_UNSPEC, AF_INET or
 * AF_INET6, at most cap answers into ret, *ret_count set. Blocks; without AI_ADDRCONFIG, so that a
 * machine with only loopback up works. *ret_why is the resolver's text (static) on failure. */
enum res addr_resolve(const char *host, uint16_t port, int family, struct addr *ret, size_t cap,
                      size_t *ret_count, const char **ret_why);

enum endpoint_scheme { ENDPOINT_TFTP, ENDPOINT_WHERRY };

struct endpoint {
    enum endpoint_scheme scheme;
    struct addr addr;
};

/* "tftp://ADDR:PORT", "wherry://ADDR:PORT" (port 7069), "tftp://[::]:69", "tftp://192.0.2.1" (port
 * 69), "tftp://:69" (any address); port 0 is any free one. ADDR may be a name: its first address
 * counts. On RES_NAME, why (cap bytes) says what was wrong and what is allowed. */
enum res endpoint_parse(const char *url, struct endpoint *ret, char *why, size_t cap);

#endif
