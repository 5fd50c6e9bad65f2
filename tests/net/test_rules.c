/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of the policy at both doors of a running wherryd, for clients of several addresses. */
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

#include "net/server_process.h"
#include "net/wire_client.h"
#include "support/pattern.h"

#define WAIT_MS 20000
#define PATH_BYTES 256
#define FILE_BYTES 612u /* a block of TFTP and a short one */

/* Statuses of the file protocol, and what stands for an ERROR of TFTP. */
enum { OK = 0, NOT_FOUND = 2, DENIED = 3, EXISTS = 5 };

struct fixture {
    struct server_process server;
    char dir[PATH_BYTES]; /* of the configuration */
    char config[PATH_BYTES + 16];
};

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

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void write_dir(const struct fixture *f, const char *name, const char *text)
{
    char path[2 * PATH_BYTES];

    snprintf(path, sizeof(path), "%s/conf.d", f->dir);
    assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
    snprintf(path, sizeof(path), "%s/conf.d/%s", f->dir, name);
    write_text(path, text);
}

static void make_dir(const struct fixture *f, const char *name)
{
    char path[2 * PATH_BYTES];

    snprintf(path, sizeof(path), "%s/%s", f->server.root, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void make_link(const struct fixture *f, const char *text, const char *name)
{
    char path[2 * PATH_BYTES];

    snprintf(path, sizeof(path), "%s/%s", f->server.root, name);
    assert_int_equal(symlink(text, path), 0);
}

static bool exists(const struct fixture *f, const char *name)
{
    char path[2 * PATH_BYTES];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", f->server.root, name);
    return lstat(path, &st) == 0;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->dir, "/tmp/wherry-rules-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->config, sizeof(f->config), "%s/wherryd.conf", f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    clear_dir(f->server.root);
    server_process_stop(&f->server);
    clear_dir(f->dir);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

/* pub/image, secret/key, backup/old, and links from pub into secret. */
static void start(struct fixture *f, const char *config)
{
    const char *const words[] = {SERVER_PROCESS_TCP, "--config", f->config, NULL};

    write_text(f->config, config);
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

static void reload(struct fixture *f, const char *said)
{
    assert_int_equal(kill(f->server.pid, SIGHUP), 0);
    server_process_expect_line(&f->server, said, WAIT_MS);
}

/* --- TFTP --- */

static int open_from(const char *from)
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

/* The next datagram that is no repeat of this opcode and block. */
static void take(int fd, uint8_t buf[1024], struct sockaddr_in *from, unsigned not_block)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    socklen_t len = sizeof(*from);

    do {
        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        assert_true(recvfrom(fd, buf, 1024, 0, (struct sockaddr *)from, &len) >= 4);
    } while (buf[1] != 5 && buf[3] == not_block);
}

static void ask(int fd, const struct fixture *f, uint8_t opcode, const char *name)
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
        return NOT_FOUND;
    case 2:
        return DENIED;
    case 6:
        return EXISTS;
    default:
        fail_msg("ERROR %u: %s", error[3], (const char *)error + 4);
        return OK;
    }
}

static void give_ack(int fd, const struct sockaddr_in *to, uint8_t block)
{
    const uint8_t ack[] = {0, 4, 0, block};

    give(fd, to, ack, sizeof(ack));
}

/* The whole file, which is of two blocks. */
static unsigned tftp_get(const struct fixture *f, const char *from, const char *name)
{
    int fd = open_from(from);
    uint8_t buf[1024] = {0};
    struct sockaddr_in peer;
    unsigned status = OK;

    ask(fd, f, 1, name);
    take(fd, buf, &peer, 0);
    if (buf[1] == 5) {
        status = status_of(buf);
    } else {
        assert_int_equal(buf[3], 1);
        assert_int_equal(buf[4], pattern_at(0));
        give_ack(fd, &peer, 1);
        take(fd, buf, &peer, 1);
        assert_int_equal(buf[3], 2);
        give_ack(fd, &peer, 2);
    }
    close(fd);
    return status;
}

static unsigned tftp_put(const struct fixture *f, const char *from, const char *name)
{
    static const uint8_t data[] = {0, 3, 0, 1, 'x'};
    int fd = open_from(from);
    uint8_t buf[1024] = {0};
    struct sockaddr_in peer;
    unsigned status = OK;

    ask(fd, f, 2, name);
    take(fd, buf, &peer, 1);
    if (buf[1] != 5) {
        give(fd, &peer, data, sizeof(data));
        take(fd, buf, &peer, 0);
    }
    if (buf[1] == 5) {
        status = status_of(buf);
    }
    close(fd);
    return status;
}

/* --- the file protocol --- */

static unsigned put(struct wire *w, const char *name, enum wherry_put_mode mode)
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

/* What is answered to one address about one name. */
struct expected {
    const char *from;
    const char *file; /* read over TFTP too, and looked at */
    unsigned read;
    unsigned stat;
    const char *dir;
    unsigned list;
    const char *fresh; /* a name that does not exist; NULL: nothing is written */
    unsigned create;
    unsigned replace; /* of the file */
};

static void expect_reads(const struct fixture *f, struct wire *w, const struct expected *e)
{
    assert_int_equal(tftp_get(f, e->from, e->file), e->read);
    assert_int_equal(wire_status(w, wire_get(w, e->file, 0, WHERRY_COUNT_ALL)), e->read);
    assert_int_equal(wire_status(w, wire_ask(w, WHERRY_FRAME_HASH, e->file)), e->read);
    assert_int_equal(wire_status(w, wire_ask(w, WHERRY_FRAME_STAT, e->file)), e->stat);
    assert_int_equal(wire_status(w, wire_list(w, e->dir, "")), e->list);
}

static void expect_writes(const struct fixture *f, struct wire *w, const struct expected *e)
{
    char name[PATH_BYTES];

    assert_int_equal(tftp_put(f, e->from, e->file), e->replace);
    assert_int_equal(put(w, e->file, WHERRY_PUT_REPLACE), e->replace);
    assert_int_equal(tftp_put(f, e->from, e->fresh), e->create);
    assert_int_equal(exists(f, e->fresh), e->create == OK);
    snprintf(name, sizeof(name), "%s2", e->fresh);
    assert_int_equal(put(w, name, WHERRY_PUT_CREATE), e->create);
    assert_int_equal(exists(f, name), e->create == OK);
    snprintf(name, sizeof(name), "%s3", e->fresh);
    assert_int_equal(wire_status(w, wire_ask(w, WHERRY_FRAME_MKDIR, name)), e->create);
    assert_int_equal(exists(f, name), e->create == OK);
}

static void expect(const struct fixture *f, const struct expected *e)
{
    struct wire w;

    wire_open(&w, e->from, &f->server.tcp);
    expect_reads(f, &w, e);
    if (e->fresh != NULL) {
        expect_writes(f, &w, e);
    }
    wire_close(&w);
}

static const char house[] = "rule { path = \"secret\"  allow = {} }\n"
                            "rule { from = \"127.0.0.1\"  path = \"backup/\"\n"
                            "       allow = {read, list, create} }\n"
                            "rule { from = {\"127.0.0.2/31\"}  path = \"backup/\"\n"
                            "       allow = replace }\n"
                            "rule { path = \"/backup\"  allow = {} }\n"
                            "rule { from = \"127.0.0.0/30\"  allow = {read, list} }\n";

static void test_addresses_may_do_what_their_first_rule_says_at_both_doors(void **state)
{
    static const struct expected all[] = {
        {"127.0.0.1", "backup/old", OK, OK, "backup", OK, "backup/one", OK, EXISTS},
        {"127.0.0.1", "pub/image", OK, OK, "pub", OK, "pub/one", DENIED, DENIED},
        {"127.0.0.1", "secret/key", DENIED, DENIED, "secret", DENIED, "secret/one", DENIED, DENIED},
        {"127.0.0.4", "backup/old", DENIED, DENIED, "backup", DENIED, "backup/four", DENIED,
         DENIED},
        {"127.0.0.4", "pub/image", DENIED, DENIED, "", DENIED, "four", DENIED, DENIED},
        {"127.0.0.2", "pub/image", OK, OK, "", OK, "two", DENIED, DENIED},
        {"127.0.0.2", "backup/old", DENIED, DENIED, "backup", DENIED, "backup/two", OK, OK},
    };
    struct fixture *f = *state;

    start(f, house);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        expect(f, &all[i]);
    }
}

