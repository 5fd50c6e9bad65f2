/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/errno_res.h"

static enum res res_of_socket_error(int error)
{
    switch (error) {
    case EADDRINUSE:
        return RES_BUSY;
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
        return RES_UNSUPPORTED;
    default:
        return res_from_errno(error);
    }
}

enum res socket_give_up(int fd)
{
    int error = errno;

    if (fd != -1) {
        close(fd);
    }
    errno = error;
    return res_of_socket_error(error);
}

bool socket_adopt(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

bool socket_set_dual_stack(int fd, const struct addr *a)
{
    int only;

    if (a->u.sa.sa_family != AF_INET6) {
        return true;
    }
    only = IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr) ? 0 : 1;
    return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) == 0;
}
