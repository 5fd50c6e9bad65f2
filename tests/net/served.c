/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/served.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/number.h"
#include "io/pool.h"
#include "net/udp.h"

#define PATIENCE_NS (20 * NUMBER_SECOND)

static size_t open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d)) {
        n++;
    }
    closedir(d);
    return n;
}

static void keep_line(void *arg, enum log_level level, const char *line)
{
    struct served *f = arg;

    (void)level;
    assert_true(f->lines < SERVED_LINES);
    f->line[f->lines] = strdup(line);
    assert_non_null(f->line[f->lines]);
    f->lines++;
}

static void on_drained(void *arg)
{
    ((struct served *)arg)->drained = true;
}

static void on_limit(void *arg)
{
    ((struct served *)arg)->late = true;
}

static void defaults(struct config *c)
{
    c->write = POLICY_WRITE_REPLACE;
    c->blksize_max = 65464;
    c->windowsize_max = 64;
    c->window_bytes_max = 4 * 1024 * 1024;
    c->umask = 022;
    c->upload_mode = 0640;
    c->drain_timeout_ns = 10 * NUMBER_SECOND;
    c->patience_ns = 60 * NUMBER_SECOND;
}

static int listen_anywhere(struct served *f)
{
    struct addr a = {.u.in6 = {.sin6_family = AF_INET6}, .len = sizeof(a.u.in6)};
    int fd = -1;

    f->ipv6 = udp_listen(&a, &fd) == RES_OK;
    if (!f->ipv6) {
        memset(&a, 0, sizeof(a));
        a.u.in4.sin_family = AF_INET;
        a.len = sizeof(a.u.in4);
        assert_int_equal(udp_listen(&a, &fd), RES_OK);
    }
    a.len = sizeof(a.u);
    assert_int_equal(getsockname(fd, &a.u.sa, &a.len), 0);
    f->port = addr_port(&a);
    return fd;
}

