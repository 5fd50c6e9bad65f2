/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/sweep.h"
#include "support/scratch.h"

/* --- a system without /proc, when told so: then the file has a name from the start --- */

static bool without_proc;

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);

int __wrap_access(const char *path, int mode)
{
    if (without_proc && strncmp(path, "/proc/", 6) == 0) {
        errno = ENOENT;
        return -1;
    }
    return __real_access(path, mode);
}

static struct jail *jail;

static int setup(void **state)
{
    without_proc = false;
    if (scratch_setup(state) == -1) {
        return -1;
    }
    scratch_dir("root");
    return jail_open(&jail, "root") == RES_OK ? 0 : -1;
}

static int teardown(void **state)
{
    jail_free(jail);
    jail = NULL;
    return scratch_teardown(state);
}

static enum res try_begin(struct writer **ret, const char *name, enum policy_write policy)
{
    return writer_begin(ret, jail, name, policy, 0640, WRITER_SIZE_UNKNOWN);
}

static struct writer *begin(const char *name, enum policy_write policy, const char *text)
{
    struct writer *w = NULL;

    assert_int_equal(try_begin(&w, name, policy), RES_OK);
    assert_int_equal(writer_write(w, (const uint8_t *)text, strlen(text)), RES_OK);
    return w;
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_return_code(stat(path, &st), errno);
    return st.st_mode & 07777;
}

/* --- whole or not at all --- */

static void test_a_new_file_appears_at_commit_only(void **state)
{
    struct writer *w = begin("file", POLICY_WRITE_CREATE, "one ");

    (void)state;
    assert_int_equal(writer_write(w, (const uint8_t *)"two", 3), RES_OK);
    assert_int_equal(writer_write(w, NULL, 0), RES_OK);
    scratch_absent("root/file");
    assert_int_equal(writer_commit(w), RES_OK);
    scratch_holds("root/file", "one two");
    assert_int_equal(scratch_count("root"), 1);
}

static void test_an_empty_upload_is_an_empty_file(void **state)
{
    (void)state;
    assert_int_equal(writer_commit(begin("file", POLICY_WRITE_CREATE, "")), RES_OK);
    scratch_holds("root/file", "");
}

static void test_an_aborted_upload_leaves_the_old_file_and_nothing_else(void **state)
{
    (void)state;
    scratch_file("root/file", "old");
    writer_abort(begin("file", POLICY_WRITE_REPLACE, "new"));
    writer_abort(begin("other", POLICY_WRITE_REPLACE, "new"));
    writer_abort(NULL);
    scratch_holds("root/file", "old");
    assert_int_equal(scratch_count("root"), 1);
}

