/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/sandbox_filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/errno_res.h"
#include "server/sandbox_calls.h"

bool sandbox_filter_available(const char **ret_why)
{
    uint32_t action = SECCOMP_RET_ERRNO;

    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U, &action) == 0) {
        return true;
    }
    *ret_why = errno == ENOSYS || errno == EINVAL ? "this kernel has none, Linux 4.14 or later can"
                                                  : strerror(errno);
    return false;
}

static bool is_wanted(const struct sandbox_call *call, const struct sandbox_filter_wish *wish)
{
    switch (call->when) {
    case SANDBOX_WRITE:
        return wish->write;
    case SANDBOX_SYSLOG:
        return wish->syslog;
    default:
        return true;
    }
}

/* 0 or a negative errno, as libseccomp has it. */
static int add_call(scmp_filter_ctx filter, const struct sandbox_call *call)
{
    uint32_t action = call->error == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((uint32_t)call->error);
    int number = seccomp_syscall_resolve_name(call->name);
    struct scmp_arg_cmp judged[SANDBOX_ARGUMENTS];
    unsigned count = 0;

    if (number == __NR_SCMP_ERROR) {
        return 0; /* later than this library: a new kernel's call that the C library can do without
                   */
    }
    for (unsigned i = 0; i < SANDBOX_ARGUMENTS; i++) {
        const struct sandbox_argument *a = &call->arguments[i];

        if (a->mask != 0) {
            judged[count++] = (struct scmp_arg_cmp){
                .arg = a->number,
                .op = SCMP_CMP_MASKED_EQ,
                .datum_a = a->mask,
                .datum_b = a->value == SANDBOX_SELF ? (uint64_t)getpid() : a->value,
            };
        }
    }
    return seccomp_rule_add_array(filter, action, number, count, judged);
}

static int add_calls(scmp_filter_ctx filter, const struct sandbox_call *calls, size_t count,
                     const struct sandbox_filter_wish *wish)
{
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        if (is_wanted(&calls[i], wish)) {
            rc = add_call(filter, &calls[i]);
        }
    }
    return rc;
}

/* The binary tree makes the place of a row meaningless for its cost. Mitigations for processes that
 * run foreign code would only slow this one down; it has none, nor can it make any. */
static int set_attributes(scmp_filter_ctx filter)
{
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);

    if (rc == 0) {
        rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    }
    if (rc == 0) {
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1); /* Linux 4.17 */
    }
    return rc;
}

enum res sandbox_filter_enter(const struct sandbox_filter_wish *wish, char *why, size_t cap)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    const struct sandbox_call *calls;
    size_t count;
    int rc = filter == NULL ? -ENOMEM : set_attributes(filter);

    if (rc == 0) {
        calls = sandbox_calls(&count);
        rc = add_calls(filter, calls, count, wish);
    }
    if (rc == 0) {
        calls = sandbox_calls_of_sanitizers(&count);
        rc = add_calls(filter, calls, count, wish);
    }
    if (rc == 0) {
        rc = seccomp_load(filter);
    }
    if (filter != NULL) {
        seccomp_release(filter);
    }
    if (rc != 0) {
        snprintf(why, cap, "%s", strerror(-rc));
        return res_from_errno(-rc);
    }
    return RES_OK;
}
