/* SPDX-License-Identifier: BSD-2-Clause */
/* What strangers send never reaches a log, a terminal or JSON raw: names over both doors of a
 * running wherryd, the words of ERRORs and ENDs, and the names of a listing. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/server_process.h"
#include "net/wire_client.h"
#include "support/scratch.h"
#include "support/scripted_server.h"
#include "support/scripted_tcp.h"

#define WAIT_MS 20000
#define LOG_BYTES (1u << 20)
#define RAW_BYTES 64

enum { OK = 0, NOT_FOUND = 2, DENIED = 3 };       /* on the wire */
enum { NETWORK = 4, FORBIDDEN = 6, REFUSED = 8 }; /* exit codes of wherry */

/* What is sent, how a log or a terminal shows it, and how JSON does; in the order of a listing. */
static const struct {
    const char *raw;
    const char *shown;
    const char *json;
} cases[] = {
    {"a\ndone op=read", "a\\x0adone op=read", "a\\u000adone op=read"},
    {"a\rz", "a\\x0dz", "a\\u000dz"},
    {"a\x1b[2Jz", "a\\x1b[2Jz", "a\\u001b[2Jz"},
    {"a\x1b]0;t\x07z", "a\\x1b]0;t\\x07z", "a\\u001b]0;t\\u0007z"},
    {"a\"\\z", "a\\\"\\\\z", "a\\\"\\\\z"},
    {"a\x7fz", "a\\x7fz", "a\\u007fz"},
    {"a\x9b[2Jz", "a\\x9b[2Jz", "a\xef\xbf\xbd[2Jz"},     /* CSI in Latin-1 */
    {"a\xc2\x9b[2Jz", "a\\xc2\\x9b[2Jz", "a\\u009b[2Jz"}, /* and in UTF-8 */
    {"a\xc3\xa9z", "a\xc3\xa9z", "a\xc3\xa9z"},           /* a letter stays a letter */
    {"a\xe2\x80\xaez", "a\\xe2\\x80\\xaez", "a\\u202ez"}, /* written backwards */
    {"a\xe2\x81\xa6z", "a\\xe2\\x81\\xa6z", "a\\u2066z"},
    {"a\xff\xfez", "a\\xff\\xfez", "a\xef\xbf\xbd\xef\xbf\xbdz"}, /* no UTF-8 */
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

/* --- the log of wherryd --- */

static int setup_server(void **state)
{
    static const char *const words[] = {SERVER_PROCESS_TCP, "--log-level", "debug", NULL};
    struct server_process *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    server_process_start(s, words);
    *state = s;
    return 0;
}

static int teardown_server(void **state)
{
    server_process_stop(*state);
    free(*state);
    return 0;
}

/* All of the log up to the server's end; the caller frees it. */
static char *read_log(struct server_process *s)
{
    char *log = malloc(LOG_BYTES);
    size_t len = s->held_len;

    assert_non_null(log);
    memcpy(log, s->held, len);
    assert_int_equal(kill(s->pid, SIGTERM), 0);
    for (;;) {
        struct pollfd p = {.fd = s->log, .events = POLLIN};
        ssize_t n;

        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        n = read(s->log, log + len, LOG_BYTES - 1 - len);
        assert_true(n >= 0);
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    log[len] = '\0';
    assert_int_equal(strlen(log), len);
    return log;
}

/* No control but line ends; no C1 control, mark of direction or stray byte either. What is left is
 * ASCII and the one letter of the table. */
static void expect_clean(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (strncmp(at, "\xc3\xa9", 2) == 0 || strncmp(at, "\xef\xbf\xbd", 3) == 0) {
            at += *at == '\xc3' ? 1 : 2;
        } else if (*at != '\n' && ((uint8_t)*at < ' ' || (uint8_t)*at >= 0x7f)) {
            fail_msg("raw byte 0x%02x in: %.80s", (uint8_t)*at, at > text + 20 ? at - 20 : text);
        }
    }
}

/* A line of the log has both. */
static void expect_line(const char *log, const char *begin, const char *part)
{
    for (const char *at = strstr(log, begin); at != NULL; at = strstr(at + 1, begin)) {
        if (memmem(at, strcspn(at, "\n"), part, strlen(part)) != NULL) {
            return;
        }
    }
    fail_msg("no line with %s ... %s in\n%s", begin, part, log);
}

static int open_udp(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
    return fd;
}

static void send_request(int fd, const struct sockaddr_in *to, uint8_t opcode, const char *name)
{
    uint8_t packet[RAW_BYTES + 16] = {0, opcode};
    size_t len = 2;

    assert_true(strlen(name) < RAW_BYTES);
    memcpy(packet + len, name, strlen(name) + 1);
    len += strlen(name) + 1;
    memcpy(packet + len, "octet", 6);
    len += 6;
    assert_int_equal(sendto(fd, packet, len, 0, (const struct sockaddr *)to, sizeof(*to)),
                     (ssize_t)len);
}

/* The answer has this opcode; its sender. */
static void take(int fd, uint8_t opcode, struct sockaddr_in *from)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    socklen_t len = sizeof(*from);
    uint8_t packet[1024];

    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    assert_true(recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)from, &len) >= 4);
    assert_int_equal(packet[1], opcode);
}

