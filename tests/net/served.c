/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/served.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/number.h"
#include "io/pool.h"
#include "net/udp.h"
#include "support/pattern.h"
#include "support/scratch.h"

#define PATIENCE_NS (20 * NUMBER_SECOND)
/* Enough for a packet of each of a thousand clients. */
#define SETTLE_TURNS (SERVED_LINES / (int)UDP_RECEIVE_MAX + 3)

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

/* The same rules hold with ports of their own and shared ones: the tests run with both. */
static enum transfer_ports ports_of_this_run(void)
{
    const char *word = getenv("TRANSFER_PORTS");

    if (word == NULL || strcmp(word, "auto") == 0) {
        return TRANSFER_PORTS_AUTO;
    }
    if (strcmp(word, "own") == 0) {
        return TRANSFER_PORTS_OWN;
    }
    assert_string_equal(word, "shared");
    return TRANSFER_PORTS_SHARED;
}

static void defaults(struct config *c)
{
    c->transfer_ports = ports_of_this_run();
    c->write = POLICY_WRITE_REPLACE;
    c->blksize_max = 65464;
    c->windowsize_max = 64;
    c->window_bytes_max = 4 * 1024 * 1024;
    c->umask = 022;
    c->upload_mode = 0640;
    c->drain_timeout_ns = 10 * NUMBER_SECOND;
    c->patience_ns = 60 * NUMBER_SECOND;
    c->listings_max = 64;
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
    struct endpoint endpoint = {.scheme = ENDPOINT_TFTP};
    struct worker_params p;

    assert_non_null(f);
    assert_int_equal(scratch_setup(state), 0);
    f->descriptors = scratch_count("/proc/self/fd");
    assert_non_null(getcwd(f->root, sizeof(f->root)));
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

int served_teardown(void **state)
{
    struct served *f = *state;

    worker_free(f->worker);
    loop_timer_stop(&f->limit);
    transfer_log_free(f->transfers);
    pool_free(f->pool);
    jail_free(f->jail);
    loop_free(f->loop);
    assert_int_equal(scratch_count("/proc/self/fd"), f->descriptors);
    for (size_t i = 0; i < f->lines; i++) {
        free(f->line[i]);
    }
    free(f);
    return scratch_teardown(state);
}

void served_limit(struct served *f)
{
    f->late = false;
    loop_timer_at(&f->limit, loop_now_ns(f->loop) + PATIENCE_NS);
}

void served_until(struct served *f, const bool *what)
{
    served_limit(f);
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
    /* The order of sockets within a turn is not ours, and each reads one batch a turn. */
    for (int i = 0; i < SETTLE_TURNS; i++) {
        loop_turn(f->loop, false);
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

    served_limit(f);
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
    return scratch_count(f->root);
}
