/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/openat2_answers.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

static int answer;
static unsigned left;
static bool cached_only;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

long __wrap_syscall(long number, ...)
{
    va_list args;
    long root_fd;
    const char *path;
    struct open_how *how;
    size_t size;

    va_start(args, number);
    root_fd = va_arg(args, int);
    path = va_arg(args, const char *);
    how = va_arg(args, struct open_how *);
    size = va_arg(args, size_t);
    va_end(args);
    if (number == SYS_openat2 && left > 0 &&
        (!cached_only || (how->resolve & RESOLVE_CACHED) != 0)) {
        left--;
        errno = answer;
        return -1;
    }
    return __real_syscall(number, root_fd, path, how, size);
}

void openat2_answers(int error, unsigned times, bool cached)
{
    answer = error;
    left = times;
    cached_only = cached;
}

unsigned openat2_answers_left(void)
{
    return left;
}
