/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

int scratch_setup(void **state)
{
    const char *parent = getenv("TMPDIR");
    char path[512];

    (void)state;
    snprintf(path, sizeof(path), "%s/wherry-test-XXXXXX", parent != NULL ? parent : "/tmp");
    return mkdtemp(path) == NULL || chmod(path, 0755) == -1 || chdir(path) == -1 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int scratch_teardown(void **state)
{
    char path[512];

    (void)state;
    if (getcwd(path, sizeof(path)) == NULL || chdir("/") == -1) {
        return -1;
    }
    return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void scratch_dir(const char *path)
{
    assert_return_code(mkdir(path, 0755), errno);
}

void scratch_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    size_t len = strlen(text);

    assert_return_code(fd, errno);
    assert_int_equal(write(fd, text, len), len);
    assert_return_code(close(fd), errno);
}

void scratch_link(const char *text, const char *path)
{
    assert_return_code(symlink(text, path), errno);
}

void scratch_holds(const char *path, const char *text)
{
    size_t len = strlen(text);
    char *found = calloc(1, len + 2);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    assert_return_code(fd, errno);
    assert_non_null(found);
    assert_int_equal(read(fd, found, len + 1), len);
    assert_string_equal(found, text);
    close(fd);
    free(found);
}

void scratch_absent(const char *path)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), -1);
    assert_int_equal(errno, ENOENT);
}

size_t scratch_count(const char *path)
{
    DIR *d = opendir(path);
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d) != NULL) {
        n++;
    }
    closedir(d);
    return n - 2;
}

void scratch_give(const char *path)
{
    if (geteuid() == 0) {
        assert_return_code(chown(path, NOBODY, NOBODY), errno);
    }
}

int scratch_in_child(int (*fn)(void *arg), void *arg, bool ordinary)
{
    pid_t pid;
    int status = 0;

    fflush(NULL);
    pid = fork();
    assert_return_code(pid, errno);
    if (pid == 0) {
        if (ordinary && geteuid() == 0 &&
            (setgroups(0, NULL) == -1 || setgid(NOBODY) == -1 || setuid(NOBODY) == -1)) {
            _exit(SCRATCH_CANNOT);
        }
        _exit(fn(arg));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd != -1 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd != -1) {
        close(fd);
    }
    return ok;
}

bool scratch_private_mounts(void)
{
    unsigned uid = geteuid();
    unsigned gid = getegid();
    char line[64];

    if (uid == 0) {
        if (unshare(CLONE_NEWNS) == -1) {
            return false;
        }
    } else {
        /* Being root of a user namespace of one's own is enough, where that is allowed. */
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1) {
            return false;
        }
        snprintf(line, sizeof(line), "0 %u 1", uid);
        if (!write_text("/proc/self/uid_map", line) ||
            !write_text("/proc/self/setgroups", "deny")) {
            return false;
        }
        snprintf(line, sizeof(line), "0 %u 1", gid);
        if (!write_text("/proc/self/gid_map", line)) {
            return false;
        }
    }
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

void scratch_skip(const char *why)
{
    print_message("skipped: %s\n", why);
    skip();
}
