/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/number.h"

#define MESSAGE_BYTES 512
#define MICROSECOND_NS 1000u

/* A path, or a name in the abstract namespace, which begins with '@'. */
static int connect_to(const char *name, int *ret_fd)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    int fd;

    if (name[0] != '/' && name[0] != '@') {
        return EAFNOSUPPORT;
    }
    if (len >= sizeof(a.sun_path)) {
        return ENAMETOOLONG;
    }
    memcpy(a.sun_path, name, len);
    if (name[0] == '@') {
        a.sun_path[0] = '\0'; /* its length says where such a name ends */
    } else {
        len++;
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1) {
        return errno;
    }
    if (connect(fd, (const struct sockaddr *)&a,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
        int error = errno;

        close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

/* As sd_watchdog_enabled(3): without a process id it is for whoever reads it. */
static uint64_t watchdog_of(const char *usec, const char *pid)
{
    uint64_t every = 0;
    uint64_t whose = 0;

    if (usec == NULL || !number_parse(usec, 1, UINT64_MAX / MICROSECOND_NS, &every)) {
        return 0;
    }
    if (pid != NULL && (!number_parse(pid, 1, INT32_MAX, &whose) || whose != (uint64_t)getpid())) {
        return 0;
    }
    return every * MICROSECOND_NS;
}

void notify_open(struct notify *ret, const struct log *log)
{
    const char *name = getenv("NOTIFY_SOCKET");

    *ret = (struct notify){.log = log, .fd = -1};
    if (name != NULL && name[0] != '\0') {
        ret->error = connect_to(name, &ret->fd);
        ret->watchdog_ns = watchdog_of(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
    }
    /* Names without '=' in them cannot be refused. */
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *n)
{
    if (n->fd != -1) {
        close(n->fd);
        n->fd = -1;
    }
}

bool notify_tell(struct notify *n, const char *format, ...)
{
    char text[MESSAGE_BYTES];
    va_list args;
    int len;

    if (n->fd != -1) {
        va_start(args, format);
        len = vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        if (len >= 0 && (size_t)len < sizeof(text) &&
            send(n->fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) != -1) {
            return true;
        }
        n->error = errno;
    }
    if (n->error != 0 && !n->said) {
        n->said = true;
        log_debug(n->log, "server", "the service manager cannot be told: %s", strerror(n->error));
    }
    return false;
}
