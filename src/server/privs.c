/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/privs.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
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

enum res privs_drop(const struct privs *p, char *why, size_t cap)
{
    if (!p->change) {
        return RES_OK;
    }
    /* Groups first: afterwards it is not allowed any more. */
    if (initgroups(p->name, p->gid) != 0 || setresgid(p->gid, p->gid, p->gid) != 0 ||
        setresuid(p->uid, p->uid, p->uid) != 0) {
        int error = errno;

        snprintf(why, cap,
                 "cannot become user %s: %s (does a sandbox withhold CAP_SETUID or CAP_SETGID?)",
                 p->name, strerror(error));
        return res_from_errno(error);
    }
    if (!is_final(p)) {
        snprintf(why, cap, "root could be had again after becoming user %s: not serving", p->name);
        return RES_DENIED;
    }
    return RES_OK;
}