static void test_names_of_tftp_requests_are_quoted_in_the_log(void **state)
{
    struct server_process *s = *state;
    char *log;

    for (size_t i = 0; i < CASES; i++) {
        struct sockaddr_in from;
        int fd = open_udp();

        send_request(fd, &s->addr, 1, cases[i].raw);
        take(fd, 5, &from);
        send_request(fd, &s->addr, 2, cases[i].raw);
        take(fd, 5, &from);
        close(fd);
    }
    log = read_log(s);
    expect_clean(log);
    for (size_t i = 0; i < CASES; i++) {
        char name[2 * RAW_BYTES];

        snprintf(name, sizeof(name), " name=\"%s\"", cases[i].shown);
        expect_line(log, "missing op=read ", name);
        expect_line(log, "refused op=write ", name);
    }
    free(log);
}

static void test_texts_of_errors_are_quoted_in_the_log(void **state)
{
    struct server_process *s = *state;
    char *log;

    server_process_file(s, "file", 2000);
    for (size_t i = 0; i < CASES; i++) {
        uint8_t error[RAW_BYTES] = {0, 5, 0, 3};
        struct sockaddr_in from;
        int fd = open_udp();

        send_request(fd, &s->addr, 1, "file");
        take(fd, 3, &from);
        memcpy(error + 4, cases[i].raw, strlen(cases[i].raw) + 1);
        assert_true(sendto(fd, error, 5 + strlen(cases[i].raw), 0, (struct sockaddr *)&from,
                           sizeof(from)) > 0);
        server_process_expect_line(s, cases[i].shown, WAIT_MS);
        expect_clean(s->line);
        assert_non_null(strstr(s->line, " error=3 text=\""));
        close(fd);
    }
    log = read_log(s);
    expect_clean(log);
    free(log);
}

static void test_names_of_the_file_protocol_are_quoted_in_the_log(void **state)
{
    struct server_process *s = *state;
    struct wire *w = calloc(1, sizeof(*w));
    char *log;

    assert_non_null(w);
    wire_open(w, "127.0.0.1", &s->tcp);
    for (size_t i = 0; i < CASES; i++) {
        const char *raw = cases[i].raw;

        assert_int_not_equal(wire_status(w, wire_get(w, raw, 0, WHERRY_COUNT_ALL)), OK);
        assert_int_not_equal(wire_status(w, wire_ask(w, WHERRY_FRAME_HASH, raw)), OK);
        assert_int_not_equal(wire_status(w, wire_ask(w, WHERRY_FRAME_MKDIR, raw)), OK);
        assert_int_not_equal(wire_status(w, wire_list(w, raw, raw)), OK);
        assert_int_not_equal(wire_status(w, wire_put(w, raw, 1, WHERRY_PUT_CREATE, NULL)), OK);
    }
    wire_close(w);
    free(w);
    log = read_log(s);
    expect_clean(log);
    for (size_t i = 0; i < CASES; i++) {
        static const char *const ops[] = {"op=read ", "op=hash ", "op=mkdir ", "op=list ",
                                          "op=write "};
        char name[2 * RAW_BYTES];

        snprintf(name, sizeof(name), " name=\"%s\"", cases[i].shown);
        for (size_t k = 0; k < sizeof(ops) / sizeof(ops[0]); k++) {
            expect_line(log, ops[k], name);
        }
    }
    free(log);
}

