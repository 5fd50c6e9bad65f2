/* SPDX-License-Identifier: BSD-2-Clause */
/* The sandbox as a server has it, and Landlock by itself: what is denied, and what serving needs
 * all the same. */
#include "server/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/sandbox_landlock.h"
#include "support/attempt.h"
#include "support/scratch.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define CANNOT 1 /* an answer of a child, beside errno */

static int setup(void **state)
{
    static const char *const dirs[] = {"root", "root/sub", "outside", "conf", "conf/conf.d"};
    static const char *const files[] = {"root/file", "outside/file", "conf/wherryd.conf",
                                        "conf/conf.d/more.conf"};

    if (scratch_setup(state) != 0) {
        return -1;
    }
    for (size_t i = 0; i < COUNT(dirs); i++) {
        scratch_dir(dirs[i]);
        scratch_give(dirs[i]);
    }
    for (size_t i = 0; i < COUNT(files); i++) {
        scratch_file(files[i], "text");
        scratch_give(files[i]);
    }
    assert_int_equal(chmod("root/file", 0755), 0);
    return 0;
}

static int landlock_abi(void)
{
    const char *why;

    return sandbox_landlock_abi(&why);
}

/* What a program of the kernel's version 5.13 or later has, if it was not switched off. */
static void need_landlock(int abi)
{
    if (landlock_abi() < abi) {
        scratch_skip("this kernel's Landlock is older, or there is none");
    }
}

static int enter_all(enum policy_write write)
{
    static char file[] = "conf/wherryd.conf";
    const struct config config = {.write = write, .sandbox = CONFIG_SANDBOX_REQUIRED, .file = file};
    char why[SANDBOX_WHY];
    struct jail *jail = NULL;
    bool read_only = false;
    enum res r = jail_open(&jail, "root");

    if (r == RES_OK) {
        r = sandbox_enter(&config, jail, NULL, &read_only, why, sizeof(why));
    }
    return r == RES_OK && read_only == (write == POLICY_WRITE_NONE) ? 0 : EINVAL;
}

static int enter_reading(void)
{
    return enter_all(POLICY_WRITE_NONE);
}

static int enter_writing(void)
{
    return enter_all(POLICY_WRITE_REPLACE);
}

static int enter_landlock(bool write)
{
    const struct sandbox_places places = {
        .root_fd = open("root", O_PATH | O_CLOEXEC), .write = write, .config_file = NULL};
    char why[256];

    return sandbox_landlock_enter(&places, landlock_abi(), why, sizeof(why)) == RES_OK ? 0 : EINVAL;
}

static int enter_landlock_reading(void)
{
    return enter_landlock(false);
}

static int enter_landlock_writing(void)
{
    return enter_landlock(true);
}

/* Files */

static int try_open(const char *path, int flags)
{
    return attempt_result(open(path, flags | O_CLOEXEC, 0644));
}

static int read_outside(const struct attempt_scene *s)
{
    (void)s;
    return try_open("outside/file", O_RDONLY);
}

static int read_system(const struct attempt_scene *s)
{
    (void)s;
    return try_open("/etc/passwd", O_RDONLY);
}

static int list_outside(const struct attempt_scene *s)
{
    (void)s;
    return try_open("outside", O_RDONLY | O_DIRECTORY);
}

static int write_outside(const struct attempt_scene *s)
{
    (void)s;
    return try_open("outside/file", O_WRONLY);
}

static int make_outside(const struct attempt_scene *s)
{
    (void)s;
    return try_open("outside/new", O_WRONLY | O_CREAT);
}

/* By the magic link that leads around names. */
static int read_by_proc(const struct attempt_scene *s)
{
    (void)s;
    return try_open("/proc/self/cwd/outside/file", O_RDONLY);
}

static int read_by_root_of_first(const struct attempt_scene *s)
{
    int fd = open("/proc/1/root/etc/passwd", O_RDONLY | O_CLOEXEC);

    (void)s;
    return fd == -1 && (errno == EACCES || errno == ENOENT) ? EACCES : 0;
}

static int read_by_path_descriptor(const struct attempt_scene *s)
{
    int fd = open("outside", O_PATH | O_CLOEXEC);

    (void)s;
    return fd == -1 ? errno : attempt_result(openat(fd, "file", O_RDONLY | O_CLOEXEC));
}

static int write_config(const struct attempt_scene *s)
{
    (void)s;
    return try_open("conf/wherryd.conf", O_WRONLY);
}

static int link_out(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(linkat(AT_FDCWD, "root/file", AT_FDCWD, "outside/linked", 0));
}

static int link_across(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(linkat(AT_FDCWD, "root/file", AT_FDCWD, "root/sub/linked", 0));
}

static int make_fifo(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(mkfifo("root/fifo", 0600));
}

