/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/server_process.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/pattern.h"
#include "support/scratch.h"

#define WORDS_MAX 64

static long long now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The words of the environment's WHERRYD_OPTIONS, such as "--workers 4 --segments off", come before
 * the test's own, which win. */
static size_t take_options(const char **words, size_t cap)
{
    const char *options = getenv("WHERRYD_OPTIONS");
    char *copy = strdup(options != NULL ? options : ""); /* until exec */
    char *rest = NULL;
    size_t count = 0;

    for (char *word = strtok_r(copy, " ", &rest); word != NULL && count < cap;
         word = strtok_r(NULL, " ", &rest)) {
        words[count++] = word;
    }
    return count;
}

static void child(const struct server_process *s, int log, const char *const words[])
{
    const char *argv[WORDS_MAX] = {WHERRYD, "--listen", "tftp://127.0.0.1:0", "--root", s->root};
    size_t n = 5 + take_options(&argv[5], WORDS_MAX / 2);

    if (geteuid() == 0) {
        argv[n++] = "--user";
        argv[n++] = "root";
    }
    for (size_t i = 0; words != NULL && words[i] != NULL && n < WORDS_MAX - 1; i++) {
        argv[n++] = words[i];
    }
    argv[n] = NULL;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(log, 2);
    execv(WHERRYD, (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* The address in a line that says where it listens. */
static void take_address(struct server_process *s, const char *beginning, struct sockaddr_in *ret)
{
    const char *port = strstr(server_process_expect_line(s, beginning, 20000), "127.0.0.1:");

    ret->sin_family = AF_INET;
    ret->sin_port = htons((uint16_t)strtoul(port + strlen("127.0.0.1:"), NULL, 10));
    ret->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_not_equal(ret->sin_port, 0);
}

void server_process_launch(struct server_process *s, const char *const words[])
{
    int ends[2];

    s->held_len = 0;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        child(s, ends[1], words);
    }
    close(ends[1]);
    s->log = ends[0];
    take_address(s, "listening on tftp://127.0.0.1:", &s->addr);
    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        if (strncmp(words[i], "wherry://", strlen("wherry://")) == 0) {
            take_address(s, "listening on wherry://127.0.0.1:", &s->tcp);
        }
    }
}

void server_process_start(struct server_process *s, const char *const words[])
{
    memset(s, 0, sizeof(*s));
    strcpy(s->root, "/tmp/wherry-test-XXXXXX");
    assert_non_null(mkdtemp(s->root));
    server_process_launch(s, words);
}

void server_process_kill(struct server_process *s)
{
    int status;

    assert_int_equal(kill(s->pid, SIGKILL), 0);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    close(s->log);
}

static void remove_root(const char *root)
{
    DIR *d = opendir(root);
    const struct dirent *e;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        unlinkat(dirfd(d), e->d_name, 0); /* "." and ".." fail, as they should */
    }
    closedir(d);
    assert_int_equal(rmdir(root), 0);
}

void server_process_stop(struct server_process *s)
{
    char rest[4096];
    int status;

    assert_int_equal(kill(s->pid, SIGTERM), 0);
    while (read(s->log, rest, sizeof(rest)) > 0) { /* to its end, so that it never blocks */
    }
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(s->log);
    remove_root(s->root);
}

/* Takes one whole line out of what was read. */
static bool take_line(struct server_process *s)
{
    char *newline = memchr(s->held, '\n', s->held_len);
    size_t len;

    if (newline == NULL) {
        return false;
    }
    len = (size_t)(newline - s->held);
    if (len >= sizeof(s->line)) {
        fail_msg("a log line of %zu bytes", len);
    }
    memcpy(s->line, s->held, len);
    s->line[len] = '\0';
    s->held_len -= len + 1;
    memmove(s->held, newline + 1, s->held_len);
    return true;
}

const char *server_process_expect_line(struct server_process *s, const char *part, int timeout_ms)
{
    long long end_ms = now_ms() + timeout_ms;

    for (;;) {
        struct pollfd p = {.fd = s->log, .events = POLLIN};
        ssize_t n;

        while (take_line(s)) {
            if (strstr(s->line, part) != NULL) {
                return s->line;
            }
        }
        if (now_ms() >= end_ms || poll(&p, 1, (int)(end_ms - now_ms())) != 1) {
            fail_msg("no log line with '%s' within %d ms", part, timeout_ms);
        }
        n = read(s->log, s->held + s->held_len, sizeof(s->held) - s->held_len);
        if (n <= 0) {
            fail_msg("wherryd ended; its last line: %s", s->line);
        }
        s->held_len += (size_t)n;
    }
}

void server_process_file(const struct server_process *s, const char *name, size_t size)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", s->root, name);
    f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < size; i++) {
        assert_int_not_equal(putc(pattern_at(i), f), EOF);
    }
    assert_int_equal(fclose(f), 0);
}

size_t server_process_descriptors(const struct server_process *s)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)s->pid);
    return scratch_count(path);
}

size_t server_process_resident_kib(const struct server_process *s)
{
    unsigned long kib = 0;
    char text[256];
    FILE *f;

    snprintf(text, sizeof(text), "/proc/%d/status", (int)s->pid);
    f = fopen(text, "r");
    assert_non_null(f);
    while (fgets(text, sizeof(text), f) != NULL) {
        if (sscanf(text, "VmRSS: %lu kB", &kib) == 1) {
            break;
        }
    }
    fclose(f);
    assert_true(kib > 0);
    return kib;
}

size_t server_process_loops(const struct server_process *s)
{
    char path[64 + 256];
    char target[64];
    size_t loops = 0;
    const struct dirent *e;
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)s->pid);
    d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)s->pid, e->d_name);
        n = readlink(path, target, sizeof(target) - 1);
        if (n > 0) {
            target[n] = '\0';
            loops += strcmp(target, "anon_inode:[eventpoll]") == 0 ? 1 : 0;
        }
    }
    closedir(d);
    assert_true(loops > 0);
    return loops;
}

/* Half uploads, and what is written down about them. */
static size_t count_leftovers(const struct server_process *s)
{
    DIR *d = opendir(s->root);
    const struct dirent *e;
    size_t count = 0;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        count += strncmp(e->d_name, ".wherry-", strlen(".wherry-")) == 0;
    }
    closedir(d);
    return count;
}

void server_process_await_no_leftovers(const struct server_process *s)
{
    const long long end_ms = now_ms() + 20000;
    char events[4096];
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    assert_true(fd >= 0);
    assert_true(inotify_add_watch(fd, s->root, IN_DELETE | IN_MOVED_FROM) >= 0);
    while (count_leftovers(s) > 0) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        long long left_ms = end_ms - now_ms();

        if (left_ms <= 0 || poll(&p, 1, (int)left_ms) != 1) {
            fail_msg("%zu half uploads stay", count_leftovers(s));
        }
        while (read(fd, events, sizeof(events)) > 0) { /* which ones is looked up anew */
        }
    }
    close(fd);
}
