/* SPDX-License-Identifier: BSD-2-Clause */
/* The sockets of a running wherryd that was started with privileges and gave them away. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/plain_client.h"
#include "net/server_process.h"
#include "server/tftp_port.h"

#define WAIT_MS 20000

/* What the test looks at of the socket that one transfer came from. */
struct seen {
    ino_t inode;
    uint16_t port;
    int buffer;
};

static void need_privileges(void)
{
    int bytes = PORTS_BUFFER_BYTES;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    bool may = geteuid() == 0 && self != -1 &&
               setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) == 0;

    close(fd);
    close(self);
    if (!may) {
        print_message("skip: takes root with CAP_NET_ADMIN, and pidfd_getfd()\n");
        skip();
    }
}

static bool look_at(int fd, uint16_t port, struct seen *ret)
{
    struct sockaddr_in a = {.sin_family = AF_UNSPEC};
    socklen_t len = sizeof(a);
    struct stat st;

    if (getsockname(fd, (struct sockaddr *)&a, &len) != 0 || a.sin_family != AF_INET ||
        ntohs(a.sin_port) != port) {
        return false;
    }
    len = sizeof(ret->buffer);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &ret->buffer, &len), 0);
    assert_int_equal(fstat(fd, &st), 0);
    ret->inode = st.st_ino;
    ret->port = port;
    return true;
}

/* The server's socket on this port, through its own descriptor. */
static void find_socket(const struct server_process *s, uint16_t port, struct seen *ret)
{
    int pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    const struct dirent *e;
    bool found = false;
    char path[64];
    DIR *d;

    assert_true(pidfd >= 0);
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)s->pid);
    d = opendir(path);
    assert_non_null(d);
    while (!found && (e = readdir(d)) != NULL) {
        int fd = e->d_name[0] == '.'
                     ? -1
                     : (int)syscall(SYS_pidfd_getfd, pidfd, (int)strtol(e->d_name, NULL, 10), 0);

        if (fd != -1) {
            found = look_at(fd, port, ret);
            close(fd);
        }
    }
    closedir(d);
    close(pidfd);
    assert_true(found);
}

/* Reads the file of one byte, and looks at the port that it came from before it closes. */
static struct seen transfer(const struct server_process *s)
{
    struct seen seen = {.port = 0};
    struct plain_client c;

    plain_open(&c);
    plain_ask(&c, &s->addr, 1, "small");
    plain_take(&c, 3, 1);
    find_socket(s, ntohs(c.from.sin_port), &seen);
    plain_ack(&c, 1);
    close(c.fd);
    return seen;
}

static void start(struct server_process *s, const char *user)
{
    const char *const words[] = {
        "--transfer-ports", "shared", "--sandbox", "auto", "--workers", "1", "--user", user, NULL};

    server_process_start(s, words);
    server_process_expect_line(s, " serves ", WAIT_MS);
    assert_int_equal(chmod(s->root, 0755), 0);
    server_process_file(s, "small", 1);
}

static void test_shared_port_of_a_privileged_start_has_the_large_buffer(void **state)
{
    struct server_process s;

    (void)state;
    need_privileges();
    start(&s, "nobody");
    assert_int_equal(transfer(&s).buffer, 2 * PORTS_BUFFER_BYTES);
    server_process_stop(&s);
}

/* In its sandbox, where no privilege is left that could make another of its size. */
static void test_large_socket_serves_again(void **state)
{
    struct server_process s;
    time_t end = time(NULL) + WAIT_MS / 1000;
    struct seen first;
    struct seen again;

    (void)state;
    need_privileges();
    start(&s, "nobody");
    first = transfer(&s);
    do {
        again = transfer(&s);
    } while (again.inode != first.inode && time(NULL) < end);
    assert_int_equal(again.inode, first.inode);
    assert_int_equal(again.buffer, 2 * PORTS_BUFFER_BYTES);
    server_process_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_port_of_a_privileged_start_has_the_large_buffer),
        cmocka_unit_test(test_large_socket_serves_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