static const struct attempt elsewhere[] = {
    {.what = "read outside", .act = read_outside, .expected = EACCES, .denied = true},
    {.what = "read the system's", .act = read_system, .expected = EACCES, .denied = true},
    {.what = "list outside", .act = list_outside, .expected = EACCES, .denied = true},
    {.what = "write outside", .act = write_outside, .expected = EACCES, .denied = true},
    {.what = "make a file outside", .act = make_outside, .expected = EACCES, .denied = true},
    {.what = "read by /proc/self/cwd", .act = read_by_proc, .expected = EACCES, .denied = true},
    {.what = "read by /proc/1/root",
     .act = read_by_root_of_first,
     .expected = EACCES,
     .denied = true},
    {.what = "read by O_PATH", .act = read_by_path_descriptor, .expected = EACCES, .denied = true},
    {.what = "write the configuration", .act = write_config, .expected = EACCES, .denied = true},
};

static void test_nothing_outside_the_root_is_opened(void **state)
{
    (void)state;
    need_landlock(1);
    attempt_all(elsewhere, COUNT(elsewhere), enter_writing);
}

static const struct attempt linking[] = {
    {.what = "link out of the root", .act = link_out, .expected = EACCES, .denied = true},
    {.what = "link elsewhere in it", .act = link_across, .expected = EXDEV, .denied = true},
};

static void test_nothing_is_linked_from_one_directory_to_another(void **state)
{
    (void)state;
    need_landlock(1);
    attempt_all(linking, COUNT(linking), enter_landlock_writing);
}

static int write_root(const struct attempt_scene *s)
{
    (void)s;
    return try_open("root/file", O_WRONLY);
}

static int make_in_root(const struct attempt_scene *s)
{
    (void)s;
    return try_open("root/new", O_WRONLY | O_CREAT);
}

static int make_unnamed_in_root(const struct attempt_scene *s)
{
    (void)s;
    return try_open("root", O_WRONLY | O_TMPFILE);
}

static int make_directory(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(mkdir("root/made", 0755));
}

static int remove_from_root(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(unlinkat(AT_FDCWD, "root/file", 0));
}

/* It is no program, which nobody learns who may not execute it. */
static int execute(const struct attempt_scene *s)
{
    static char name[] = "root/file";
    char *const words[] = {name, NULL};

    (void)s;
    return attempt_result(execv(name, words));
}

static const struct attempt changes[] = {
    {.what = "write", .act = write_root, .expected = EACCES, .denied = true},
    {.what = "make", .act = make_in_root, .expected = EACCES, .denied = true},
    {.what = "make a directory", .act = make_directory, .expected = EACCES, .denied = true},
    {.what = "make a FIFO", .act = make_fifo, .expected = EACCES, .denied = true},
    {.what = "execute", .act = execute, .expected = EACCES, .denied = true},
    {.what = "remove", .act = remove_from_root, .expected = EACCES, .denied = true},
};

static void test_a_root_without_uploads_is_read_only(void **state)
{
    static const struct attempt whole[] = {
        {.what = "write", .act = write_root, .expected = EACCES, .denied = true},
        {.what = "make", .act = make_in_root, .expected = EACCES, .denied = true},
        {.what = "make one without a name", .act = make_unnamed_in_root, .expected = EACCES},
        {.what = "remove", .act = remove_from_root, .expected = EPERM, .denied = true},
    };

    (void)state;
    need_landlock(1);
    attempt_all(whole, COUNT(whole), enter_reading);
}

static void test_landlock_alone_denies_changes_and_execution(void **state)
{
    (void)state;
    need_landlock(1);
    attempt_all(changes, COUNT(changes), enter_landlock_reading);
}

/* Processes and sockets, by later ABIs */

static int connect_tcp(const struct attempt_scene *s)
{
    struct sockaddr_in nobody = {.sin_family = AF_INET, .sin_port = htons(1)};

    (void)s;
    nobody.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return attempt_result(connect(s->tcp, (const struct sockaddr *)&nobody, sizeof(nobody)));
}

static int bind_tcp(const struct attempt_scene *s)
{
    const struct sockaddr_in any = {.sin_family = AF_INET};

    (void)s;
    return attempt_result(bind(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                               (const struct sockaddr *)&any, sizeof(any)));
}

static const struct attempt tcp[] = {
    {.what = "connect", .act = connect_tcp, .expected = EACCES, .denied = true},
    {.what = "bind", .act = bind_tcp, .expected = EACCES, .denied = true},
};

static void test_landlock_forbids_tcp_to_others(void **state)
{
    (void)state;
    need_landlock(SANDBOX_LANDLOCK_TCP);
    attempt_all(tcp, COUNT(tcp), enter_landlock_writing);
}

static const struct attempt connecting[] = {
    {.what = "connect", .act = connect_tcp, .expected = EACCES, .denied = true},
};