static void test_whoever_reads_the_old_file_keeps_it(void **state)
{
    struct writer *w = begin("file", POLICY_WRITE_REPLACE, "new");
    char text[8] = "";
    int fd;

    (void)state;
    scratch_file("root/file", "old");
    fd = open("root/file", O_RDONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_int_equal(writer_commit(w), RES_OK);
    assert_int_equal(read(fd, text, sizeof(text)), 3);
    assert_string_equal(text, "old");
    scratch_holds("root/file", "new");
    close(fd);
}

struct victim {
    bool without_proc;
    bool commits;
    int ready; /* closed when it has done its work */
};

static void be_victim(const struct victim *v)
{
    static uint8_t new_bytes[1 << 18];
    struct writer *w;

    without_proc = v->without_proc;
    if (try_begin(&w, "file", POLICY_WRITE_REPLACE) == RES_OK &&
        writer_write(w, new_bytes, sizeof(new_bytes)) == RES_OK &&
        (!v->commits || writer_commit(w) == RES_OK) && write(v->ready, "r", 1) == 1) {
        for (;;) {
            pause();
        }
    }
    _exit(1);
}

/* Lets a process get that far, then kills it as `kill -9` would. */
static void kill_in_the_middle(struct victim v)
{
    int ends[2];
    char byte;
    pid_t pid;
    int status;

    assert_return_code(pipe(ends), errno);
    v.ready = ends[1];
    pid = fork();
    assert_return_code(pid, errno);
    if (pid == 0) {
        be_victim(&v);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    assert_return_code(kill(pid, SIGKILL), errno);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void test_a_killed_upload_leaves_the_old_file(void **state)
{
    size_t removed = 0;

    (void)state;
    scratch_file("root/file", "old");
    kill_in_the_middle((struct victim){.without_proc = false});
    scratch_holds("root/file", "old");
    kill_in_the_middle((struct victim){.without_proc = true});
    scratch_holds("root/file", "old");
    assert_int_equal(scratch_count("root"), 2); /* the second one's had a name */
    assert_int_equal(sweep(jail_fd(jail), &removed), RES_OK);
    assert_true(removed >= 1);
    assert_int_equal(scratch_count("root"), 1);
    scratch_holds("root/file", "old");
}

static void test_a_committed_upload_survives_its_writer(void **state)
{
    struct stat st;

    (void)state;
    scratch_file("root/file", "old");
    for (int i = 0; i < 2; i++) {
        kill_in_the_middle((struct victim){.without_proc = i == 1, .commits = true});
        assert_return_code(stat("root/file", &st), errno);
        assert_int_equal(st.st_size, 1 << 18);
        assert_int_equal(scratch_count("root"), 1);
        scratch_file("root/file", "old");
    }
}

static void test_everything_works_without_proc(void **state)
{
    struct writer *w;

    (void)state;
    without_proc = true;
    w = begin("file", POLICY_WRITE_CREATE, "first");
    scratch_absent("root/file");
    assert_int_equal(writer_commit(w), RES_OK);
    scratch_holds("root/file", "first");
    assert_int_equal(mode_of("root/file"), 0640);
    assert_int_equal(writer_commit(begin("file", POLICY_WRITE_REPLACE, "second")), RES_OK);
    scratch_holds("root/file", "second");
    writer_abort(begin("file", POLICY_WRITE_REPLACE, "third"));
    scratch_holds("root/file", "second");
    assert_int_equal(scratch_count("root"), 1);
}

/* --- may it be written? --- */

static void test_the_policy_is_asked_first(void **state)
{
    struct writer *w;

    (void)state;
    scratch_file("root/file", "old");
    assert_int_equal(try_begin(&w, "file", POLICY_WRITE_NONE), RES_DENIED);
    assert_int_equal(try_begin(&w, "none/file", POLICY_WRITE_NONE), RES_DENIED);
    assert_int_equal(try_begin(&w, "file", POLICY_WRITE_CREATE), RES_EXISTS);
    assert_int_equal(try_begin(&w, "none/file", POLICY_WRITE_CREATE), RES_NOT_FOUND);
    assert_int_equal(try_begin(&w, "../file", POLICY_WRITE_REPLACE), RES_NAME);
    assert_int_equal(scratch_count("root"), 1);
}

static void test_what_is_no_regular_file_is_not_replaced(void **state)
{
    struct writer *w;

    (void)state;
    assert_return_code(mkfifo("root/fifo", 0666), errno);
    scratch_dir("root/dir");
    assert_int_equal(try_begin(&w, "fifo", POLICY_WRITE_REPLACE), RES_DENIED);
    assert_int_equal(try_begin(&w, "dir", POLICY_WRITE_REPLACE), RES_IS_DIR);
}

static int begin_and_commit(void *arg)
{
    struct writer *w;
    enum res r = try_begin(&w, arg, POLICY_WRITE_REPLACE);

    return (int)(r == RES_OK ? writer_commit(w) : r);
}

static void test_a_write_protected_file_is_not_replaced(void **state)
{
    (void)state;
    scratch_file("root/file", "old");
    assert_return_code(chmod("root", 0777), errno);
    assert_return_code(chmod("root/file", 0444), errno);
    assert_int_equal(scratch_in_child(begin_and_commit, "file", true), RES_DENIED);
    scratch_holds("root/file", "old");
}

/* --- mode and owner --- */

static void test_a_new_file_has_the_mode_that_was_asked_whatever_the_umask(void **state)
{
    mode_t before = umask(0777);
    enum res r;
    struct writer *w;

    (void)state;
    r = writer_begin(&w, jail, "file", POLICY_WRITE_CREATE, 0664, WRITER_SIZE_UNKNOWN);
    if (r == RES_OK) {
        r = writer_commit(w);
    }
    umask(before);
    assert_int_equal(r, RES_OK);
    assert_int_equal(mode_of("root/file"), 0664);
}

static void test_a_replaced_file_keeps_its_mode(void **state)
{
    static const mode_t modes[] = {0600, 0644, 0666, 0755, 04755, 02755, 01644};

    (void)state;
    scratch_file("root/file", "old");
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_return_code(chmod("root/file", modes[i]), errno);
        assert_int_equal(writer_commit(begin("file", POLICY_WRITE_REPLACE, "new")), RES_OK);
        assert_int_equal(mode_of("root/file"), modes[i]);
    }
}

static void test_a_replaced_file_keeps_its_owner_and_group(void **state)
{
    struct stat st;

    (void)state;
    if (geteuid() != 0) {
        scratch_skip("only root can give files away");
    }
    scratch_file("root/file", "old");
    assert_return_code(chown("root/file", 4711, 4712), errno);
    assert_return_code(chmod("root/file", 06755), errno);
    assert_int_equal(writer_commit(begin("file", POLICY_WRITE_REPLACE, "new")), RES_OK);
    scratch_holds("root/file", "new");
    assert_return_code(stat("root/file", &st), errno);
    assert_int_equal(st.st_uid, 4711);
    assert_int_equal(st.st_gid, 4712);
    assert_int_equal(st.st_mode & 07777, 06755);
}

/* The file changes hands only after the writer began. */
static int begin_and_commit_late(void *arg)
{
    struct writer *w;

    (void)arg;
    if (try_begin(&w, "file", POLICY_WRITE_REPLACE) != RES_OK ||
        rename("root/foreign", "root/file") == -1) {
        return -1;
    }
    return (int)writer_commit(w);
}

static void test_a_file_whose_owner_cannot_be_kept_is_not_replaced(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        scratch_skip("only root can make files of two owners");
    }
    scratch_file("root/foreign", "old");
    assert_return_code(chmod("root/foreign", 0666), errno);
    assert_return_code(chmod("root", 0777), errno);
    assert_int_equal(scratch_in_child(begin_and_commit, "foreign", true), RES_DENIED);
    scratch_holds("root/foreign", "old");
    assert_int_equal(scratch_in_child(begin_and_commit_late, NULL, true), RES_DENIED);
    scratch_holds("root/file", "old");
    assert_int_equal(scratch_count("root"), 1);
}

/* --- links --- */

static void test_a_link_stays_a_link_and_its_file_is_replaced(void **state)
{
    struct stat st;

    (void)state;
    scratch_dir("root/dir");
    scratch_file("root/dir/file", "old");
    scratch_link("dir/file", "root/link");
    scratch_link("/dir/new", "root/dangling");
    assert_int_equal(writer_commit(begin("link", POLICY_WRITE_REPLACE, "new")), RES_OK);
    assert_int_equal(writer_commit(begin("dangling", POLICY_WRITE_CREATE, "made")), RES_OK);
    assert_return_code(lstat("root/link", &st), errno);
    assert_true(S_ISLNK(st.st_mode));
    scratch_holds("root/dir/file", "new");
    scratch_holds("root/dir/new", "made");
    assert_int_equal(scratch_count("root/dir"), 2);
}

/* --- what happens meanwhile --- */

static void test_under_create_the_later_of_two_gets_exists(void **state)
{
    struct writer *a = begin("file", POLICY_WRITE_CREATE, "a");
    struct writer *b = begin("file", POLICY_WRITE_CREATE, "b");

    (void)state;
    assert_int_equal(writer_commit(b), RES_OK);
    assert_int_equal(writer_commit(a), RES_EXISTS);
    scratch_holds("root/file", "b");
    assert_int_equal(scratch_count("root"), 1);
}

static void test_under_replace_the_last_of_two_to_commit_stays(void **state)
{
    struct writer *a = begin("file", POLICY_WRITE_REPLACE, "aa");
    struct writer *b = begin("file", POLICY_WRITE_REPLACE, "b");

    (void)state;
    assert_int_equal(writer_write(a, (const uint8_t *)"aa", 2), RES_OK);
    assert_int_equal(writer_commit(b), RES_OK);
    scratch_holds("root/file", "b");
    assert_int_equal(writer_commit(a), RES_OK);
    scratch_holds("root/file", "aaaa");
    assert_int_equal(scratch_count("root"), 1);
}

enum { ROUNDS = 100, LONGEST = 100000 };

static int replace_often(char letter, size_t len)
{
    static uint8_t bytes[LONGEST];

    memset(bytes, letter, len);
    for (int i = 0; i < ROUNDS; i++) {
        struct writer *w;

        if (try_begin(&w, "file", POLICY_WRITE_REPLACE) != RES_OK ||
            writer_write(w, bytes, len / 2) != RES_OK ||
            writer_write(w, bytes, len - len / 2) != RES_OK || writer_commit(w) != RES_OK) {
            return 1;
        }
    }
    return 0;
}

/* All of one letter, and of that letter's length. */
static bool is_whole(const char *path)
{
    static char bytes[LONGEST + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, bytes, sizeof(bytes));

    close(fd);
    for (ssize_t i = 1; i < len; i++) {
        if (bytes[i] != bytes[0]) {
            return false;
        }
    }
    return (bytes[0] == 'a' && len == LONGEST) || (bytes[0] == 'b' && len == LONGEST / 3);
}

static void test_uploads_of_one_name_at_once_never_mix(void **state)
{
    pid_t pids[2];
    int status;
    int running = 2;

    (void)state;
    assert_int_equal(replace_often('a', LONGEST), 0);
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        assert_return_code(pids[i], errno);
        if (pids[i] == 0) {
            _exit(i == 0 ? replace_often('a', LONGEST) : replace_often('b', LONGEST / 3));
        }
    }
    while (running > 0) {
        assert_true(is_whole("root/file"));
        for (int i = 0; i < 2; i++) {
            if (pids[i] > 0 && waitpid(pids[i], &status, WNOHANG) == pids[i]) {
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
                pids[i] = 0;
                running--;
            }
        }
    }
    assert_true(is_whole("root/file"));
    assert_int_equal(scratch_count("root"), 1);
}

