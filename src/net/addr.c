/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "base/number.h"

static bool is_ipv4(const struct addr *a)
{
    return a->len != 0 && a->u.sa.sa_family == AF_INET;
}

static bool is_ipv6(const struct addr *a)
{
    return a->len != 0 && a->u.sa.sa_family == AF_INET6;
}

/* Only link-local addresses mean something else on another interface. */
static uint32_t scope_of(const struct addr *a)
{
    return IN6_IS_ADDR_LINKLOCAL(&a->u.in6.sin6_addr) ? a->u.in6.sin6_scope_id : 0;
}

void addr_unmap(struct addr *a)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET};

    if (!is_ipv6(a) || !IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr)) {
        return;
    }
    in4.sin_port = a->u.in6.sin6_port;
    memcpy(&in4.sin_addr, &a->u.in6.sin6_addr.s6_addr[12], sizeof(in4.sin_addr));
    memset(&a->u, 0, sizeof(a->u));
    a->u.in4 = in4;
    a->len = sizeof(in4);
}

uint16_t addr_port(const struct addr *a)
{
    if (is_ipv4(a)) {
        return ntohs(a->u.in4.sin_port);
    }
    return is_ipv6(a) ? ntohs(a->u.in6.sin6_port) : 0;
}

void addr_set_port(struct addr *a, uint16_t port)
{
    if (is_ipv4(a)) {
        a->u.in4.sin_port = htons(port);
    } else if (is_ipv6(a)) {
        a->u.in6.sin6_port = htons(port);
    }
}

bool addr_same_host(const struct addr *a, const struct addr *b)
{
    if (is_ipv4(a) && is_ipv4(b)) {
        return a->u.in4.sin_addr.s_addr == b->u.in4.sin_addr.s_addr;
    }
    if (is_ipv6(a) && is_ipv6(b)) {
        return IN6_ARE_ADDR_EQUAL(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr) &&
               scope_of(a) == scope_of(b);
    }
    return a->len == 0 && b->len == 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
    return addr_port(a) == addr_port(b) && addr_same_host(a, b);
}

/* if_indextoname() asks a socket of AF_UNIX, for which a sandbox would have to let all of those
 * through. */
static bool name_interface(uint32_t index, char name[IF_NAMESIZE])
{
    struct ifreq r = {.ifr_ifindex = (int)index};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ok = fd != -1 && ioctl(fd, SIOCGIFNAME, &r) == 0;

    if (fd != -1) {
        close(fd);
    }
    if (ok) {
        memcpy(name, r.ifr_name, IF_NAMESIZE);
    }
    return ok;
}

static char *print_ipv6(const struct addr *a, char *buf)
{
    char host[INET6_ADDRSTRLEN] = "";
    char name[IF_NAMESIZE] = "";
    uint32_t scope = scope_of(a);

    inet_ntop(AF_INET6, &a->u.in6.sin6_addr, host, sizeof(host));
    if (scope == 0) {
        snprintf(buf, ADDR_TEXT_BYTES, "[%s]:%u", host, addr_port(a));
    } else if (name_interface(scope, name)) {
        snprintf(buf, ADDR_TEXT_BYTES, "[%s%%%s]:%u", host, name, addr_port(a));
    } else {
        /* The interface is gone, or was never here. */
        snprintf(buf, ADDR_TEXT_BYTES, "[%s%%%u]:%u", host, scope, addr_port(a));
    }
    return buf;
}

/* One for each request of the transfer log: inet_ntop() and snprintf() cost as much as all the rest
 * of its line. */
static void print_ipv4(const struct addr *a, char *buf)
{
    uint8_t bytes[4];
    char *at = buf;

    memcpy(bytes, &a->u.in4.sin_addr, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        at += number_print_digits(bytes[i], at);
        *at++ = i < 3 ? '.' : ':';
    }
    (void)number_print_digits(addr_port(a), at);
}

char *addr_print(const struct addr *a, char *buf)
{
    if (is_ipv6(a)) {
        return print_ipv6(a, buf);
    }
    if (is_ipv4(a)) {
        print_ipv4(a, buf);
    } else {
        snprintf(buf, ADDR_TEXT_BYTES, "none");
    }
    return buf;
}

static enum res res_of_resolver(int error, int system_error)
{
    switch (error) {
    case EAI_MEMORY:
        return RES_NO_MEMORY;
    case EAI_AGAIN:
        return RES_TIMEOUT;
    case EAI_FAMILY:
    case EAI_ADDRFAMILY:
        return RES_UNSUPPORTED;
    case EAI_SYSTEM:
        return res_from_errno(system_error);
    default:
        return RES_NOT_FOUND;
    }
}

/* IPv6 first: where it works, its wildcard takes IPv4 too. */
static size_t any_address(uint16_t port, int family, struct addr *ret, size_t cap)
{
    static const sa_family_t families[] = {AF_INET6, AF_INET};
    size_t count = 0;

    for (size_t i = 0; i < 2 && count < cap; i++) {
        struct addr a = {.len = families[i] == AF_INET6 ? sizeof(a.u.in6) : sizeof(a.u.in4)};

        if (family != AF_UNSPEC && family != families[i]) {
            continue;
        }
        a.u.sa.sa_family = families[i];
        addr_set_port(&a, port);
        ret[count++] = a;
    }
    return count;
}

enum res addr_resolve(const char *host, uint16_t port, int family, struct addr *ret, size_t cap,
                      size_t *ret_count, const char **ret_why)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    size_t count = 0;
    int error;

    if (host[0] == '\0' || strcmp(host, "*") == 0) {
        *ret_count = any_address(port, family, ret, cap);
        return RES_OK;
    }
    error = getaddrinfo(host, NULL, &hints, &found);
    if (error != 0) {
        *ret_why = gai_strerror(error);
        return res_of_resolver(error, errno);
    }
    for (const struct addrinfo *f = found; f != NULL && count < cap; f = f->ai_next) {
        struct addr a = {0};

        if ((f->ai_family != AF_INET && f->ai_family != AF_INET6) || f->ai_addrlen > sizeof(a.u)) {
            continue;
        }
        memcpy(&a.u, f->ai_addr, f->ai_addrlen);
        a.len = f->ai_addrlen;
        addr_set_port(&a, port);
        ret[count++] = a;
    }
    freeaddrinfo(found);
    if (count == 0) {
        *ret_why = "no IPv4 or IPv6 address";
        return RES_NOT_FOUND;
    }
    *ret_count = count;
    return RES_OK;
}