static void test_a_link_is_judged_by_where_it_leads(void **state)
{
    static const struct expected all[] = {
        {"127.0.0.1", "pub/to-key", DENIED, DENIED, "pub/to-secret", DENIED, NULL, OK, OK},
        {"127.0.0.1", "pub/to-secret/key", DENIED, DENIED, "pub/to-secret", DENIED,
         "pub/to-secret/new", DENIED, DENIED},
        {"127.0.0.1", "to-image", OK, OK, "", OK, NULL, OK, OK},
    };
    struct fixture *f = *state;

    /* By its own name each of them could be read and replaced. */
    start(f, "rule { path = secret allow = {} }\nrule { allow = {read, list, replace} }\n");
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        expect(f, &all[i]);
    }
    assert_int_equal(tftp_put(f, "127.0.0.1", "pub/to-new"), DENIED);
    assert_int_equal(tftp_put(f, "127.0.0.1", "pub/to-key"), DENIED);
    assert_false(exists(f, "secret/new"));
    assert_int_equal(tftp_put(f, "127.0.0.1", "pub\\fresh"), OK); /* folded, then judged */
    assert_int_equal(tftp_get(f, "127.0.0.1", "secret\\key"), DENIED);
}

static void test_what_is_denied_does_not_tell_whether_it_exists(void **state)
{
    static const char *const names[] = {"secret/none", "secret/none/x", "secret/key/x",
                                        "pub/to-secret/none", "secret"};
    struct fixture *f = *state;
    struct wire w;

    start(f, "rule { path = secret allow = {} }\nrule { allow = {read, list, replace} }\n");
    wire_open(&w, "127.0.0.1", &f->server.tcp);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *name = names[i];

        assert_int_equal(tftp_get(f, "127.0.0.1", name), DENIED);
        assert_int_equal(tftp_put(f, "127.0.0.1", name), DENIED);
        assert_int_equal(wire_status(&w, wire_get(&w, name, 0, 1)), DENIED);
        assert_int_equal(wire_status(&w, wire_ask(&w, WHERRY_FRAME_HASH, name)), DENIED);
        assert_int_equal(wire_status(&w, wire_ask(&w, WHERRY_FRAME_STAT, name)), DENIED);
        assert_int_equal(wire_status(&w, wire_list(&w, name, "")), DENIED);
        assert_int_equal(wire_status(&w, wire_ask(&w, WHERRY_FRAME_MKDIR, name)), DENIED);
        assert_int_equal(put(&w, name, WHERRY_PUT_CREATE), DENIED);
    }
    assert_int_equal(tftp_get(f, "127.0.0.1", "secret\\none"), DENIED);
    /* Elsewhere it is missing. */
    assert_int_equal(tftp_get(f, "127.0.0.1", "pub/none"), NOT_FOUND);
    assert_int_equal(tftp_get(f, "127.0.0.1", "secret2"), NOT_FOUND);
    assert_int_equal(wire_status(&w, wire_ask(&w, WHERRY_FRAME_STAT, "none/x")), NOT_FOUND);
    assert_int_equal(put(&w, "none/x", WHERRY_PUT_CREATE), NOT_FOUND);
    wire_close(&w);
}

