/* SPDX-License-Identifier: BSD-2-Clause */
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
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

static void test_own_name_changes_nothing(void **state)
{
    const struct passwd *pw = getpwuid(geteuid());
    struct privs p;
    char why[PRIVS_WHY];
    char name[PRIVS_NAME_BYTES];

    (void)state;
    if (pw == NULL) {
        skip(); /* a user without a name has none to give */
    }
    snprintf(name, sizeof(name), "%s", pw->pw_name);
    assert_int_equal(privs_find(name, &p, why, sizeof(why)), RES_OK);
    assert_false(p.change);
    assert_string_equal(p.name, name);
    assert_int_equal(p.uid, geteuid());
    assert_int_equal(p.root, geteuid() == 0);
    assert_int_equal(privs_drop(&p, why, sizeof(why)), RES_OK);
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
        privs_drop(&p, why, sizeof(why)) != RES_OK) {
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
    return privs_drop(&p, why, sizeof(why)) == RES_DENIED &&
           strstr(why, "root could be had again") != NULL;
}

static void test_way_back_to_root_is_an_error(void **state)
{
    (void)state;
    need_root();
    expect_in_child(half_a_drop_is_noticed);
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
        cmocka_unit_test(test_own_name_changes_nothing),
        cmocka_unit_test(test_root_becomes_wherry_or_nobody_when_no_user_is_named),
        cmocka_unit_test(test_ordinary_user_cannot_name_another),
        cmocka_unit_test(test_ordinary_user_stays_when_no_user_is_named),
        cmocka_unit_test(test_root_is_given_away_with_its_groups_for_good),
        cmocka_unit_test(test_way_back_to_root_is_an_error),
        cmocka_unit_test(test_new_privileges_are_forbidden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
