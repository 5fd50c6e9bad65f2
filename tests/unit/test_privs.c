/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/privs.h"

/* What changes a process for good happens in a child; it answers whether all was right. */
static void expect_in_child(bool (*story)(void))
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(story() ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* With nothing left over. */
static enum res drop(const struct privs *p, char why[PRIVS_WHY])
{
    bool keeps_port = true;
    enum res r = privs_drop(p, &keeps_port, why, PRIVS_WHY);

    return r == RES_OK && keeps_port ? RES_PROTOCOL : r;
}

static void need_root(void)
{
    if (geteuid() != 0) {
        skip(); /* only root can become somebody else */
    }
}

static void test_unknown_user_is_refused_by_name(void **state)
{
    struct privs p;
    char why[PRIVS_WHY];

    (void)state;
    assert_int_equal(privs_find("no-such-user-here", &p, why, sizeof(why)), RES_NOT_FOUND);
    assert_non_null(strstr(why, "user \"no-such-user-here\" does not exist"));
}

static bool own_name_changes_no_id(void)
{
    const struct passwd *pw = getpwuid(geteuid());
    uid_t uid = geteuid();
    struct privs p;
    char why[PRIVS_WHY];
    char name[PRIVS_NAME_BYTES];

    snprintf(name, sizeof(name), "%s", pw->pw_name);
    return privs_find(name, &p, why, sizeof(why)) == RES_OK && !p.change &&
           strcmp(p.name, name) == 0 && p.uid == uid && p.root == (uid == 0) &&
           drop(&p, why) == RES_OK && getuid() == uid && geteuid() == uid;
}

static void test_own_name_changes_no_id(void **state)
{
    (void)state;
    if (getpwuid(geteuid()) == NULL) {
        skip(); /* a user without a name has none to give */
    }
    expect_in_child(own_name_changes_no_id);
}

static void test_root_becomes_wherry_or_nobody_when_no_user_is_named(void **state)
{
    struct privs p;
    char why[PRIVS_WHY];

    (void)state;
    need_root();
    assert_int_equal(privs_find(NULL, &p, why, sizeof(why)), RES_OK);
    assert_string_equal(p.name, getpwnam("wherry") != NULL ? "wherry" : "nobody");
    assert_true(p.change);
    assert_false(p.root);
}

static bool ordinary_user_names_another(void)
{
    struct privs p;
    char why[PRIVS_WHY];

    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) {
        return false;
    }
    return privs_find("root", &p, why, sizeof(why)) == RES_DENIED &&
           strstr(why, "--user root: only root can become another user") != NULL;
}

static void test_ordinary_user_cannot_name_another(void **state)
{
    (void)state;
    expect_in_child(ordinary_user_names_another);
}

static bool ordinary_user_stays(void)
{
    struct privs p;
    char why[PRIVS_WHY];

    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) {
        return false;
    }
    return privs_find(NULL, &p, why, sizeof(why)) == RES_OK && !p.change && !p.root &&
           p.uid == geteuid();
}

static void test_ordinary_user_stays_when_no_user_is_named(void **state)
{
    (void)state;
    expect_in_child(ordinary_user_stays);
}

static bool root_becomes_nobody(void)
{
    gid_t extra[] = {0, 1, 2};
    gid_t groups[64];
    struct privs p;
    char why[PRIVS_WHY];
    int count;

    if (setgroups(3, extra) != 0 || privs_find("nobody", &p, why, sizeof(why)) != RES_OK ||
        drop(&p, why) != RES_OK) {
        return false;
    }
    count = getgroups(64, groups);
    for (int i = 0; i < count; i++) {
        if (groups[i] <= 2) {
            return false; /* a group of root's was kept */
        }
    }
    return count >= 0 && getuid() == p.uid && geteuid() == p.uid && getgid() == p.gid &&
           getegid() == p.gid && setuid(0) != 0 && seteuid(0) != 0 && setgid(0) != 0;
}

static void test_root_is_given_away_with_its_groups_for_good(void **state)
{
    (void)state;
    need_root();
    expect_in_child(root_becomes_nobody);
}

