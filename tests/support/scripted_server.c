/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/scripted_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/pattern.h"
#include "support/scratch.h"

#define DEADLINE_MS 30000 /* far beyond what anything here takes, also under a sanitizer */
#define WORDS_MAX 32
#define PATTERN_BYTES (1u << 20)

enum { RRQ = 1, WRQ = 2, DATA = 3, ACK = 4, ERROR = 5, OACK = 6 };

int scripted_socket(const char *address)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_return_code(fd, errno);
    assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
    assert_return_code(bind(fd, (struct sockaddr *)&a, sizeof(a)), errno);
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in a;
    socklen_t len = sizeof(a);

    assert_return_code(getsockname(fd, (struct sockaddr *)&a, &len), errno);
    return ntohs(a.sin_port);
}

int scripted_setup(void **state)
{
    struct scripted *s = calloc(1, sizeof(*s));

    if (s == NULL || scratch_setup(state) != 0) {
        free(s);
        return -1;
    }
    s->listener = scripted_socket("127.0.0.1");
    s->port = port_of(s->listener);
    s->tid = -1;
    *state = s;
    return 0;
}

int scripted_teardown(void **state)
{
    struct scripted *s = *state;

    if (s->pid != 0) { /* the test failed on the way */
        (void)kill(s->pid, SIGKILL);
        (void)waitpid(s->pid, NULL, 0);
    }
    (void)close(s->listener);
    if (s->tid != -1) {
        (void)close(s->tid);
    }
    free(s);
    return scratch_teardown(state);
}

/* --- the program --- */

