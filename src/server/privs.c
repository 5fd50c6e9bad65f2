/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/privs.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "base/text.h"

enum res privs_forbid_gain(char *why, size_t cap)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        int error = errno;

        snprintf(why, cap, "cannot forbid new privileges: %s", strerror(error));
        return res_from_errno(error);
    }
    return RES_OK;
}

static bool find_user(const char *name, struct privs *ret)
{
    const struct passwd *pw = getpwnam(name);

    if (pw == NULL || strlen(pw->pw_name) >= sizeof(ret->name)) {
        return false;
    }
    memcpy(ret->name, pw->pw_name, strlen(pw->pw_name) + 1);
    ret->uid = pw->pw_uid;
    ret->gid = pw->pw_gid;
    return true;
}

static void find_self(struct privs *ret)
{
    const struct passwd *pw = getpwuid(geteuid());

    ret->uid = geteuid();
    ret->gid = getegid();
    if (pw != NULL) {
        snprintf(ret->name, sizeof(ret->name), "%s", pw->pw_name);
    } else {
        snprintf(ret->name, sizeof(ret->name), "uid %lu", (unsigned long)ret->uid);
    }
}

enum res privs_find(const char *user, struct privs *ret, char *why, size_t cap)
{
    struct privs p = {.change = false};
    char quoted[PRIVS_NAME_BYTES];

    text_quote((const uint8_t *)(user != NULL ? user : ""), user != NULL ? strlen(user) : 0, quoted,
               sizeof(quoted));
    if (user == NULL && geteuid() == 0) {
        if (!find_user("wherry", &p) && !find_user("nobody", &p)) {
            snprintf(why, cap,
                     "started as root, and there is neither a user wherry nor nobody to become: "
                     "name one with --user");
            return RES_NOT_FOUND;
        }
    } else if (user == NULL) {
        find_self(&p);
    } else if (!find_user(user, &p)) {
        snprintf(why, cap,
                 "user \"%s\" does not exist: --user takes a name that getent passwd "
                 "lists",
                 quoted);
        return RES_NOT_FOUND;
    }
    if (geteuid() != 0 && p.uid != geteuid()) {
        struct privs self;

        find_self(&self);
        snprintf(why, cap,
                 "--user %s: only root can become another user: start as root, or leave --user out "
                 "to stay %s",
                 quoted, self.name);
        return RES_DENIED;
    }
    p.root = p.uid == 0;
    p.change = geteuid() == 0 && !p.root;
    *ret = p;
    return RES_OK;
}

/* All three ids of both kinds are the user's, and root cannot be had again. */
static bool is_final(const struct privs *p)
{
    uid_t real_uid, effective_uid, saved_uid;
    gid_t real_gid, effective_gid, saved_gid;

    if (getresuid(&real_uid, &effective_uid, &saved_uid) != 0 ||
        getresgid(&real_gid, &effective_gid, &saved_gid) != 0) {
        return false;
    }
    if (real_uid != p->uid || effective_uid != p->uid || saved_uid != p->uid ||
        real_gid != p->gid || effective_gid != p->gid || saved_gid != p->gid) {
        return false;
    }
    return setresuid((uid_t)-1, 0, (uid_t)-1) != 0 && setresuid(0, 0, 0) != 0 &&
           (p->gid == 0 || setresgid((gid_t)-1, 0, (gid_t)-1) != 0);
}

/* What root is for where somebody wants it: files whose owner and mode say otherwise. */
static const cap_value_t of_root[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER};
#define OF_ROOT_COUNT ((int)(sizeof(of_root) / sizeof(of_root[0])))

static bool is_kept(const struct privs *p, cap_value_t value)
{
    for (int i = 0; i < OF_ROOT_COUNT; i++) {
        if (p->root && of_root[i] == value) {
            return true;
        }
    }
    return false;
}

/* What no program started later could have. Only who holds CAP_SETPCAP may shrink it; for all
 * others no_new_privs has the same effect. */