static bool half_a_drop_is_noticed(void)
{
    struct privs p;
    char why[PRIVS_WHY];

    /* Says it is nobody, and nothing was asked to change: as if the change had been lost. */
    if (privs_find("nobody", &p, why, sizeof(why)) != RES_OK) {
        return false;
    }
    p.uid = 0;
    return drop(&p, why) == RES_DENIED && strstr(why, "root could be had again") != NULL;
}

static void test_way_back_to_root_is_an_error(void **state)
{
    (void)state;
    need_root();
    expect_in_child(half_a_drop_is_noticed);
}

/* All sets of this thread, as bits. */
struct held {
    uint64_t inheritable, permitted, effective, bounding, ambient;
};

static bool read_held(struct held *ret)
{
    static const char *const names[] = {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
    uint64_t *values[] = {&ret->inheritable, &ret->permitted, &ret->effective, &ret->bounding,
                          &ret->ambient};
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    unsigned found = 0;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        for (unsigned i = 0; i < 5; i++) {
            if (strncmp(line, names[i], strlen(names[i])) == 0) {
                *values[i] = strtoull(line + strlen(names[i]), NULL, 16);
                found++;
            }
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return found == 5;
}

#define BIT(cap) (UINT64_C(1) << (cap))

static bool nobody_holds_nothing(void)
{
    struct privs p;
    struct held h;
    char why[PRIVS_WHY];

    return privs_find("nobody", &p, why, sizeof(why)) == RES_OK && drop(&p, why) == RES_OK &&
           read_held(&h) && h.inheritable == 0 && h.permitted == 0 && h.effective == 0 &&
           h.ambient == 0 && ((h.bounding & BIT(CAP_NET_BIND_SERVICE)) == 0);
}

static void test_no_capability_is_left_in_any_set(void **state)
{
    (void)state;
    need_root();
    expect_in_child(nobody_holds_nothing);
}

/* As systemd starts a service with User= and AmbientCapabilities=. */
static bool become_ordinary_with(cap_value_t value)
{
    cap_t caps = cap_init();
    bool ok = caps != NULL && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 &&
              setresuid(65534, 65534, 65534) == 0 &&
              cap_set_flag(caps, CAP_PERMITTED, 1, &value, CAP_SET) == 0 &&
              cap_set_flag(caps, CAP_EFFECTIVE, 1, &value, CAP_SET) == 0 &&
              cap_set_flag(caps, CAP_INHERITABLE, 1, &value, CAP_SET) == 0 &&
              cap_set_proc(caps) == 0 && cap_set_ambient(value, CAP_SET) == 0;

    cap_free(caps);
    return ok;
}

static bool ambient_capability_is_given_away(void)
{
    struct privs p;
    struct held before;
    struct held after;
    char why[PRIVS_WHY];

    return become_ordinary_with(CAP_NET_BIND_SERVICE) && read_held(&before) &&
           before.ambient == BIT(CAP_NET_BIND_SERVICE) && before.effective == before.ambient &&
           privs_find(NULL, &p, why, sizeof(why)) == RES_OK && drop(&p, why) == RES_OK &&
           read_held(&after) && after.inheritable == 0 && after.permitted == 0 &&
           after.effective == 0 && after.ambient == 0;
}

static void test_ordinary_user_gives_away_what_it_was_started_with(void **state)
{
    (void)state;
    need_root();
    expect_in_child(ambient_capability_is_given_away);
}

/* As SystemCallFilter= of a unit. */
static bool deny_capset(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool ok = filter != NULL &&
              seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(capset), 0) == 0 &&
              seccomp_load(filter) == 0;

    seccomp_release(filter);
    return ok;
}

static bool port_stays(void)
{
    bool keeps_port = false;
    struct privs p;
    struct held h;
    char why[PRIVS_WHY];

    return become_ordinary_with(CAP_NET_BIND_SERVICE) && deny_capset() &&
           privs_find(NULL, &p, why, sizeof(why)) == RES_OK &&
           privs_drop(&p, &keeps_port, why, sizeof(why)) == RES_OK && keeps_port && read_held(&h) &&
           h.permitted == BIT(CAP_NET_BIND_SERVICE) && h.ambient == 0;
}

static bool more_than_a_port_is_an_error(void)
{
    bool keeps_port = false;
    struct privs p;
    char why[PRIVS_WHY];

    return become_ordinary_with(CAP_DAC_OVERRIDE) && deny_capset() &&
           privs_find(NULL, &p, why, sizeof(why)) == RES_OK &&
           privs_drop(&p, &keeps_port, why, sizeof(why)) == RES_DENIED && !keeps_port &&
           strstr(why, "cannot give away capabilities") != NULL;
}

static bool nothing_need_not_be_given_away(void)
{
    struct privs p;
    char why[PRIVS_WHY];

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           (geteuid() != 0 || setresuid(65534, 65534, 65534) == 0) && deny_capset() &&
           privs_find(NULL, &p, why, sizeof(why)) == RES_OK && drop(&p, why) == RES_OK;
}

static void test_where_capset_is_denied_the_port_may_stay_and_nothing_else(void **state)
{
    (void)state;
    need_root();
    expect_in_child(port_stays);
    expect_in_child(more_than_a_port_is_an_error);
}

static void test_where_capset_is_denied_nothing_held_is_nothing_to_give(void **state)
{
    (void)state;
    expect_in_child(nothing_need_not_be_given_away);
}

static bool root_keeps_three(void)
{
    uint64_t most = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER);
    struct privs p;
    struct held h;
    char why[PRIVS_WHY];

    return privs_find("root", &p, why, sizeof(why)) == RES_OK && drop(&p, why) == RES_OK &&
           read_held(&h) && (h.permitted & ~most) == 0 && h.effective == h.permitted &&
           h.inheritable == 0 && h.ambient == 0 && (h.bounding & ~most) == 0;
}