static void test_a_name_that_appeared_meanwhile_is_replaced_with_its_mode(void **state)
{
    struct writer *w = begin("file", POLICY_WRITE_REPLACE, "new");

    (void)state;
    scratch_file("root/file", "between");
    assert_return_code(chmod("root/file", 0604), errno);
    assert_int_equal(writer_commit(w), RES_OK);
    scratch_holds("root/file", "new");
    assert_int_equal(mode_of("root/file"), 0604);
}

static void test_a_name_that_vanished_meanwhile_is_new(void **state)
{
    struct writer *w;

    (void)state;
    scratch_file("root/file", "old");
    w = begin("file", POLICY_WRITE_REPLACE, "new");
    assert_return_code(unlink("root/file"), errno);
    assert_int_equal(writer_commit(w), RES_OK);
    scratch_holds("root/file", "new");
    assert_int_equal(mode_of("root/file"), 0640);
}

static void test_a_name_that_became_something_else_is_left_alone(void **state)
{
    struct writer *to_dir = begin("a", POLICY_WRITE_REPLACE, "new");
    struct writer *to_link = begin("b", POLICY_WRITE_REPLACE, "new");
    struct writer *to_fifo = begin("c", POLICY_WRITE_REPLACE, "new");

    (void)state;
    scratch_dir("root/a");
    scratch_link("/etc/passwd", "root/b");
    assert_return_code(mkfifo("root/c", 0666), errno);
    assert_int_equal(writer_commit(to_dir), RES_IS_DIR);
    assert_int_equal(writer_commit(to_link), RES_DENIED);
    assert_int_equal(writer_commit(to_fifo), RES_DENIED);
    assert_int_equal(scratch_count("root"), 3);
}