/* Takes `words` apart in place. */
static void make_arguments(struct scripted *s, char *words, char *argv[WORDS_MAX],
                           char urls[WORDS_MAX][128])
{
    char *save = NULL;
    int argc = 0;

    argv[argc++] = (char *)"wherry";
    for (char *word = strtok_r(words, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        assert_true(argc + 1 < WORDS_MAX);
        if (strncmp(word, "URL", 3) == 0) {
            (void)snprintf(urls[argc], 128, "tftp://127.0.0.1:%u%s", s->port, word + 3);
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

void scripted_start_with_input(struct scripted *s, const char *words, int in)
{
    char *copy = strdup(words);
    char urls[WORDS_MAX][128];
    char *argv[WORDS_MAX];

    assert_non_null(copy);
    assert_int_equal(s->pid, 0);
    make_arguments(s, copy, argv, urls);
    s->pid = fork();
    assert_return_code(s->pid, errno);
    if (s->pid == 0) {
        redirect(in);
        (void)execv(WHERRY, argv);
        _exit(127);
    }
    free(copy);
}

void scripted_start_function(struct scripted *s, int (*fn)(const struct scripted *s))
{
    assert_int_equal(s->pid, 0);
    s->pid = fork();
    assert_return_code(s->pid, errno);
    if (s->pid == 0) {
        redirect(STDIN_FILENO);
        _exit(fn(s));
    }
}

void scripted_start(struct scripted *s, const char *words)
{
    int in = open("stdin", O_RDONLY | O_CLOEXEC);

    if (in == -1) {
        in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    assert_return_code(in, errno);
    scripted_start_with_input(s, words, in);
    assert_return_code(close(in), errno);
}

void scripted_signal(struct scripted *s, int signum)
{
    assert_return_code(kill(s->pid, signum), errno);
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

void scripted_ends(struct scripted *s, int code)
{
    int pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int status = 0;

    assert_return_code(pidfd, errno);
    if (poll(&p, 1, DEADLINE_MS) != 1) {
        fail_msg("the program is still running");
    }
    assert_return_code(close(pidfd), errno);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    s->pid = 0;
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

void scripted_says(const char *part)
{
    char *all;

    if (!said(part, &all)) {
        fail_msg("\"%s\" is missing in:\n%s", part, all);
    }
    free(all);
}

void scripted_never_says(const char *part)
{
    char *all;

    if (said(part, &all)) {
        fail_msg("\"%s\" is in:\n%s", part, all);
    }
    free(all);
}

/* --- packets that come --- */

/* Into s->packet, with a NUL behind it. */
static void take(struct scripted *s, int fd, struct sockaddr_in *from)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    socklen_t from_len = sizeof(*from);
    ssize_t n;

    if (poll(&p, 1, DEADLINE_MS) != 1) {
        fail_msg("no packet came");
    }
    n = recvfrom(fd, s->packet, sizeof(s->packet) - 1, 0, (struct sockaddr *)from, &from_len);
    assert_return_code(n, errno);
    s->len = (size_t)n;
    s->packet[s->len] = 0;
}

static unsigned number_at(const struct scripted *s, size_t offset)
{
    assert_true(s->len >= offset + 2);
    return (unsigned)s->packet[offset] << 8 | s->packet[offset + 1];
}

static void take_opcode(struct scripted *s, int fd, unsigned opcode)
{
    struct sockaddr_in from;

    take(s, fd, &from);
    if (number_at(s, 0) != opcode) {
        fail_msg("opcode %u (and %u) came where %u was due", number_at(s, 0), number_at(s, 2),
                 opcode);
    }
    assert_int_equal(from.sin_port, s->client.sin_port);
}

void scripted_take_request(struct scripted *s, uint16_t opcode, const char *name, const char *mode)
{
    in_port_t before = s->client.sin_port;
    const char *asked_name = (const char *)s->packet + 2;

    take(s, s->listener, &s->client);
    assert_int_equal(number_at(s, 0), opcode);
    assert_string_equal(asked_name, name);
    assert_string_equal(asked_name + strlen(name) + 1, mode);
    assert_int_not_equal(s->client.sin_port, before); /* each request from a port of its own */
    if (s->tid != -1) {
        assert_return_code(close(s->tid), errno);
    }
    s->tid = scripted_socket("127.0.0.1");
}

const char *scripted_asked(const struct scripted *s, const char *option)
{
    const char *at = (const char *)s->packet + 2;
    const char *end = (const char *)s->packet + s->len;

    at += strlen(at) + 1; /* the name */
    at += strlen(at) + 1; /* the mode */
    while (at < end) {
        const char *value = at + strlen(at) + 1;

        if (strcasecmp(at, option) == 0) {
            return value;
        }
        at = value + strlen(value) + 1;
    }
    return NULL;
}

bool scripted_waits_at(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

void scripted_no_request(struct scripted *s)
{
    assert_false(scripted_waits_at(s->listener));
}

void scripted_take_ack(struct scripted *s, uint16_t block)
{
    take_opcode(s, s->tid, ACK);
    assert_int_equal(number_at(s, 2), block);
}

void scripted_take_data(struct scripted *s, uint16_t block, const void *bytes, size_t len)
{
    take_opcode(s, s->tid, DATA);
    assert_int_equal(number_at(s, 2), block);
    assert_int_equal(s->len - 4, len);
    assert_memory_equal(s->packet + 4, bytes, len);
}

void scripted_take_error(struct scripted *s, uint16_t code)
{
    scripted_take_error_at(s, s->tid, code);
}

void scripted_take_until_error(struct scripted *s, uint16_t opcode, unsigned least)
{
    struct sockaddr_in from;
    unsigned count = 0;

    for (take(s, s->tid, &from); number_at(s, 0) == opcode; take(s, s->tid, &from)) {
        count++;
    }
    assert_int_equal(number_at(s, 0), ERROR);
    assert_int_equal(number_at(s, 2), 0);
    assert_true(count >= least);
}

void scripted_take_error_at(struct scripted *s, int fd, uint16_t code)
{
    take_opcode(s, fd, ERROR);
    assert_int_equal(number_at(s, 2), code);
    assert_int_equal(s->packet[s->len - 1], 0); /* the text ends with NUL */
}

/* --- packets that go --- */

void scripted_send(struct scripted *s, int fd, const void *bytes, size_t len)
{
    ssize_t n = sendto(fd, bytes, len, 0, (struct sockaddr *)&s->client, sizeof(s->client));

    assert_int_equal(n, len);
}

/* Two numbers, then bytes. */
static void send_numbers(struct scripted *s, unsigned opcode, unsigned number, const void *bytes,
                         size_t len)
{
    uint8_t *packet = malloc(4 + len);

    assert_non_null(packet);
    packet[0] = 0;
    packet[1] = (uint8_t)opcode;
    packet[2] = (uint8_t)(number >> 8);
    packet[3] = (uint8_t)(number & 0xff);
    if (len > 0) {
        memcpy(packet + 4, bytes, len);
    }
    scripted_send(s, s->tid, packet, 4 + len);
    free(packet);
}

void scripted_oack(struct scripted *s, ...)
{
    uint8_t packet[512] = {0, OACK};
    size_t len = 2;
    va_list words;
    const char *word;

    va_start(words, s);
    while ((word = va_arg(words, const char *)) != NULL) {
        assert_true(len + strlen(word) + 1 <= sizeof(packet));
        memcpy(packet + len, word, strlen(word) + 1);
        len += strlen(word) + 1;
    }
    va_end(words);
    scripted_send(s, s->tid, packet, len);
}

void scripted_data(struct scripted *s, uint16_t block, const void *bytes, size_t len)
{
    send_numbers(s, DATA, block, bytes, len);
}

void scripted_ack(struct scripted *s, uint16_t block)
{
    send_numbers(s, ACK, block, NULL, 0);
}

void scripted_error(struct scripted *s, uint16_t code, const char *text)
{
    send_numbers(s, ERROR, code, text, strlen(text) + 1);
}

/* --- files --- */

void scripted_file_is(const char *name, const void *bytes, size_t len)
{
    size_t have;
    char *text = read_whole(name, &have);

    assert_int_equal(have, len);
    assert_memory_equal(text, bytes, len);
    free(text);
}

void scripted_put_file(const char *name, const void *bytes, size_t len)
{
    FILE *out = fopen(name, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

const uint8_t *scripted_pattern(size_t len)
{
    static uint8_t bytes[PATTERN_BYTES];

    assert_true(len <= sizeof(bytes));
    for (size_t i = 0; i < len; i++) {
        bytes[i] = pattern_at(i);
    }
    return bytes;
}
