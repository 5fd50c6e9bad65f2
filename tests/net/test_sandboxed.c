/* SPDX-License-Identifier: BSD-2-Clause */
/* A running wherryd, as the kernel sees it, and what it says of its sandbox. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <seccomp.h>
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/plain_client.h"
#include "net/server_process.h"
#include "support/scratch.h"

#define WAIT_MS 20000
#define OUTPUT_BYTES 16384

/* What root on purpose keeps: CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER. */
#define OF_ROOT ((1u << 0) | (1u << 1) | (1u << 3))

struct status {
    uint64_t inheritable, permitted, effective, bounding, ambient, no_new_privs, seccomp;
};

static void read_status(const char *path, struct status *ret)
{
    static const struct {
        const char *name;
        size_t at;
        int base;
    } rows[] = {
        {"CapInh:", offsetof(struct status, inheritable), 16},
        {"CapPrm:", offsetof(struct status, permitted), 16},
        {"CapEff:", offsetof(struct status, effective), 16},
        {"CapBnd:", offsetof(struct status, bounding), 16},
        {"CapAmb:", offsetof(struct status, ambient), 16},
        {"NoNewPrivs:", offsetof(struct status, no_new_privs), 10},
        {"Seccomp:", offsetof(struct status, seccomp), 10},
    };
    FILE *f = fopen(path, "r");
    char line[256];
    size_t found = 0;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            if (strncmp(line, rows[i].name, strlen(rows[i].name)) == 0) {
                uint64_t value = strtoull(line + strlen(rows[i].name), NULL, rows[i].base);

                memcpy((char *)ret + rows[i].at, &value, sizeof(value));
                found++;
            }
        }
    }
    fclose(f);
    assert_int_equal(found, sizeof(rows) / sizeof(rows[0]));
}

static void check_thread(const char *path, uint64_t filter)
{
    uint64_t most = geteuid() == 0 ? OF_ROOT : 0; /* the test's server stays root */
    struct status s;

    read_status(path, &s);
    assert_int_equal(s.no_new_privs, 1);
    assert_int_equal(s.seccomp, filter);
    assert_int_equal(s.inheritable, 0);
    assert_int_equal(s.ambient, 0);
    assert_int_equal(s.permitted & ~most, 0);
    assert_int_equal(s.effective & ~most, 0);
    if (geteuid() == 0) {
        assert_int_equal(s.bounding & ~most, 0);
    }
}

/* Every thread: that of the log, of a further worker, of pools. */
static size_t check_threads(const struct server_process *s, uint64_t filter)
{
    char path[64 + 256];
    const struct dirent *e;
    size_t count = 0;
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)s->pid);
    d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.') {
            snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)s->pid, e->d_name);
            check_thread(path, filter);
            count++;
        }
    }
    closedir(d);
    return count;
}

static void test_every_thread_is_in_the_sandbox_and_holds_nothing(void **state)
{
    static const char *const words[] = {"--workers", "2", "--sandbox", "auto", NULL};
    struct server_process s;

    (void)state;
    server_process_start(&s, words);
    server_process_expect_line(&s, " serves ", WAIT_MS);
    assert_true(check_threads(&s, 2) >= 4);
    server_process_stop(&s);
}

static void test_without_sandbox_privileges_are_given_away_all_the_same(void **state)
{
    static const char *const words[] = {"--sandbox", "off", NULL};
    struct server_process s;
    struct status own;

    (void)state;
    read_status("/proc/self/status", &own);
    server_process_start(&s, words);
    server_process_expect_line(&s, " serves ", WAIT_MS);
    assert_true(check_threads(&s, own.seccomp) >= 2);
    server_process_stop(&s);
}