static void test_a_directory_that_vanished_takes_its_uploads_along(void **state)
{
    struct writer *w;

    (void)state;
    scratch_dir("root/dir");
    w = begin("dir/file", POLICY_WRITE_CREATE, "new");
    if (rmdir("root/dir") == -1) {
        writer_abort(w);
        scratch_skip("this file system has no O_TMPFILE, so the directory is not empty");
    }
    assert_int_equal(writer_commit(w), RES_NOT_FOUND);
    assert_int_equal(scratch_count("root"), 0);
}

/* --- room --- */

static void test_more_than_the_free_space_is_refused_at_once(void **state)
{
    struct writer *w;

    (void)state;
    assert_int_equal(
        writer_begin(&w, jail, "file", POLICY_WRITE_CREATE, 0640, WRITER_SIZE_UNKNOWN - 1),
        RES_NO_SPACE);
    assert_int_equal(writer_begin(&w, jail, "file", POLICY_WRITE_CREATE, 0640, 1), RES_OK);
    writer_abort(w);
}

enum { SMALL = 256 * 1024 };

/* Which step went wrong, or 0. */
static int fill_small_disk(void *arg)
{
    static uint8_t bytes[2 * SMALL];
    struct jail *small = NULL;
    struct writer *w;
    struct statvfs fs;

    (void)arg;
    if (!scratch_private_mounts() || mount("none", "root", "tmpfs", 0, "size=256k") == -1) {
        return SCRATCH_CANNOT;
    }
    scratch_file("root/file", "old");
    if (jail_open(&small, "root") != RES_OK || statvfs("root", &fs) == -1) {
        return 1;
    }
    if (writer_begin(&w, small, "file", POLICY_WRITE_REPLACE, 0640, SMALL) != RES_NO_SPACE) {
        return 2;
    }
    if (writer_begin(&w, small, "file", POLICY_WRITE_REPLACE, 0640, fs.f_bavail * fs.f_frsize) !=
        RES_OK) {
        return 3;
    }
    if (writer_write(w, bytes, sizeof(bytes)) != RES_NO_SPACE ||
        writer_write(w, bytes, 1) != RES_NO_SPACE || writer_commit(w) != RES_NO_SPACE) {
        return 4;
    }
    scratch_holds("root/file", "old");
    return scratch_count("root") == 1 &&
                   writer_begin(&w, small, "x", POLICY_WRITE_CREATE, 0640, SMALL / 2) == RES_OK
               ? 0
               : 5;
}