static void test_a_denied_request_is_one_line_of_the_log_that_says_so(void **state)
{
    struct fixture *f = *state;
    struct wire w;

    start(f, house);
    server_process_expect_line(&f->server, "write by rules", WAIT_MS);
    assert_int_equal(tftp_get(f, "127.0.0.1", "secret/key"), DENIED);
    server_process_expect_line(&f->server, "refused op=read peer=127.0.0.1:", WAIT_MS);
    assert_non_null(strstr(f->server.line, "name=\"secret/key\""));
    assert_non_null(strstr(f->server.line, "not allowed"));
    assert_int_equal(tftp_put(f, "127.0.0.4", "x"), DENIED);
    server_process_expect_line(&f->server, "refused op=write peer=127.0.0.4:", WAIT_MS);
    wire_open(&w, "127.0.0.4", &f->server.tcp);
    assert_int_equal(wire_status(&w, wire_list(&w, "pub", "")), DENIED);
    server_process_expect_line(&f->server, "refused op=list via=wherry peer=127.0.0.4:", WAIT_MS);
    wire_close(&w);
}

static void test_a_reload_brings_other_rules_and_what_runs_goes_on(void **state)
{
    struct fixture *f = *state;
    uint8_t buf[1024];
    struct sockaddr_in peer;
    struct wire w;
    int fd;

    start(f, "rule { allow = {read} }\n");
    wire_open(&w, "127.0.0.1", &f->server.tcp);
    assert_int_equal(wire_status(&w, wire_get(&w, "pub/image", 0, 1)), OK);
    fd = open_from("127.0.0.1");
    ask(fd, f, 1, "pub/image");
    take(fd, buf, &peer, 0);
    assert_int_equal(buf[1], 3);

    /* Rules of the directory come first. */
    write_dir(f, "deny.conf", "rule { path = pub allow = {} }\n");
    reload(f, "configuration reloaded from");
    assert_int_equal(tftp_get(f, "127.0.0.1", "pub/image"), DENIED);
    assert_int_equal(wire_status(&w, wire_get(&w, "pub/image", 0, 1)), DENIED);
    assert_int_equal(wire_status(&w, wire_get(&w, "secret/key", 0, 1)), OK);
    give_ack(fd, &peer, 1);
    take(fd, buf, &peer, 1);
    assert_int_equal(buf[1], 3);
    assert_int_equal(buf[3], 2);
    give_ack(fd, &peer, 2);
    close(fd);

    write_dir(f, "wrong.conf", "rule { allow = {all} }\n");
    reload(f, "wrong.conf:1: rule: allow: \"all\" is not one of");
    assert_int_equal(tftp_get(f, "127.0.0.1", "pub/image"), DENIED);
    assert_int_equal(tftp_get(f, "127.0.0.1", "secret/key"), OK);

    write_dir(f, "wrong.conf", "");
    write_dir(f, "deny.conf", "");
    reload(f, "configuration reloaded from");
    assert_int_equal(tftp_get(f, "127.0.0.1", "pub/image"), OK);
    wire_close(&w);
}

