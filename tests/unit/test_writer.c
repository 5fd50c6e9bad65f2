/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/sweep.h"
#include "support/scratch.h"
#include "support/upload.h"

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

/* --- the longest write(2) --- */

static size_t longest;

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    longest = len > longest ? len : longest;
    return __real_write(fd, bytes, len);
}

static int setup(void **state)
{
    without_proc = false;
    longest = 0;
    return upload_setup(state);
}

/* --- whole or not at all --- */

static void test_a_new_file_appears_at_commit_only(void **state)
{
    struct writer *w = upload_begin("file", POLICY_WRITE_CREATE, "one ");

    (void)state;
    assert_int_equal(writer_write(w, (const uint8_t *)"two", 3), RES_OK);
    assert_int_equal(writer_write(w, NULL, 0), RES_OK);
    scratch_absent("root/file");
    assert_int_equal(writer_commit(w, NULL), RES_OK);
    scratch_holds("root/file", "one two");
    assert_int_equal(scratch_count("root"), 1);
}

static void test_much_at_once_is_written_in_pieces_of_64_kib(void **state)
{
    enum { LEN = 3 * 65536 + 5 };
    static uint8_t sent[LEN];
    static uint8_t there[LEN + 1];
    struct writer *w = upload_begin("file", POLICY_WRITE_CREATE, "");
    int fd;

    (void)state;
    for (size_t i = 0; i < LEN; i++) {
        sent[i] = (uint8_t)(i % 251);
    }
    assert_int_equal(writer_write(w, sent, LEN), RES_OK);
    assert_int_equal(longest, 65536);
    assert_int_equal(writer_bytes(w), LEN);
    assert_int_equal(writer_commit(w, NULL), RES_OK);
    fd = open("root/file", O_RDONLY | O_CLOEXEC);
    assert_int_not_equal(fd, -1);
    assert_int_equal(read(fd, there, sizeof(there)), LEN);
    close(fd);
    assert_memory_equal(there, sent, LEN);
}

static void test_an_empty_upload_is_an_empty_file(void **state)
{
    (void)state;
    assert_int_equal(writer_commit(upload_begin("file", POLICY_WRITE_CREATE, ""), NULL), RES_OK);
    scratch_holds("root/file", "");
}

static void test_an_aborted_upload_leaves_the_old_file_and_nothing_else(void **state)
{
    (void)state;
    scratch_file("root/file", "old");
    writer_abort(upload_begin("file", POLICY_WRITE_REPLACE, "new"));
    writer_abort(upload_begin("other", POLICY_WRITE_REPLACE, "new"));
    writer_abort(NULL);
    scratch_holds("root/file", "old");
    assert_int_equal(scratch_count("root"), 1);
}