static void test_a_full_disk_leaves_the_old_file(void **state)
{
    int status;

    (void)state;
    status = scratch_in_child(fill_small_disk, NULL, false);
    if (status == SCRATCH_CANNOT) {
        scratch_skip("no permission to mount a small tmpfs");
    }
    assert_int_equal(status, 0);
}

static int write_beyond_limit(void *arg)
{
    const struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
    uint8_t bytes[5000] = {0};
    struct writer *w;

    (void)arg;
    if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit) == -1 ||
        try_begin(&w, "file", POLICY_WRITE_REPLACE) != RES_OK) {
        return 1;
    }
    if (writer_write(w, bytes, sizeof(bytes)) != RES_TOO_LARGE) {
        return 2;
    }
    return writer_commit(w) == RES_TOO_LARGE ? 0 : 3;
}

static void test_a_file_over_the_limit_leaves_the_old_one(void **state)
{
    (void)state;
    scratch_file("root/file", "old");
    assert_int_equal(scratch_in_child(write_beyond_limit, NULL, false), 0);
    scratch_holds("root/file", "old");
    assert_int_equal(scratch_count("root"), 1);
}

/* --- local paths --- */

static enum res try_local(struct writer **ret, const char *path, bool replace)
{
    const struct writer_params p = {
        .replace = replace, .mode = 0644, .expected_size = WRITER_SIZE_UNKNOWN};