int served_setup(void **state)
{
    struct served *f = calloc(1, sizeof(*f));
    const char *tmp = getenv("TMPDIR");
    struct endpoint endpoint = {.scheme = ENDPOINT_TFTP};
    struct worker_params p;

    assert_non_null(f);
    f->descriptors = open_descriptors();
    snprintf(f->root, sizeof(f->root), "%s/served-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->root));
    defaults(&f->config);
    f->log = (struct log){.level = LOG_LEVEL_DEBUG, .sink = keep_line, .arg = f};
    assert_int_equal(loop_new(&f->loop), RES_OK);
    assert_int_equal(pool_new(&f->pool, f->loop, 2), RES_OK);
    assert_int_equal(jail_open(&f->jail, f->root), RES_OK);
    assert_int_equal(transfer_log_new(&f->transfers, f->loop, &f->log), RES_OK);
    loop_timer_init(f->loop, &f->limit, on_limit, f);
    p = (struct worker_params){.loop = f->loop,
                               .pool = f->pool,
                               .jail = f->jail,
                               .config = &f->config,
                               .log = &f->log,
                               .transfers = f->transfers,
                               .drained = on_drained,
                               .arg = f};
    assert_int_equal(worker_new(&f->worker, &p), RES_OK);
    assert_int_equal(worker_listen(f->worker, listen_anywhere(f), &endpoint), RES_OK);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int served_teardown(void **state)
{
    struct served *f = *state;

    worker_free(f->worker);
    loop_timer_stop(&f->limit);
    transfer_log_free(f->transfers);
    pool_free(f->pool);
    jail_free(f->jail);
    loop_free(f->loop);
    assert_int_equal(nftw(f->root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(open_descriptors(), f->descriptors);
    for (size_t i = 0; i < f->lines; i++) {
        free(f->line[i]);
    }
    free(f);
    return 0;
}

static void start_limit(struct served *f)
{
    f->late = false;
    loop_timer_at(&f->limit, loop_now_ns(f->loop) + PATIENCE_NS);
}

void served_until(struct served *f, const bool *what)
{
    start_limit(f);
    while (!*what) {
        assert_false(f->late);
        loop_turn(f->loop, true);
    }
}

/* A bystander's question is answered after what came before it. */
void served_settle(struct served *f)
{
    struct client *bystander = calloc(1, sizeof(*bystander));

    assert_non_null(bystander);
    client_open(bystander, f, "127.0.0.1", "127.0.0.1");
    client_ask(bystander, RRQ, "a bystander's question", "octet", NULL);
    client_expect_first_error(bystander, 1);
    for (int i = 0; i < 3; i++) {
        loop_turn(f->loop, false); /* the order of sockets within a turn is not ours */
    }
    while (!pool_idle(f->pool)) {
        loop_turn(f->loop, true);
    }
    client_close(bystander);
    free(bystander);
}

static const char *find_line(const struct served *f, const char *beginning, size_t *ret_count)
{
    const char *found = NULL;

    *ret_count = 0;
    for (size_t i = 0; i < f->lines; i++) {
        if (strncmp(f->line[i], beginning, strlen(beginning)) == 0) {
            found = f->line[i];
            ++*ret_count;
        }
    }
    return found;
}

const char *served_line(struct served *f, const char *beginning)
{
    const char *line;
    size_t count;

    start_limit(f);
    while (!(line = find_line(f, beginning, &count))) {
        if (f->late) {
            fail_msg("no line '%s...' in the log", beginning);
        }
        loop_turn(f->loop, true);
    }
    return line;
}

size_t served_line_count(const struct served *f, const char *beginning)
{
    size_t count;

    (void)find_line(f, beginning, &count);
    return count;
}

char *served_path(const struct served *f, const char *name, char *buf, size_t cap)
{
    assert_true(snprintf(buf, cap, "%s/%s", f->root, name) < (int)cap);
    return buf;
}

void served_file(const struct served *f, const char *name, const void *bytes, size_t len)
{
    char path[256];
    FILE *file = fopen(served_path(f, name, path, sizeof(path)), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

uint8_t pattern_at(size_t offset)
{
    return (uint8_t)(offset * 31 + (offset >> 8) * 7 + (offset >> 16) * 3);
}

void served_pattern(const struct served *f, const char *name, size_t len)
{
    uint8_t *bytes = malloc(len ? len : 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = pattern_at(i);
    }
    served_file(f, name, bytes, len);
    free(bytes);
}

bool served_exists(const struct served *f, const char *name)
{
    char path[256];

    return access(served_path(f, name, path, sizeof(path)), F_OK) == 0;
}

void served_expect_file(const struct served *f, const char *name, const void *bytes, size_t len)
{
    char path[256];
    FILE *file = fopen(served_path(f, name, path, sizeof(path)), "r");
    uint8_t *have = malloc(len + 1);

    assert_non_null(file);
    assert_non_null(have);
    assert_int_equal(fread(have, 1, len + 1, file), len);
    assert_memory_equal(have, bytes, len);
    free(have);
    fclose(file);
}

size_t served_entries(const struct served *f)
{
    DIR *d = opendir(f->root);
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d)) {
        n++;
    }
    closedir(d);
    return n - 2; /* . and .. */
}

/* --- the client --- */

static void on_packet(void *arg, unsigned events)
{
    (void)arg; /* the turn has ended, which is all that was wanted */
    (void)events;
}

static void literal(struct addr *ret, const char *text, uint16_t port)
{
    memset(ret, 0, sizeof(*ret));
    if (strchr(text, ':')) {
        ret->u.in6.sin6_family = AF_INET6;
        ret->len = sizeof(ret->u.in6);
        assert_int_equal(inet_pton(AF_INET6, text, &ret->u.in6.sin6_addr), 1);
    } else {
        ret->u.in4.sin_family = AF_INET;
        ret->len = sizeof(ret->u.in4);
        assert_int_equal(inet_pton(AF_INET, text, &ret->u.in4.sin_addr), 1);
    }
    addr_set_port(ret, port);
}

void client_open(struct client *c, struct served *f, const char *from, const char *to)
{
    struct addr a;
    int on = 1;

    memset(c, 0, sizeof(*c));
    c->f = f;
    literal(&a, from, 0);
    literal(&c->server, to, f->port);
    c->fd = socket(a.u.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)), 0);
    assert_int_equal(bind(c->fd, &a.u.sa, a.len), 0);
    loop_io_start(f->loop, &c->io, c->fd, LOOP_READ, on_packet, c);
}

void client_close(struct client *c)
{
    loop_io_stop(&c->io);
    close(c->fd);
    c->fd = -1;
}

void client_send(struct client *c, const struct addr *to, const void *bytes, size_t len)
{
    assert_int_equal(sendto(c->fd, bytes, len, 0, &to->u.sa, to->len), len);
}

void client_ask(struct client *c, int opcode, const char *name, const char *mode, ...)
{
    uint8_t packet[4096] = {0, (uint8_t)opcode};
    size_t len = 2;
    const char *word;
    va_list ap;

    memcpy(packet + len, name, strlen(name) + 1);
    len += strlen(name) + 1;
    va_start(ap, mode);
    for (word = mode; word; word = va_arg(ap, const char *)) {
        assert_true(len + strlen(word) + 1 <= sizeof(packet));
        memcpy(packet + len, word, strlen(word) + 1);
        len += strlen(word) + 1;
    }
    va_end(ap);
    client_send(c, &c->server, packet, len);
}

static size_t put_header(uint8_t *packet, int opcode, unsigned number)
{
    packet[0] = 0;
    packet[1] = (uint8_t)opcode;
    packet[2] = (uint8_t)(number >> 8);
    packet[3] = (uint8_t)number;
    return 4;
}

void client_ack(struct client *c, unsigned block)
{
    uint8_t packet[4];

    client_send(c, &c->tid, packet, put_header(packet, ACK, block));
}

void client_data(struct client *c, unsigned block, const void *bytes, size_t len)
{
    static const uint8_t none[1] = {0};
    uint8_t packet[9000];
    size_t used = put_header(packet, DATA, block);

    assert_true(used + len <= sizeof(packet));
    memcpy(packet + used, len ? bytes : none, len);
    client_send(c, &c->tid, packet, used + len);
}

void client_error(struct client *c, unsigned code, const char *text)
{
    uint8_t packet[512];
    size_t used = put_header(packet, ERROR, code);

    memcpy(packet + used, text, strlen(text) + 1);
    client_send(c, &c->tid, packet, used + strlen(text) + 1);
}

static bool take_packet(struct client *c)
{
    ssize_t n;

    c->tid.len = sizeof(c->tid.u);
    n = recvfrom(c->fd, c->packet, sizeof(c->packet) - 1, 0, &c->tid.u.sa, &c->tid.len);
    if (n < 0) {
        return false;
    }
    c->len = (size_t)n;
    c->packet[n] = 0;
    return true;
}

void client_receive(struct client *c)
{
    struct addr before = c->tid;

    start_limit(c->f);
    while (!take_packet(c)) {
        c->tid = before;
        if (c->f->late) {
            fail_msg("the server said nothing");
        }
        loop_turn(c->f->loop, true);
    }
}

static int opcode_of(const struct client *c)
{
    return c->len < 2 ? -1 : c->packet[0] << 8 | c->packet[1];
}

static unsigned number_of(const struct client *c)
{
    return c->len < 4 ? 0xffffffffu : (unsigned)(c->packet[2] << 8 | c->packet[3]);
}

static void receive_from_same(struct client *c)
{
    struct addr before = c->tid;

    client_receive(c);
    assert_true(addr_equal(&before, &c->tid));
}

static void is_data(const struct client *c, unsigned block, size_t len)
{
    assert_int_equal(opcode_of(c), DATA);
    assert_int_equal(number_of(c), block);
    assert_int_equal(c->len - 4, len);
}

static void is_ack(const struct client *c, unsigned block)
{
    assert_int_equal(opcode_of(c), ACK);
    assert_int_equal(number_of(c), block);
    assert_int_equal(c->len, 4);
}

static void is_error(const struct client *c, unsigned code)
{
    assert_int_equal(opcode_of(c), ERROR);
    assert_int_equal(number_of(c), code);
    assert_int_equal(c->packet[c->len - 1], 0);
}

static void is_oack(const struct client *c, const char *options)
{
    char text[512] = "";
    const char *at = (const char *)c->packet + 2;
    const char *end = (const char *)c->packet + c->len;
    size_t used = 0;

    assert_int_equal(opcode_of(c), OACK);
    for (bool value = false; at < end; at += strlen(at) + 1, value = !value) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
                                 used == 0 ? "" : (value ? "=" : " "), at);
    }
    assert_string_equal(text, options);
}