static bool shrink_bounds(const struct privs *p)
{
    for (cap_value_t value = 0; CAP_IS_SUPPORTED(value); value++) {
        if (!is_kept(p, value) && cap_drop_bound(value) != 0) {
            return errno == EPERM;
        }
    }
    return true;
}

/* Why a failed capset(2) may be lived with: a service manager's filter denies the call, and what is
 * held is to bind ports below 1024, or nothing. */
static bool is_harmless(int error, cap_t now, bool *ret_keeps_port)
{
    cap_value_t port = CAP_NET_BIND_SERVICE;
    cap_flag_value_t has = CAP_CLEAR;
    cap_t most = cap_init();
    bool ok = error == EPERM && most != NULL && cap_get_flag(now, port, CAP_PERMITTED, &has) == 0 &&
              cap_set_flag(most, CAP_PERMITTED, 1, &port, has) == 0 &&
              !CAP_DIFFERS(cap_compare(now, most), CAP_PERMITTED);

    if (most != NULL) {
        cap_free(most);
    }
    if (ok) {
        *ret_keeps_port = has == CAP_SET;
    }
    return ok;
}

/* Leaves nothing of what is effective, permitted, inheritable or ambient but what is kept; of that,
 * what there is. */
static bool drop_capabilities(const struct privs *p, bool *ret_keeps_port)
{
    cap_t now = cap_get_proc();
    cap_t kept = cap_init();
    bool ok = now != NULL && kept != NULL;

    for (int i = 0; ok && p->root && i < OF_ROOT_COUNT; i++) {
        cap_flag_value_t has = CAP_CLEAR;

        ok = cap_get_flag(now, of_root[i], CAP_PERMITTED, &has) == 0 &&
             cap_set_flag(kept, CAP_PERMITTED, 1, &of_root[i], has) == 0 &&
             cap_set_flag(kept, CAP_EFFECTIVE, 1, &of_root[i], has) == 0;
    }
    ok = ok && cap_reset_ambient() == 0 &&
         (cap_set_proc(kept) == 0 || is_harmless(errno, now, ret_keeps_port));
    if (now != NULL) {
        cap_free(now);
    }
    if (kept != NULL) {
        cap_free(kept);
    }
    return ok;
}

static enum res become_user(const struct privs *p, char *why, size_t cap)
{
    /* Groups first: afterwards it is not allowed any more. */
    if (initgroups(p->name, p->gid) != 0 || setresgid(p->gid, p->gid, p->gid) != 0 ||
        setresuid(p->uid, p->uid, p->uid) != 0) {
        int error = errno;

        snprintf(
            why, cap,
            "cannot become user %s: %s: a sandbox that withholds CAP_SETUID or CAP_SETGID, or a "
            "user namespace without that user; --user root stays who it is",
            p->name, strerror(error));
        return res_from_errno(error);
    }
    if (!is_final(p)) {
        snprintf(why, cap, "root could be had again after becoming user %s: not serving", p->name);
        return RES_DENIED;
    }
    return RES_OK;
}

enum res privs_drop(const struct privs *p, bool *ret_keeps_port, char *why, size_t cap)
{
    bool keeps_port = false;
    enum res r = RES_OK;
    bool ok = shrink_bounds(p); /* while that is allowed */

    if (ok && p->change) {
        r = become_user(p, why, cap);
    }
    if (r == RES_OK && (!ok || !drop_capabilities(p, &keeps_port))) {
        int error = errno;

        snprintf(why, cap, "cannot give away capabilities: %s", strerror(error));
        r = res_from_errno(error);
    }
    if (r == RES_OK) {
        *ret_keeps_port = keeps_port;
    }
    return r;
}

enum res privs_forbid_core(char *why, size_t cap)
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        int error = errno;

        snprintf(why, cap, "cannot forbid dumping core: %s", strerror(error));
        return res_from_errno(error);
    }
    return RES_OK;
}