static void expect_refused(const struct server_process *s)
{
    struct plain_client c;

    plain_open(&c);
    plain_ask(&c, &s->addr, 2, "new");
    plain_take(&c, 5, 2); /* ERROR 2: not allowed */
    close(c.fd);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void test_reload_that_is_the_first_to_allow_uploads_is_told_to_wait(void **state)
{
    static const char *const words[] = {"--config", "wherryd.conf", NULL};
    struct server_process s;

    (void)state;
    write_text("wherryd.conf", "patience = 30s\n");
    server_process_start(&s, words);
    server_process_expect_line(&s, " serves ", WAIT_MS);
    /* As an editor does it: another file takes the name. */
    write_text("new.conf", "write = create\n");
    assert_int_equal(rename("new.conf", "wherryd.conf"), 0);
    assert_int_equal(kill(s.pid, SIGHUP), 0);
    server_process_expect_line(&s, "nobody may upload until wherryd is started again", WAIT_MS);
    assert_non_null(
        strstr(server_process_expect_line(&s, "configuration reloaded", WAIT_MS), "write none"));
    expect_refused(&s);
    server_process_expect_line(&s, "refused op=write", WAIT_MS);
    server_process_stop(&s);
}

static void test_reload_needs_no_resolver_for_endpoints_that_are_there(void **state)
{
    static const char *const words[] = {"--listen", "tftp://localhost:0", "--config",
                                        "wherryd.conf", NULL};
    struct server_process s;

    (void)state;
    write_text("wherryd.conf", "patience = 30s\n");
    server_process_start(&s, words);
    server_process_expect_line(&s, " serves ", WAIT_MS);
    assert_int_equal(kill(s.pid, SIGHUP), 0);
    assert_non_null(
        strstr(server_process_expect_line(&s, "reloaded", WAIT_MS), "configuration reloaded from"));
    server_process_stop(&s);
}

/* --check in a kernel that lacks this call, NULL for this one. */
struct checking {
    const char *lacking;
    const char *sandbox;
    char output[OUTPUT_BYTES];
    int status;
};

static void become_check(const struct checking *c, int out)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    if (c->lacking != NULL && (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
                                                seccomp_syscall_resolve_name(c->lacking), 0) != 0 ||
                               seccomp_load(filter) != 0)) {
        _exit(126);
    }
    dup2(out, 1);
    dup2(out, 2);
    execl(WHERRYD, WHERRYD, "--check", "--root", ".", "--sandbox", c->sandbox, (char *)NULL);
    _exit(127);
}

static void run_check(struct checking *c)
{
    size_t len = 0;
    ssize_t n;
    int ends[2];
    int status;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        become_check(c, ends[1]);
    }
    close(ends[1]);
    while ((n = read(ends[0], c->output + len, sizeof(c->output) - 1 - len)) > 0) {
        len += (size_t)n;
    }
    c->output[len] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    c->status = WEXITSTATUS(status);
}

static void test_check_tells_what_this_kernel_can_do_and_stays_a_configuration(void **state)
{
    struct checking c = {.sandbox = "auto"};

    (void)state;
    run_check(&c);
    assert_int_equal(c.status, 0);
    assert_non_null(strstr(c.output, "\n#   Landlock: "));
    assert_non_null(strstr(c.output, "\n#   filter of system calls: yes\n"));
    write_text("printed.conf", c.output);
    assert_int_equal(system("\"" WHERRYD "\" --check --config printed.conf >/dev/null"), 0);
}

static void test_check_of_required_fails_where_something_is_missing(void **state)
{
    struct checking required = {.sandbox = "required", .lacking = "landlock_create_ruleset"};
    struct checking automatic = {.sandbox = "auto", .lacking = "landlock_create_ruleset"};

    (void)state;
    run_check(&required);
    assert_int_equal(required.status, 1);
    assert_non_null(strstr(required.output, "sandbox = required, and this is missing: Landlock ("));
    run_check(&automatic);
    assert_int_equal(automatic.status, 0);
    assert_non_null(strstr(automatic.output, "\n#   Landlock: no: this kernel has none"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_thread_is_in_the_sandbox_and_holds_nothing),
        TEST(test_without_sandbox_privileges_are_given_away_all_the_same),
        TEST(test_reload_that_is_the_first_to_allow_uploads_is_told_to_wait),
        TEST(test_reload_needs_no_resolver_for_endpoints_that_are_there),
        TEST(test_check_tells_what_this_kernel_can_do_and_stays_a_configuration),
        TEST(test_check_of_required_fails_where_something_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