/* --- what wherry prints --- */

/* All of a file of the scratch directory; valid until the next call. */
static const char *text_of(const char *name)
{
    static char text[LOG_BYTES];
    FILE *file = fopen(name, "r");
    size_t len;

    assert_non_null(file);
    len = fread(text, 1, sizeof(text) - 1, file);
    assert_int_equal(fclose(file), 0);
    text[len] = '\0';
    return text;
}

/* A terminal takes the place of standard output or standard error of the program; what it shows is
 * exactly what was written to it. */
static int open_terminal(const char *instead_of)
{
    struct termios settings;
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    int other;

    if (fd == -1 || grantpt(fd) != 0 || unlockpt(fd) != 0) {
        scratch_skip("no terminals here");
    }
    other = open(ptsname(fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(other >= 0);
    assert_int_equal(tcgetattr(other, &settings), 0);
    cfmakeraw(&settings);
    assert_int_equal(tcsetattr(other, TCSANOW, &settings), 0);
    scratch_link(ptsname(fd), instead_of);
    close(other);
    return fd;
}

/* What the terminal was given by the program that has ended; its other side is closed. */
static void take_shown(int fd, char *buf, size_t cap)
{
    size_t len = 0;
    ssize_t n;

    while (len < cap - 1 && (n = read(fd, buf + len, cap - 1 - len)) > 0) {
        len += (size_t)n;
    }
    buf[len] = '\0';
    close(fd);
}

static void expect_part(const char *text, const char *part)
{
    expect_clean(text);
    if (strstr(text, part) == NULL) {
        fail_msg("no %s in: %s", part, text);
    }
}

static void test_texts_of_errors_are_quoted_on_standard_error(void **state)
{
    struct scripted *s = *state;

    for (size_t i = 0; i < CASES; i++) {
        program_start(&s->program, "get -v URL/x y");
        scripted_take_request(s, 1, "x", "octet");
        scripted_error(s, 1, cases[i].raw);
        program_ends(&s->program, REFUSED);
        expect_part(text_of("stderr"), cases[i].shown);
    }
}

static void test_texts_of_ends_are_quoted_on_standard_error(void **state)
{
    struct scripted_tcp *s = *state;

    for (size_t i = 0; i < CASES; i++) {
        program_start(&s->program, "stat URL/x");
        scripted_tcp_greet(s);
        scripted_tcp_take_path(s, TCP_STAT, "x");
        scripted_tcp_end(s, DENIED, cases[i].raw);
        program_ends(&s->program, FORBIDDEN);
        expect_part(text_of("stderr"), cases[i].shown);
        program_start(&s->program, "stat URL/x");
        scripted_tcp_greet(s);
        scripted_tcp_take_path(s, TCP_STAT, "x");
        scripted_tcp_goaway(s, DENIED, cases[i].raw, 0);
        scripted_tcp_close(s);
        program_ends(&s->program, NETWORK);
        expect_part(text_of("stderr"), cases[i].shown);
    }
}

/* One listing with all names, of this command line. */
static void list(struct scripted_tcp *s, const char *words)
{
    program_start(&s->program, words);
    scripted_tcp_greet(s);
    scripted_tcp_take_list(s, "", "");
    for (size_t i = 0; i < CASES; i++) {
        scripted_tcp_entry(s, SCRIPTED_TCP_FILE, 1, 0, cases[i].raw);
    }
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
}

static void test_names_of_listings_are_quoted_or_escaped(void **state)
{
    struct scripted_tcp *s = *state;

    list(s, "list URL");
    for (size_t i = 0; i < CASES; i++) {
        expect_part(text_of("stdout"), cases[i].shown);
    }
    list(s, "list --json URL");
    for (size_t i = 0; i < CASES; i++) {
        expect_part(text_of("stdout"), cases[i].json);
    }
}

static void test_bare_names_are_quoted_on_a_terminal(void **state)
{
    struct scripted_tcp *s = *state;
    char shown[4096];
    int terminal = open_terminal("stdout");

    list(s, "list -1 URL");
    take_shown(terminal, shown, sizeof(shown));
    for (size_t i = 0; i < CASES; i++) {
        expect_part(shown, cases[i].shown);
    }
}

static void test_the_path_of_a_digest_is_quoted_on_a_terminal(void **state)
{
    struct scripted_tcp *s = *state;
    const uint8_t sha256[32] = {1};
    char shown[4096];
    int terminal = open_terminal("stdout");

    program_start(&s->program, "hash URL/a%1b[2J%9b");
    scripted_tcp_greet(s);
    scripted_tcp_take_path(s, TCP_HASH, "a\x1b[2J\x9b");
    scripted_tcp_hash_reply(s, 1, sha256);
    scripted_tcp_end(s, OK, "");
    program_ends(&s->program, 0);
    take_shown(terminal, shown, sizeof(shown));
    expect_part(shown, "  a\\x1b[2J\\x9b\n");
}

static void test_names_of_a_tree_are_quoted_on_standard_error(void **state)
{
    struct scripted_tcp *s = *state;

    program_start(&s->program, "get -r -v URL/dir");
    scripted_tcp_greet(s);
    for (unsigned i = 0; i < 2; i++) { /* what it is, and once more with the listing */
        scripted_tcp_take_path(s, TCP_STAT, "dir");
        scripted_tcp_info(s, SCRIPTED_TCP_DIRECTORY, 0, 0, 1);
        scripted_tcp_end(s, OK, "");
    }
    scripted_tcp_take_list(s, "dir", "");
    for (size_t i = 0; i < CASES; i++) {
        scripted_tcp_entry(s, SCRIPTED_TCP_FILE, 1, 0, cases[i].raw);
    }
    scripted_tcp_end(s, OK, "");
    for (size_t i = 0; i < CASES; i++) {
        char path[RAW_BYTES];

        snprintf(path, sizeof(path), "dir/%s", cases[i].raw);
        scripted_tcp_take_get(s, path, 0, UINT64_MAX, -1);
        if (i % 2 == 0) {
            scripted_tcp_end(s, NOT_FOUND, cases[i].raw);
        } else {
            scripted_tcp_get_reply(s, 1, 0, 1, 1);
            scripted_tcp_data(s, "x", 1);
            scripted_tcp_end(s, OK, "");
        }
    }
    program_ends(&s->program, REFUSED);
    for (size_t i = 0; i < CASES; i++) {
        expect_part(text_of("stderr"), cases[i].shown);
    }
}

int main(void)
{
#define SERVER(f) cmocka_unit_test_setup_teardown(f, setup_server, teardown_server)
#define TFTP(f) cmocka_unit_test_setup_teardown(f, scripted_setup, scripted_teardown)
#define TCP(f) cmocka_unit_test_setup_teardown(f, scripted_tcp_setup, scripted_tcp_teardown)
    const struct CMUnitTest tests[] = {
        SERVER(test_names_of_tftp_requests_are_quoted_in_the_log),
        SERVER(test_texts_of_errors_are_quoted_in_the_log),
        SERVER(test_names_of_the_file_protocol_are_quoted_in_the_log),
        TFTP(test_texts_of_errors_are_quoted_on_standard_error),
        TCP(test_texts_of_ends_are_quoted_on_standard_error),
        TCP(test_names_of_listings_are_quoted_or_escaped),
        TCP(test_bare_names_are_quoted_on_a_terminal),
        TCP(test_the_path_of_a_digest_is_quoted_on_a_terminal),
        TCP(test_names_of_a_tree_are_quoted_on_standard_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