void client_expect_data(struct client *c, unsigned block, size_t len)
{
    receive_from_same(c);
    is_data(c, block, len);
}

void client_expect_some_data(struct client *c)
{
    receive_from_same(c);
    assert_int_equal(opcode_of(c), DATA);
    assert_true(c->len >= 4);
}

unsigned client_block(const struct client *c)
{
    return number_of(c);
}

void client_expect_ack(struct client *c, unsigned block)
{
    receive_from_same(c);
    is_ack(c, block);
}

void client_expect_error(struct client *c, unsigned code)
{
    receive_from_same(c);
    is_error(c, code);
}

void client_expect_oack(struct client *c, const char *options)
{
    receive_from_same(c);
    is_oack(c, options);
}

void client_expect_first_data(struct client *c, unsigned block, size_t len)
{
    client_receive(c);
    is_data(c, block, len);
}

void client_expect_first_ack(struct client *c, unsigned block)
{
    client_receive(c);
    is_ack(c, block);
}

void client_expect_first_error(struct client *c, unsigned code)
{
    client_receive(c);
    is_error(c, code);
}

void client_expect_first_oack(struct client *c, const char *options)
{
    client_receive(c);
    is_oack(c, options);
}

void client_expect_silence(struct client *c)
{
    struct addr before = c->tid;

    served_settle(c->f);
    assert_false(take_packet(c));
    c->tid = before;
}

const char *client_text(const struct client *c)
{
    return (const char *)c->packet + 4;
}