static void test_whoever_reads_the_old_file_keeps_it(void **state)
{
    struct writer *w = upload_begin("file", POLICY_WRITE_REPLACE, "new");
    char text[8] = "";
    int fd;

    (void)state;
    scratch_file("root/file", "old");
    fd = open("root/file", O_RDONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_int_equal(writer_commit(w, NULL), RES_OK);
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
    if (upload_try(&w, "file", POLICY_WRITE_REPLACE) == RES_OK &&
        writer_write(w, new_bytes, sizeof(new_bytes)) == RES_OK &&
        (!v->commits || writer_commit(w, NULL) == RES_OK) && write(v->ready, "r", 1) == 1) {
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
    const atomic_bool stop = false;
    const struct sweep_params p = {.root_fd = jail_fd(upload_jail()), .stop = &stop};
    size_t removed = 0;

    (void)state;
    scratch_file("root/file", "old");
    kill_in_the_middle((struct victim){.without_proc = false});
    scratch_holds("root/file", "old");
    kill_in_the_middle((struct victim){.without_proc = true});
    scratch_holds("root/file", "old");
    assert_int_equal(scratch_count("root"), 2); /* the second one's had a name */
    assert_int_equal(sweep(&p, &removed), RES_OK);
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
    w = upload_begin("file", POLICY_WRITE_CREATE, "first");
    scratch_absent("root/file");
    assert_int_equal(writer_commit(w, NULL), RES_OK);
    scratch_holds("root/file", "first");
    assert_int_equal(upload_mode("root/file"), 0640);
    assert_int_equal(writer_commit(upload_begin("file", POLICY_WRITE_REPLACE, "second"), NULL),
                     RES_OK);
    scratch_holds("root/file", "second");
    writer_abort(upload_begin("file", POLICY_WRITE_REPLACE, "third"));
    scratch_holds("root/file", "second");
    assert_int_equal(scratch_count("root"), 1);
}

/* --- may it be written? --- */

static void test_the_policy_is_asked_first(void **state)
{
    struct writer *w;

    (void)state;
    scratch_file("root/file", "old");
    assert_int_equal(upload_try(&w, "file", POLICY_WRITE_NONE), RES_DENIED);
    assert_int_equal(upload_try(&w, "none/file", POLICY_WRITE_NONE), RES_DENIED);
    assert_int_equal(upload_try(&w, "file", POLICY_WRITE_CREATE), RES_EXISTS);
    assert_int_equal(upload_try(&w, "none/file", POLICY_WRITE_CREATE), RES_NOT_FOUND);
    assert_int_equal(upload_try(&w, "../file", POLICY_WRITE_REPLACE), RES_NAME);
    assert_int_equal(scratch_count("root"), 1);
}

static void test_what_is_no_regular_file_is_not_replaced(void **state)
{
    struct writer *w;

    (void)state;
    assert_return_code(mkfifo("root/fifo", 0666), errno);
    scratch_dir("root/dir");
    assert_int_equal(upload_try(&w, "fifo", POLICY_WRITE_REPLACE), RES_DENIED);
    assert_int_equal(upload_try(&w, "dir", POLICY_WRITE_REPLACE), RES_IS_DIR);
}

static int begin_only(void *arg)
{
    struct writer *w = NULL;
    enum res r = upload_try(&w, arg, POLICY_WRITE_REPLACE);

    writer_abort(w);
    return (int)r;
}

/* Another file gets the name only after the writer began. */
static int commit_to_other(void *arg)
{
    struct writer *w;

    if (upload_try(&w, "late", POLICY_WRITE_REPLACE) != RES_OK || rename(arg, "root/late") == -1) {
        return -1;
    }
    return (int)writer_commit(w, NULL);
}

static void test_a_write_protected_file_is_not_replaced(void **state)
{
    (void)state;
    scratch_file("root/file", "old");
    scratch_give("root/file");
    assert_return_code(chmod("root", 0777), errno);
    assert_return_code(chmod("root/file", 0444), errno);
    assert_int_equal(scratch_in_child(begin_only, "file", true), RES_DENIED);
    assert_int_equal(scratch_in_child(commit_to_other, "root/file", true), RES_DENIED);
    scratch_holds("root/late", "old");
    assert_int_equal(scratch_count("root"), 1);
}

/* --- mode and owner --- */

static void test_a_new_file_has_the_mode_that_was_asked_whatever_the_umask(void **state)
{
    mode_t before = umask(0777);
    const struct writer_params p = {.mode = 0664, .expected_size = WRITER_SIZE_UNKNOWN};
    const struct policy_who who = {.write = POLICY_WRITE_CREATE};
    enum res r;
    struct writer *w;

    (void)state;
    r = writer_begin(&w, upload_jail(), "file", &who, &p);
    if (r == RES_OK) {
        r = writer_commit(w, NULL);
    }
    umask(before);
    assert_int_equal(r, RES_OK);
    assert_int_equal(upload_mode("root/file"), 0664);
}

static void test_a_replaced_file_keeps_its_mode(void **state)
{
    static const mode_t modes[] = {0600, 0644, 0666, 0755, 01644};

    (void)state;
    scratch_file("root/file", "old");
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_return_code(chmod("root/file", modes[i]), errno);
        assert_int_equal(writer_commit(upload_begin("file", POLICY_WRITE_REPLACE, "new"), NULL),
                         RES_OK);
        assert_int_equal(upload_mode("root/file"), modes[i]);
    }
}

static void test_a_replaced_file_loses_set_user_and_set_group_id(void **state)
{
    (void)state;
    scratch_file("root/file", "old");
    assert_return_code(chmod("root/file", 06755), errno);
    assert_int_equal(writer_commit(upload_begin("file", POLICY_WRITE_REPLACE, "new"), NULL),
                     RES_OK);
    assert_int_equal(upload_mode("root/file"), 0755);
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
    assert_return_code(chmod("root/file", 0754), errno);
    assert_int_equal(writer_commit(upload_begin("file", POLICY_WRITE_REPLACE, "new"), NULL),
                     RES_OK);
    scratch_holds("root/file", "new");
    assert_return_code(stat("root/file", &st), errno);
    assert_int_equal(st.st_uid, 4711);
    assert_int_equal(st.st_gid, 4712);
    assert_int_equal(st.st_mode & 07777, 0754);
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
    assert_int_equal(scratch_in_child(begin_only, "foreign", true), RES_DENIED);
    scratch_holds("root/foreign", "old");
    assert_int_equal(scratch_in_child(commit_to_other, "root/foreign", true), RES_DENIED);
    scratch_holds("root/late", "old");
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
    assert_int_equal(writer_commit(upload_begin("link", POLICY_WRITE_REPLACE, "new"), NULL),
                     RES_OK);
    assert_int_equal(writer_commit(upload_begin("dangling", POLICY_WRITE_CREATE, "made"), NULL),
                     RES_OK);
    assert_return_code(lstat("root/link", &st), errno);
    assert_true(S_ISLNK(st.st_mode));
    scratch_holds("root/dir/file", "new");
    scratch_holds("root/dir/new", "made");
    assert_int_equal(scratch_count("root/dir"), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, upload_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_new_file_appears_at_commit_only),
        TEST(test_much_at_once_is_written_in_pieces_of_64_kib),
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
        TEST(test_a_replaced_file_loses_set_user_and_set_group_id),
        TEST(test_a_replaced_file_keeps_its_owner_and_group),
        TEST(test_a_file_whose_owner_cannot_be_kept_is_not_replaced),
        TEST(test_a_link_stays_a_link_and_its_file_is_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