static void test_a_connection_that_is_there_connects_to_nobody_else(void **state)
{
    (void)state;
    need_landlock(SANDBOX_LANDLOCK_TCP);
    attempt_all(connecting, COUNT(connecting), enter_reading);
}

static int signal_other(const struct attempt_scene *s)
{
    return attempt_result(kill(s->companion, 0));
}

static int send_to_abstract(const struct attempt_scene *s)
{
    static const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "\0wherry-test"};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)s;
    return fd == -1 ? errno : attempt_result(connect(fd, (const struct sockaddr *)&to, sizeof(to)));
}

static const struct attempt scoped[] = {
    {.what = "kill", .act = signal_other, .expected = EPERM, .denied = true},
    {.what = "abstract socket", .act = send_to_abstract, .expected = EPERM, .denied = true},
};

static void test_landlock_holds_back_signals_and_abstract_sockets(void **state)
{
    static const struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0wherry-test"};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)state;
    need_landlock(SANDBOX_LANDLOCK_SCOPE);
    /* Another run of this test may have it. */
    assert_true(bind(fd, (const struct sockaddr *)&name, sizeof(name)) == 0 || errno == EADDRINUSE);
    attempt_all(scoped, COUNT(scoped), enter_landlock_writing);
    close(fd);
}

/* What must work */

static int read_root(const struct attempt_scene *s)
{
    (void)s;
    return try_open("root/file", O_RDONLY);
}

static int list_root(const struct attempt_scene *s)
{
    (void)s;
    return try_open("root/sub", O_RDONLY | O_DIRECTORY);
}

/* As the jail does it: found by O_PATH, then opened by its descriptor. */
static int open_again(const struct attempt_scene *s)
{
    int fd = open("root/file", O_PATH | O_CLOEXEC);
    char link[64];

    (void)s;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    return fd == -1 ? errno : try_open(link, O_RDONLY);
}

static int read_config(const struct attempt_scene *s)
{
    int first = try_open("conf/wherryd.conf", O_RDONLY);

    (void)s;
    return first != 0 ? first : try_open("conf/conf.d/more.conf", O_RDONLY);
}

static void *idle(void *arg)
{
    return arg;
}

static int start_thread(const struct attempt_scene *s)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, idle, NULL);

    (void)s;
    return error != 0 ? error : pthread_join(thread, NULL);
}

static int open_port(const struct attempt_scene *s)
{
    const struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    (void)s;
    return fd == -1 ? errno : attempt_result(bind(fd, (const struct sockaddr *)&any, sizeof(any)));
}

static const struct attempt serving[] = {
    {.what = "read in the root", .act = read_root},
    {.what = "list in the root", .act = list_root},
    {.what = "open by a descriptor", .act = open_again},
    {.what = "read the configuration", .act = read_config},
    {.what = "start a thread", .act = start_thread},
    {.what = "open a port", .act = open_port},
};

static void test_what_serving_needs_is_allowed(void **state)
{
    (void)state;
    need_landlock(1);
    attempt_all(serving, COUNT(serving), enter_reading);
}

/* As the store does it. */
static int upload(const struct attempt_scene *s)
{
    int dir = open("root/sub", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    char link[64];

    (void)s;
    if (fd == -1) {
        return errno;
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (write(fd, "text", 4) != 4 || ftruncate(fd, 2) != 0 || fchmod(fd, 0640) != 0 ||
        linkat(AT_FDCWD, link, dir, "first", AT_SYMLINK_FOLLOW) != 0 ||
        renameat(dir, "first", dir, "second") != 0 || fsync(fd) != 0) {
        return errno;
    }
    return attempt_result(unlinkat(dir, "second", 0));
}

static int make_directory_in_root(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(mkdirat(AT_FDCWD, "root/made", 0755));
}

static const struct attempt uploads[] = {
    {.what = "an upload", .act = upload},
    {.what = "MKDIR", .act = make_directory_in_root},
};

static void test_what_uploads_need_is_allowed_where_they_are(void **state)
{
    (void)state;
    need_landlock(1);
    attempt_all(uploads, COUNT(uploads), enter_writing);
}

static int abort_itself(void *arg)
{
    (void)arg;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || enter_reading() != 0) {
        return CANNOT;
    }
    signal(SIGABRT, _exit); /* with its number */
    abort();
}

static void test_abort_still_ends_it_by_its_signal(void **state)
{
    (void)state;
    need_landlock(1);
    assert_int_equal(scratch_in_child(abort_itself, NULL, true), SIGABRT);
}

/* Where the kernel cannot */

/* As a kernel without Landlock, or without filters, answers. */
static bool take_away(const char *call, bool only_actions)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int number = seccomp_syscall_resolve_name(call);
    int rc = filter == NULL ? -1 : 0;

    if (rc == 0 && only_actions) {
        /* The question whether there are filters, not those of this test. */
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), number, 1, SCMP_A0(SCMP_CMP_EQ, 2));
    } else if (rc == 0) {
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0);
    }
    if (rc == 0) {
        rc = seccomp_load(filter);
    }
    seccomp_release(filter);
    return rc == 0;
}