    return writer_begin_local(ret, path, &p);
}

static void put_local(const char *path, const char *text)
{
    struct writer *w = NULL;

    assert_int_equal(try_local(&w, path, true), RES_OK);
    assert_int_equal(writer_write(w, (const uint8_t *)text, strlen(text)), RES_OK);
    assert_int_equal(writer_commit(w), RES_OK);
}

static void test_local_paths_follow_the_same_rules(void **state)
{
    struct writer *w;
    struct stat st;

    (void)state;
    put_local("local", "one");
    scratch_holds("local", "one");
    assert_int_equal(mode_of("local"), 0644);
    assert_int_equal(try_local(&w, "local", false), RES_EXISTS);
    assert_int_equal(try_local(&w, "local", true), RES_OK);
    writer_abort(w);
    scratch_holds("local", "one");
    scratch_link("../local", "root/link");
    put_local("root/link", "two");
    scratch_holds("local", "two");
    assert_return_code(lstat("root/link", &st), errno);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(try_local(&w, "root", true), RES_IS_DIR);
    assert_int_equal(try_local(&w, "none/file", true), RES_NOT_FOUND);
    assert_int_equal(scratch_count("."), 2);
}

static void test_local_devices_and_fifos_are_written_straight(void **state)
{
    char text[8] = "";
    struct stat st;
    int fd;

    (void)state;
    put_local("/dev/null", "gone");
    assert_return_code(stat("/dev/null", &st), errno);
    assert_true(S_ISCHR(st.st_mode));
    assert_return_code(mkfifo("fifo", 0600), errno);
    fd = open("fifo", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_return_code(fd, errno);
    put_local("fifo", "text");
    assert_int_equal(read(fd, text, sizeof(text)), 4);
    assert_string_equal(text, "text");
    close(fd);
}

static void test_a_full_device_says_so(void **state)
{
    struct writer *w;

    (void)state;
    assert_int_equal(try_local(&w, "/dev/full", true), RES_OK);
    assert_int_equal(writer_write(w, (const uint8_t *)"x", 1), RES_NO_SPACE);
    assert_int_equal(writer_commit(w), RES_NO_SPACE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_new_file_appears_at_commit_only),
        TEST(test_an_empty_upload_is_an_empty_file),
        TEST(test_an_aborted_upload_leaves_the_old_file_and_nothing_else),
        TEST(test_whoever_reads_the_old_file_keeps_it),
        TEST(test_a_killed_upload_leaves_the_old_file),
        TEST(test_a_committed_upload_survives_its_writer),
        TEST(test_everything_works_without_proc),
        TEST(test_the_policy_is_asked_first),
        TEST(test_what_is_no_regular_file_is_not_replaced),
        TEST(test_a_write_protected_file_is_not_replaced),
        TEST(test_a_new_file_has_the_mode_that_was_asked_whatever_the_umask),
        TEST(test_a_replaced_file_keeps_its_mode),
        TEST(test_a_replaced_file_keeps_its_owner_and_group),
        TEST(test_a_file_whose_owner_cannot_be_kept_is_not_replaced),
        TEST(test_a_link_stays_a_link_and_its_file_is_replaced),
        TEST(test_under_create_the_later_of_two_gets_exists),
        TEST(test_under_replace_the_last_of_two_to_commit_stays),
        TEST(test_uploads_of_one_name_at_once_never_mix),
        TEST(test_a_name_that_appeared_meanwhile_is_replaced_with_its_mode),
        TEST(test_a_name_that_vanished_meanwhile_is_new),
        TEST(test_a_name_that_became_something_else_is_left_alone),
        TEST(test_a_directory_that_vanished_takes_its_uploads_along),
        TEST(test_more_than_the_free_space_is_refused_at_once),
        TEST(test_a_full_disk_leaves_the_old_file),
        TEST(test_a_file_over_the_limit_leaves_the_old_one),
        TEST(test_local_paths_follow_the_same_rules),
        TEST(test_local_devices_and_fifos_are_written_straight),
        TEST(test_a_full_device_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