static void test_a_read_only_sandbox_takes_new_rules_but_for_uploads(void **state)
{
    struct fixture *f = *state;

    start(f, "sandbox = auto\nrule { allow = {read} }\n");
    write_dir(f, "a.conf", "rule { path = backup allow = {create} }\n");
    reload(f, "configuration reloaded from");
    assert_int_equal(tftp_get(f, "127.0.0.1", "backup/old"), DENIED);
    assert_int_equal(tftp_get(f, "127.0.0.1", "pub/image"), OK);
    /* A kernel without a sandbox lets them begin. */
    if (tftp_put(f, "127.0.0.1", "backup/new") == DENIED) {
        assert_false(exists(f, "backup/new"));
    } else {
        assert_true(exists(f, "backup/new"));
    }
}

static void test_left_overs_go_when_rules_begin_to_allow_uploads(void **state)
{
    static const char left[] = ".wherry-u00112233445566778899aabbccddeeff"; /* without a record */
    struct fixture *f = *state;

    /* In the sandbox a server that began without uploads stays so. */
    start(f, "sandbox = off\nrule { allow = {read} }\n");
    server_process_file(&f->server, left, 10);
    write_dir(f, "a.conf", "rule { path = backup allow = {create} }\n");
    reload(f, "removed 1 left-over temporary files");
    assert_false(exists(f, left));
}