struct lines {
    unsigned count;
    enum log_level level;
    char text[LOG_LINE_BYTES];
};

static void keep_line(void *arg, enum log_level level, const char *line)
{
    struct lines *l = arg;

    l->count++;
    l->level = level;
    snprintf(l->text, sizeof(l->text), "%s", line);
}

static enum res enter_with(enum config_sandbox sandbox, struct lines *ret_lines, char *why)
{
    const struct config config = {.sandbox = sandbox};
    const struct log log = {.level = LOG_LEVEL_INFO, .sink = keep_line, .arg = ret_lines};
    struct jail *jail = NULL;
    bool read_only;
    enum res r = jail_open(&jail, "root");

    *ret_lines = (struct lines){.count = 0};
    if (r == RES_OK) {
        r = sandbox_enter(&config, jail, &log, &read_only, why, SANDBOX_WHY);
    }
    jail_free(jail);
    return r;
}

static bool open_socket_is_denied(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool denied = fd == -1 && errno == EPERM;

    if (fd != -1) {
        close(fd);
    }
    return denied;
}

static int lack_landlock(void *arg)
{
    char why[SANDBOX_WHY] = "";
    struct lines lines;

    (void)arg;
    if (!take_away("landlock_create_ruleset", false)) {
        return CANNOT;
    }
    if (enter_with(CONFIG_SANDBOX_REQUIRED, &lines, why) != RES_UNSUPPORTED ||
        strstr(why, "missing: Landlock (this kernel has none") == NULL ||
        strstr(why, "filter") != NULL || lines.count != 0) {
        return 2;
    }
    if (enter_with(CONFIG_SANDBOX_AUTO, &lines, why) != RES_OK || lines.count != 1 ||
        lines.level != LOG_LEVEL_WARNING ||
        strstr(lines.text, "sandbox in part, this is missing: Landlock (") == NULL) {
        return 3;
    }
    return try_open("outside/file", O_RDONLY) == 0 && open_socket_is_denied() ? 0 : 4;
}

static int lack_filters(void *arg)
{
    char why[SANDBOX_WHY] = "";
    struct lines lines;

    (void)arg;
    if (!take_away("seccomp", true)) {
        return CANNOT;
    }
    if (enter_with(CONFIG_SANDBOX_REQUIRED, &lines, why) != RES_UNSUPPORTED ||
        strstr(why, "missing: the filter of system calls (") == NULL ||
        strstr(why, "Landlock") != NULL) {
        return 2;
    }
    if (enter_with(CONFIG_SANDBOX_AUTO, &lines, why) != RES_OK || lines.count != 1 ||
        lines.level != LOG_LEVEL_WARNING) {
        return 3;
    }
    return try_open("outside/file", O_RDONLY) == EACCES && !open_socket_is_denied() ? 0 : 4;
}

static void test_without_landlock_required_refuses_and_auto_warns_once(void **state)
{
    (void)state;
    assert_int_equal(scratch_in_child(lack_landlock, NULL, true), 0);
}

static void test_without_filters_required_refuses_and_auto_warns_once(void **state)
{
    (void)state;
    need_landlock(1);
    assert_int_equal(scratch_in_child(lack_filters, NULL, true), 0);
}

static int stay_out(void *arg)
{
    char why[SANDBOX_WHY] = "";
    struct lines lines;

    (void)arg;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                   enter_with(CONFIG_SANDBOX_OFF, &lines, why) == RES_OK && lines.count == 0 &&
                   try_open("outside/file", O_RDONLY) == 0 && !open_socket_is_denied()
               ? 0
               : CANNOT;
}

static void test_off_is_neither(void **state)
{
    (void)state;
    assert_int_equal(scratch_in_child(stay_out, NULL, true), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_outside_the_root_is_opened),
        TEST(test_nothing_is_linked_from_one_directory_to_another),
        TEST(test_a_root_without_uploads_is_read_only),
        TEST(test_landlock_alone_denies_changes_and_execution),
        TEST(test_landlock_forbids_tcp_to_others),
        TEST(test_a_connection_that_is_there_connects_to_nobody_else),
        TEST(test_landlock_holds_back_signals_and_abstract_sockets),
        TEST(test_what_serving_needs_is_allowed),
        TEST(test_what_uploads_need_is_allowed_where_they_are),
        TEST(test_abort_still_ends_it_by_its_signal),
        TEST(test_without_landlock_required_refuses_and_auto_warns_once),
        TEST(test_without_filters_required_refuses_and_auto_warns_once),
        TEST(test_off_is_neither),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
