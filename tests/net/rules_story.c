/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/rules_story.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/pattern.h"

#define WAIT_MS 20000
#define FILE_BYTES 612u /* a block of TFTP and a short one */

/* --- the server and its root --- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    return ftw->level > 0 ? remove(path) : 0;
}

static void clear_dir(const char *dir)
{
    assert_int_equal(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void rules_write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void rules_write_dir(const struct rules_story *f, const char *name, const char *text)
{
    char path[2 * RULES_PATH_BYTES];

    snprintf(path, sizeof(path), "%s/conf.d", f->dir);
    assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
    snprintf(path, sizeof(path), "%s/conf.d/%s", f->dir, name);
    rules_write_text(path, text);
}

static void make_dir(const struct rules_story *f, const char *name)
{
    char path[2 * RULES_PATH_BYTES];

    snprintf(path, sizeof(path), "%s/%s", f->server.root, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void make_link(const struct rules_story *f, const char *text, const char *name)
{
    char path[2 * RULES_PATH_BYTES];

    snprintf(path, sizeof(path), "%s/%s", f->server.root, name);
    assert_int_equal(symlink(text, path), 0);
}

bool rules_exists(const struct rules_story *f, const char *name)
{
    char path[2 * RULES_PATH_BYTES];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", f->server.root, name);
    return lstat(path, &st) == 0;
}

int rules_setup(void **state)
{
    struct rules_story *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->dir, "/tmp/wherry-rules-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->config, sizeof(f->config), "%s/wherryd.conf", f->dir);
    *state = f;
    return 0;
}

int rules_teardown(void **state)
{
    struct rules_story *f = *state;

    clear_dir(f->server.root);
    server_process_stop(&f->server);
    clear_dir(f->dir);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

void rules_start(struct rules_story *f, const char *config)
{
    const char *const words[] = {SERVER_PROCESS_TCP, "--config", f->config, NULL};

    rules_write_text(f->config, config);
    server_process_start(&f->server, words);
    make_dir(f, "pub");
    make_dir(f, "secret");
    make_dir(f, "backup");
    server_process_file(&f->server, "pub/image", FILE_BYTES);
    server_process_file(&f->server, "secret/key", FILE_BYTES);
    server_process_file(&f->server, "backup/old", FILE_BYTES);
    make_link(f, "../secret/key", "pub/to-key");
    make_link(f, "/secret", "pub/to-secret");
    make_link(f, "../secret/new", "pub/to-new");
    make_link(f, "pub/image", "to-image");
}

void rules_reload(struct rules_story *f, const char *said)
{
    assert_int_equal(kill(f->server.pid, SIGHUP), 0);
    server_process_expect_line(&f->server, said, WAIT_MS);
}

/* --- TFTP --- */

int rules_open_from(const char *from)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(inet_pton(AF_INET, from, &a.sin_addr), 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static void give(int fd, const struct sockaddr_in *to, const void *bytes, size_t len)
{
    assert_int_equal(sendto(fd, bytes, len, 0, (const struct sockaddr *)to, sizeof(*to)),
                     (ssize_t)len);
}

void rules_take(int fd, uint8_t buf[1024], struct sockaddr_in *from, unsigned not_block)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    socklen_t len = sizeof(*from);

    do {
        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        assert_true(recvfrom(fd, buf, 1024, 0, (struct sockaddr *)from, &len) >= 4);
    } while (buf[1] != 5 && buf[3] == not_block);
}

void rules_ask(int fd, const struct rules_story *f, uint8_t opcode, const char *name)
{
    uint8_t request[512] = {0, opcode};
    size_t len = strlen(name);

    memcpy(request + 2, name, len);
    memcpy(request + 2 + len + 1, "octet", 6);
    give(fd, &f->server.addr, request, 2 + len + 1 + 6);
}

static unsigned status_of(const uint8_t *error)
{
    switch (error[3]) {
    case 1:
        return RULES_NOT_FOUND;
    case 2:
        return RULES_DENIED;
    case 6:
        return RULES_EXISTS;
    default:
        fail_msg("ERROR %u: %s", error[3], (const char *)error + 4);
        return RULES_OK;
    }
}

void rules_ack(int fd, const struct sockaddr_in *to, uint8_t block)
{
    const uint8_t ack[] = {0, 4, 0, block};

    give(fd, to, ack, sizeof(ack));
}

unsigned rules_tftp_get(const struct rules_story *f, const char *from, const char *name)
{
    int fd = rules_open_from(from);
    uint8_t buf[1024] = {0};
    struct sockaddr_in peer;
    unsigned status = RULES_OK;

    rules_ask(fd, f, 1, name);
    rules_take(fd, buf, &peer, 0);
    if (buf[1] == 5) {
        status = status_of(buf);
    } else {
        assert_int_equal(buf[3], 1);
        assert_int_equal(buf[4], pattern_at(0));
        rules_ack(fd, &peer, 1);
        rules_take(fd, buf, &peer, 1);
        assert_int_equal(buf[3], 2);
        rules_ack(fd, &peer, 2);
    }
    close(fd);
    return status;
}

unsigned rules_tftp_put(const struct rules_story *f, const char *from, const char *name)
{
    static const uint8_t data[] = {0, 3, 0, 1, 'x'};
    int fd = rules_open_from(from);
    uint8_t buf[1024] = {0};
    struct sockaddr_in peer;
    unsigned status = RULES_OK;

    rules_ask(fd, f, 2, name);
    rules_take(fd, buf, &peer, 1);
    if (buf[1] != 5) {
        give(fd, &peer, data, sizeof(data));
        rules_take(fd, buf, &peer, 0);
    }
    if (buf[1] == 5) {
        status = status_of(buf);
    }
    close(fd);
    return status;
}

/* --- the file protocol --- */

unsigned rules_tcp_put(struct wire *w, const char *name, enum wherry_put_mode mode)
{
    uint32_t id = wire_put(w, name, 1, mode, NULL);

    do {
        assert_true(wire_next(w));
        if (w->type == WHERRY_FRAME_END_REPLY && w->frame_id == id) {
            return w->status;
        }
    } while (w->type != WHERRY_FRAME_READY);
    wire_data(w, "x", 1);
    wire_end(w);
    return wire_status(w, id);
}