static void test_root_on_purpose_keeps_what_files_of_others_need(void **state)
{
    (void)state;
    need_root();
    expect_in_child(root_keeps_three);
}

/* And what the store needs of /proc works all the same. */
static bool core_is_forbidden(void)
{
    struct rlimit limit;
    char why[PRIVS_WHY];
    int fd = open("/", O_PATH | O_CLOEXEC);
    char link[64];
    int again;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (fd == -1 || (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) ||
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0 || privs_forbid_core(why, sizeof(why)) != RES_OK) {
        return false;
    }
    again = open(link, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(again);
    close(fd);
    return again != -1 && getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0 &&
           prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
}

static void test_no_core_is_dumped(void **state)
{
    (void)state;
    expect_in_child(core_is_forbidden);
}

static bool gain_is_forbidden(void)
{
    char why[PRIVS_WHY];

    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0 &&
           privs_forbid_gain(why, sizeof(why)) == RES_OK &&
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static void test_new_privileges_are_forbidden(void **state)
{
    (void)state;
    expect_in_child(gain_is_forbidden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_user_is_refused_by_name),
        cmocka_unit_test(test_own_name_changes_no_id),
        cmocka_unit_test(test_root_becomes_wherry_or_nobody_when_no_user_is_named),
        cmocka_unit_test(test_ordinary_user_cannot_name_another),
        cmocka_unit_test(test_ordinary_user_stays_when_no_user_is_named),
        cmocka_unit_test(test_root_is_given_away_with_its_groups_for_good),
        cmocka_unit_test(test_way_back_to_root_is_an_error),
        cmocka_unit_test(test_no_capability_is_left_in_any_set),
        cmocka_unit_test(test_ordinary_user_gives_away_what_it_was_started_with),
        cmocka_unit_test(test_where_capset_is_denied_the_port_may_stay_and_nothing_else),
        cmocka_unit_test(test_where_capset_is_denied_nothing_held_is_nothing_to_give),
        cmocka_unit_test(test_root_on_purpose_keeps_what_files_of_others_need),
        cmocka_unit_test(test_no_core_is_dumped),
        cmocka_unit_test(test_new_privileges_are_forbidden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
