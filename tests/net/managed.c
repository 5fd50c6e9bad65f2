/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/managed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/plain_client.h"

#define WAIT_MS 20000
#define WORDS_MAX 24
#define ASIDE 100 /* descriptors from here on are free in the child */

int managed_setup(void **state)
{
    struct managed *f = calloc(1, sizeof(*f));
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    assert_non_null(f);
    strcpy(f->server.root, "/tmp/wherry-test-XXXXXX");
    assert_non_null(mkdtemp(f->server.root));
    snprintf(f->name, sizeof(f->name), "@wherry-test-%d", (int)getpid());
    memcpy(a.sun_path + 1, f->name + 1, strlen(f->name) - 1);
    f->manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_return_code(f->manager, errno);
    assert_return_code(bind(f->manager, (const struct sockaddr *)&a,
                            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(f->name))),
                       errno);
    server_process_file(&f->server, "file", PLAIN_FILE_BYTES);
    *state = f;
    return 0;
}

static void forget(struct managed *f)
{
    for (size_t i = 0; i < f->count; i++) {
        close(f->sockets[i]);
    }
    close(f->manager);
    free(f);
}

int managed_teardown(void **state)
{
    struct managed *f = *state;

    server_process_stop(&f->server);
    forget(f);
    return 0;
}

int managed_teardown_ended(void **state)
{
    struct managed *f = *state;
    char path[128];

    close(f->server.log);
    snprintf(path, sizeof(path), "%s/file", f->server.root);
    assert_return_code(unlink(path), errno);
    assert_return_code(rmdir(f->server.root), errno);
    forget(f);
    return 0;
}

int managed_hand_over(struct managed *f, int type, const char *host)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    assert_return_code(fd, errno);
    assert_int_equal(inet_pton(AF_INET, host, &a.sin_addr), 1);
    assert_return_code(bind(fd, (const struct sockaddr *)&a, sizeof(a)), errno);
    if (type == SOCK_STREAM) {
        assert_return_code(listen(fd, 16), errno);
    }
    assert_true(f->count < MANAGED_SOCKETS_MAX);
    f->sockets[f->count++] = fd;
    return fd;
}

struct sockaddr_in managed_name_of(int fd)
{
    struct sockaddr_in a;
    socklen_t len = sizeof(a);

    assert_return_code(getsockname(fd, (struct sockaddr *)&a, &len), errno);
    if (a.sin_addr.s_addr == htonl(INADDR_ANY)) {
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    return a;
}

static void child(const struct managed *f, int log, const char *const words[])
{
    const char *argv[WORDS_MAX] = {WHERRYD, "--root", f->server.root, "--log-level", "debug"};
    char number[24];
    size_t n = 5;

    for (size_t i = 0; words != NULL && words[i] != NULL && n < WORDS_MAX - 3; i++) {
        argv[n++] = words[i];
    }
    if (geteuid() == 0) {
        argv[n++] = "--user";
        argv[n++] = "root";
    }
    argv[n] = NULL;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(log, 2);
    for (size_t i = 0; i < f->count; i++) { /* out of each other's way first */
        dup2(f->sockets[i], ASIDE + (int)i);
    }
    for (size_t i = 0; i < f->count; i++) {
        dup2(ASIDE + (int)i, 3 + (int)i);
        close(ASIDE + (int)i);
    }
    if (f->count > 0) {
        snprintf(number, sizeof(number), "%zu", f->count);
        setenv("LISTEN_FDS", number, 1);
        snprintf(number, sizeof(number), "%d", f->for_another ? 1 : (int)getpid());
        setenv("LISTEN_PID", number, 1);
    }
    setenv("NOTIFY_SOCKET", f->name, 1);
    for (size_t i = 0; i + 1 < MANAGED_ENVIRONMENT_MAX && f->environment[i] != NULL; i += 2) {
        setenv(f->environment[i], f->environment[i + 1], 1);
    }
    execv(WHERRYD, (char *const *)(uintptr_t)argv);
    _exit(127);
}

void managed_launch(struct managed *f, const char *const words[])
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    f->server.pid = fork();
    assert_return_code(f->server.pid, errno);
    if (f->server.pid == 0) {
        child(f, ends[1], words);
    }
    close(ends[1]);
    f->server.log = ends[0];
}

void managed_launch_listening(struct managed *f, const char *const words[])
{
    const char *all[WORDS_MAX] = {"--listen", "tftp://127.0.0.1:0"};
    const char *line;

    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        all[i + 2] = words[i];
    }
    managed_launch(f, all);
    line = server_process_expect_line(&f->server, "listening on tftp://127.0.0.1:", WAIT_MS);
    assert_null(strstr(line, "handed over"));
    f->server.addr = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10)),
    };
}

const char *managed_hear(struct managed *f)
{
    struct pollfd p = {.fd = f->manager, .events = POLLIN};
    ssize_t n;

    if (poll(&p, 1, WAIT_MS) != 1) {
        fail_msg("nothing is told; the last was: %s", f->said);
    }
    n = recv(f->manager, f->said, sizeof(f->said) - 1, 0);
    assert_return_code(n, errno);
    f->said[n] = '\0';
    return f->said;
}

const char *managed_expect_told(struct managed *f, const char *part)
{
    while (strstr(managed_hear(f), part) == NULL) {
    }
    return f->said;
}

void managed_signal(const struct managed *f, int signum)
{
    assert_int_equal(kill(f->server.pid, signum), 0);
}