static void test_a_resumed_upload_is_judged_anew(void **state)
{
    static const uint8_t id[16] = {7, 7, 7};
    struct fixture *f = *state;
    struct wire w;
    uint32_t request;

    start(f, "rule { path = backup allow = {create} }\n");
    wire_open(&w, "127.0.0.1", &f->server.tcp);
    (void)wire_put(&w, "backup/new", 8, WHERRY_PUT_CREATE, id);
    assert_int_equal(wire_ready(&w), 0);
    wire_data(&w, "1234", 4);
    wire_close(&w);
    server_process_expect_line(&f->server, "op=write", WAIT_MS);

    write_text(f->config, "rule { from = 127.0.0.2 path = backup allow = {create} }\n");
    reload(f, "configuration reloaded from");
    wire_open(&w, "127.0.0.1", &f->server.tcp);
    request = wire_put(&w, "backup/new", 8, WHERRY_PUT_CREATE, id);
    assert_int_equal(wire_status(&w, request), DENIED);
    wire_close(&w);

    wire_open(&w, "127.0.0.2", &f->server.tcp); /* of the same network */
    request = wire_put(&w, "backup/new", 8, WHERRY_PUT_CREATE, id);
    assert_int_equal(wire_ready(&w), 4);
    wire_data(&w, "5678", 4);
    wire_end(&w);
    assert_int_equal(wire_status(&w, request), OK);
    wire_close(&w);
    assert_true(exists(f, "backup/new"));
}

static mode_t mode_of(const struct fixture *f, const char *name)
{
    char path[2 * PATH_BYTES];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", f->server.root, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void test_uploads_get_no_more_than_0640_less_umask(void **state)
{
    struct fixture *f = *state;
    struct wire w;

    start(f, "umask = 0\nrule { allow = {create} }\n");
    wire_open(&w, "127.0.0.1", &f->server.tcp);
    assert_int_equal(tftp_put(f, "127.0.0.1", "tftp"), OK);
    assert_int_equal(mode_of(f, "tftp"), 0640);
    assert_int_equal(put(&w, "tcp", WHERRY_PUT_CREATE), OK);
    assert_int_equal(mode_of(f, "tcp"), 0640);
    write_text(f->config, "umask = 077\nrule { allow = {create} }\n");
    reload(f, "configuration reloaded from");
    assert_int_equal(tftp_put(f, "127.0.0.1", "tftp2"), OK);
    assert_int_equal(mode_of(f, "tftp2"), 0600);
    assert_int_equal(put(&w, "tcp2", WHERRY_PUT_CREATE), OK);
    assert_int_equal(mode_of(f, "tcp2"), 0600);
    wire_close(&w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_addresses_may_do_what_their_first_rule_says_at_both_doors),
        TEST(test_a_link_is_judged_by_where_it_leads),
        TEST(test_what_is_denied_does_not_tell_whether_it_exists),
        TEST(test_a_denied_request_is_one_line_of_the_log_that_says_so),
        TEST(test_a_reload_brings_other_rules_and_what_runs_goes_on),
        TEST(test_a_read_only_sandbox_takes_new_rules_but_for_uploads),
        TEST(test_left_overs_go_when_rules_begin_to_allow_uploads),
        TEST(test_a_resumed_upload_is_judged_anew),
        TEST(test_uploads_get_no_more_than_0640_less_umask),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
