/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/sandboxed_build.h"
#include "support/scratch.h"

/* Exit statuses of a child that did not come to its attempt; errno is below. */
enum { NO_SCENE = 200, NO_SANDBOX };

struct job {
    const struct attempt *attempt;
    int (*enter)(void); /* NULL: no sandbox */
};

int attempt_result(long rc)
{
    return rc == -1 ? errno : 0;
}

static int bound_socket(int type)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    return fd != -1 && bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0 ? fd : -1;
}

/* It ends with the attempt, whose end of the pipe is the last. */
static pid_t start_companion(void)
{
    int ends[2];
    char byte;
    pid_t pid;

    /* Who changed its user can be traced by nobody, unless it says so. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0 || pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    pid = fork();
    if (pid == 0) {
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(ends[0]);
    return pid;
}

static int run(void *arg)
{
    const struct job *job = arg;
    struct attempt_scene scene = {
        .tcp = bound_socket(SOCK_STREAM),
        .udp = bound_socket(SOCK_DGRAM),
        .companion = start_companion(),
    };

    if (scene.tcp == -1 || scene.udp == -1 || scene.companion == -1 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return NO_SCENE;
    }
    if (job->enter != NULL && job->enter() != 0) {
        return NO_SANDBOX;
    }
    return job->attempt->act(&scene);
}

static bool is_tried(const struct attempt *a)
{
#ifdef WHERRY_SANDBOXED_SANITIZERS
    return !a->not_sanitized;
#else
    (void)a;
    return true;
#endif
}

static bool ends_as_expected(const struct attempt *a, int (*enter)(void))
{
    struct job outside = {.attempt = a};
    struct job inside = {.attempt = a, .enter = enter};
    int result = scratch_in_child(run, &inside, true);
    /* Later: what it did stays done. */
    int free_result = a->denied ? scratch_in_child(run, &outside, true) : -1;

    if (a->denied && free_result == a->expected) {
        /* Somebody else forbids it here, as a container does. */
        print_message("proves nothing here: %s: %s without a sandbox, too\n", a->what,
                      strerror(free_result));
    }
    if (result == a->expected) {
        return true;
    }
    print_error("%s: %s, not %s\n", a->what,
                result == NO_SCENE     ? "no scene"
                : result == NO_SANDBOX ? "no sandbox"
                                       : strerror(result),
                a->expected == 0 ? "allowed" : strerror(a->expected));
    return false;
}

void attempt_all(const struct attempt *attempts, size_t count, int (*enter)(void))
{
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++) {
        if (is_tried(&attempts[i]) && !ends_as_expected(&attempts[i], enter)) {
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}
