/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/pattern.h"

#define DEADLINE_MS 30000 /* far beyond what anything here takes, also under a sanitizer */
#define WORDS_MAX 32
#define PATTERN_BYTES (1u << 20)

/* Takes `words` apart in place. */
static void make_arguments(struct program *p, char *words, char *argv[WORDS_MAX],
                           char urls[WORDS_MAX][128])
{
    char *save = NULL;
    int argc = 0;

    argv[argc++] = (char *)"wherry";
    for (char *word = strtok_r(words, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        assert_true(argc + 1 < WORDS_MAX);
        if (strncmp(word, "URL", 3) == 0) {
            (void)snprintf(urls[argc], 128, "%s127.0.0.1:%u%s", p->scheme, p->port, word + 3);
            word = urls[argc];
        }
        argv[argc++] = word;
    }
    argv[argc] = NULL;
}

static void redirect(int in)
{
    int out = open("stdout", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int err = open("stderr", O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (in == -1 || out == -1 || err == -1 || dup2(in, 0) == -1 || dup2(out, 1) == -1 ||
        dup2(err, 2) == -1) {
        _exit(126);
    }
}

void program_start_with_input(struct program *p, const char *words, int in)
{
    char *copy = strdup(words);
    char urls[WORDS_MAX][128];
    char *argv[WORDS_MAX];

    assert_non_null(copy);
    assert_int_equal(p->pid, 0);
    make_arguments(p, copy, argv, urls);
    p->pid = fork();
    assert_return_code(p->pid, errno);
    if (p->pid == 0) {
        redirect(in);
        (void)execv(WHERRY, argv);
        _exit(127);
    }
    free(copy);
}

void program_start_function(struct program *p, int (*fn)(const void *arg), const void *arg)
{
    assert_int_equal(p->pid, 0);
    p->pid = fork();
    assert_return_code(p->pid, errno);
    if (p->pid == 0) {
        redirect(STDIN_FILENO);
        _exit(fn(arg));
    }
}

void program_start(struct program *p, const char *words)
{
    int in = open("stdin", O_RDONLY | O_CLOEXEC);

    if (in == -1) {
        in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    assert_return_code(in, errno);
    program_start_with_input(p, words, in);
    assert_return_code(close(in), errno);
}

void program_signal(struct program *p, int signum)
{
    assert_return_code(kill(p->pid, signum), errno);
}

/* The whole file, with a NUL behind it; the caller frees it. */
static char *read_whole(const char *name, size_t *ret_len)
{
    FILE *in = fopen(name, "rb");
    char *text = NULL;
    size_t len = 0;
    size_t cap = 0;

    if (in == NULL) {
        fail_msg("%s: %s", name, strerror(errno));
        return NULL;
    }
    do {
        cap = cap * 2 + 4096;
        text = realloc(text, cap);
        assert_non_null(text);
        len += fread(text + len, 1, cap - len - 1, in);
    } while (!feof(in) && !ferror(in));
    assert_int_equal(fclose(in), 0);
    text[len] = '\0';
    *ret_len = len;
    return text;
}

void program_ends(struct program *p, int code)
{
    int pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    struct pollfd ending = {.fd = pidfd, .events = POLLIN};
    int status = 0;

    assert_return_code(pidfd, errno);
    if (poll(&ending, 1, DEADLINE_MS) != 1) {
        fail_msg("the program is still running");
    }
    assert_return_code(close(pidfd), errno);
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    p->pid = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code) {
        size_t len;
        char *said = read_whole("stderr", &len);

        fail_msg("wait status %#x where exit code %d was due; it said:\n%s", (unsigned)status, code,
                 said);
    }
}

static bool said(const char *part, char **ret_all)
{
    size_t len;

    *ret_all = read_whole("stderr", &len);
    return strstr(*ret_all, part) != NULL;
}

void program_kill(struct program *p)
{
    if (p->pid != 0) {
        (void)kill(p->pid, SIGKILL);
        (void)waitpid(p->pid, NULL, 0);
        p->pid = 0;
    }
}

void program_says(const char *part)
{
    char *all;

    if (!said(part, &all)) {
        fail_msg("\"%s\" is missing in:\n%s", part, all);
    }
    free(all);
}

void program_never_says(const char *part)
{
    char *all;

    if (said(part, &all)) {
        fail_msg("\"%s\" is in:\n%s", part, all);
    }
    free(all);
}

void program_file_is(const char *name, const void *bytes, size_t len)
{
    size_t have;
    char *text = read_whole(name, &have);

    assert_int_equal(have, len);
    assert_memory_equal(text, bytes, len);
    free(text);
}

void program_put_file(const char *name, const void *bytes, size_t len)
{
    FILE *out = fopen(name, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

const uint8_t *program_pattern(size_t len)
{
    static uint8_t bytes[PATTERN_BYTES];

    assert_true(len <= sizeof(bytes));
    for (size_t i = 0; i < len; i++) {
        bytes[i] = pattern_at(i);
    }
    return bytes;
}
