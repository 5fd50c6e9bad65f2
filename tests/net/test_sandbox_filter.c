/* SPDX-License-Identifier: BSD-2-Clause */
/* The filter of system calls by itself: what it denies, and with which errno. */
#include "server/sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/sandbox_calls.h"
#include "support/attempt.h"
#include "support/scratch.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static int enter(bool write, bool syslog)
{
    const struct sandbox_filter_wish wish = {.write = write, .syslog = syslog};
    char why[256];

    return sandbox_filter_enter(&wish, why, sizeof(why)) == RES_OK ? 0 : EINVAL;
}

static int enter_for_uploads(void)
{
    return enter(true, false);
}

static int enter_for_reads(void)
{
    return enter(false, false);
}

static int enter_with_syslog(void)
{
    return enter(true, true);
}

/* Processes */

static int execute(const struct attempt_scene *s)
{
    static char name[] = "/no/such/program"; /* one that exists would end the attempt */
    char *const words[] = {name, NULL};

    (void)s;
    return attempt_result(execv(name, words));
}

static int execute_at(const struct attempt_scene *s)
{
    char *const none[] = {NULL};

    (void)s;
    return attempt_result(syscall(SYS_execveat, AT_FDCWD, "no-such-program", none, none, 0));
}

static int trace(const struct attempt_scene *s)
{
    return attempt_result(ptrace(PTRACE_SEIZE, s->companion, NULL, NULL));
}

static int be_traced(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int read_of_other(const struct attempt_scene *s)
{
    char byte;
    struct iovec here = {.iov_base = &byte, .iov_len = 1};
    struct iovec there = here;

    return attempt_result(process_vm_readv(s->companion, &here, 1, &there, 1, 0));
}

static int write_of_other(const struct attempt_scene *s)
{
    static char byte;
    struct iovec here = {.iov_base = &byte, .iov_len = 1};

    return attempt_result(process_vm_writev(s->companion, &here, 1, &here, 1, 0));
}

static int signal_other(const struct attempt_scene *s)
{
    return attempt_result(kill(s->companion, SIGTERM));
}

static int signal_thread_of_other(const struct attempt_scene *s)
{
    return attempt_result(syscall(SYS_tgkill, s->companion, s->companion, SIGTERM));
}

static int open_other(const struct attempt_scene *s)
{
    return attempt_result(syscall(SYS_pidfd_open, s->companion, 0));
}

static int limit_other(const struct attempt_scene *s)
{
    const struct rlimit none = {0, 0};

    return attempt_result(prlimit(s->companion, RLIMIT_CORE, &none, NULL));
}

static int limit_itself(const struct attempt_scene *s)
{
    const struct rlimit none = {0, 0};

    (void)s;
    return attempt_result(prlimit(0, RLIMIT_CORE, &none, NULL));
}

static int start_process(const struct attempt_scene *s)
{
    pid_t pid = fork();

    (void)s;
    if (pid == 0) {
        _exit(0);
    }
    return attempt_result(pid);
}

static int take_namespace(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(unshare(CLONE_FS));
}

static int join_namespace(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(setns(-1, 0));
}

static int become_dumpable(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int change_personality(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(personality(0xffffffff));
}

static const struct attempt processes[] = {
    {.what = "execve", .act = execute, .expected = EPERM, .denied = true},
    {.what = "execveat", .act = execute_at, .expected = EPERM, .denied = true},
    {.what = "ptrace of another",
     .act = trace,
     .expected = EPERM,
     .denied = true,
     .not_sanitized = true},
    {.what = "ptrace by another",
     .act = be_traced,
     .expected = EPERM,
     .denied = true,
     .not_sanitized = true},
    {.what = "process_vm_readv",
     .act = read_of_other,
     .expected = EPERM,
     .denied = true,
     .not_sanitized = true},
    {.what = "process_vm_writev", .act = write_of_other, .expected = EPERM, .denied = true},
    {.what = "kill", .act = signal_other, .expected = EPERM, .denied = true, .not_sanitized = true},
    {.what = "tgkill of another", .act = signal_thread_of_other, .expected = EPERM, .denied = true},
    {.what = "pidfd_open", .act = open_other, .expected = EPERM, .denied = true},
    {.what = "prlimit of another",
     .act = limit_other,
     .expected = EPERM,
     .denied = true,
     .not_sanitized = true},
    {.what = "setrlimit",
     .act = limit_itself,
     .expected = EPERM,
     .denied = true,
     .not_sanitized = true},
    {.what = "fork",
     .act = start_process,
     .expected = EPERM,
     .denied = true,
     .not_sanitized = true},
    {.what = "unshare", .act = take_namespace, .expected = EPERM, .denied = true},
    {.what = "setns", .act = join_namespace, .expected = EPERM, .denied = true},
    {.what = "PR_SET_DUMPABLE",
     .act = become_dumpable,
     .expected = EPERM,
     .denied = true,
     .not_sanitized = true},
    {.what = "personality", .act = change_personality, .expected = EPERM, .denied = true},
};

static void test_other_processes_are_out_of_reach(void **state)
{
    (void)state;
    attempt_all(processes, COUNT(processes), enter_for_uploads);
}

/* The network */

static int open_socket(int family, int type)
{
    return attempt_result(socket(family, type, 0));
}

static int open_tcp(const struct attempt_scene *s)
{
    (void)s;
    return open_socket(AF_INET, SOCK_STREAM);
}

static int open_tcp6(const struct attempt_scene *s)
{
    (void)s;
    return open_socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC);
}

static int open_unix(const struct attempt_scene *s)
{
    (void)s;
    return open_socket(AF_UNIX, SOCK_DGRAM);
}

static int open_unix_stream(const struct attempt_scene *s)
{
    (void)s;
    return open_socket(AF_UNIX, SOCK_STREAM);
}

static int open_netlink(const struct attempt_scene *s)
{
    (void)s;
    return open_socket(AF_NETLINK, SOCK_RAW);
}

static int open_pair(const struct attempt_scene *s)
{
    int ends[2];

    (void)s;
    return attempt_result(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
}

static int listen_anew(const struct attempt_scene *s)
{
    return attempt_result(listen(s->tcp, 1));
}

static int attach_program(const struct attempt_scene *s)
{
    struct sock_filter all = {.code = BPF_RET | BPF_K, .k = 0xffffffff};
    const struct sock_fprog program = {.len = 1, .filter = &all};

    return attempt_result(
        setsockopt(s->udp, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
}

static int own_socket_signals(const struct attempt_scene *s)
{
    return attempt_result(fcntl(s->udp, F_SETOWN, s->companion));
}

static int count_waiting(const struct attempt_scene *s)
{
    int count;

    return attempt_result(ioctl(s->udp, FIONREAD, &count));
}

static const struct attempt network[] = {
    {.what = "socket of TCP", .act = open_tcp, .expected = EPERM, .denied = true},
    {.what = "socket of TCP, IPv6", .act = open_tcp6, .expected = EPERM, .denied = true},
    {.what = "socket of AF_UNIX", .act = open_unix, .expected = EPERM, .denied = true},
    {.what = "stream of AF_UNIX", .act = open_unix_stream, .expected = EPERM, .denied = true},
    {.what = "socket of AF_NETLINK", .act = open_netlink, .expected = EPERM, .denied = true},
    {.what = "socketpair", .act = open_pair, .expected = EPERM, .denied = true},
    {.what = "listen", .act = listen_anew, .expected = EPERM, .denied = true},
    {.what = "SO_ATTACH_FILTER", .act = attach_program, .expected = EPERM, .denied = true},
    {.what = "F_SETOWN", .act = own_socket_signals, .expected = EPERM, .denied = true},
    {.what = "ioctl", .act = count_waiting, .expected = EPERM, .denied = true},
};

static void test_no_socket_but_for_datagrams_and_none_that_listens(void **state)
{
    (void)state;
    attempt_all(network, COUNT(network), enter_for_uploads);
}

static const struct attempt reconnecting[] = {
    {.what = "socket of AF_UNIX", .act = open_unix, .expected = 0},
    {.what = "stream of AF_UNIX", .act = open_unix_stream, .expected = 0},
    {.what = "socket of TCP", .act = open_tcp, .expected = EPERM, .denied = true},
    {.what = "listen", .act = listen_anew, .expected = EPERM, .denied = true},
};

static void test_syslog_may_be_connected_again(void **state)
{
    (void)state;
    attempt_all(reconnecting, COUNT(reconnecting), enter_with_syslog);
}

/* Memory and the kernel's corners */

static int map_executable(const struct attempt_scene *s)
{
    const void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)s;
    return at == MAP_FAILED ? errno : 0;
}

static int make_executable(const struct attempt_scene *s)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)s;
    return at == MAP_FAILED ? ENOMEM : attempt_result(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static int make_file_of_memory(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(memfd_create("name", 0));
}

static int open_ring(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(syscall(SYS_io_uring_setup, 0, NULL));
}

static int open_fault_descriptor(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(syscall(SYS_userfaultfd, ~0));
}

static int ask_keys(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(syscall(SYS_keyctl, ~0, 0, 0, 0, 0));
}

static int load_program(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(syscall(SYS_bpf, ~0, NULL, 0));
}

static int open_by_handle(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(syscall(SYS_open_by_handle_at, -1, NULL, 0));
}

static int mount_something(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL));
}

static int truncate_by_name(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(truncate("root/file", 0));
}

static int clone_by_pointer(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(syscall(SYS_clone3, NULL, 0));
}

static const struct attempt corners[] = {
    {.what = "mmap with PROT_EXEC", .act = map_executable, .expected = EPERM, .denied = true},
    {.what = "mprotect with PROT_EXEC", .act = make_executable, .expected = EPERM, .denied = true},
    {.what = "memfd_create", .act = make_file_of_memory, .expected = EPERM, .denied = true},
    {.what = "io_uring_setup", .act = open_ring, .expected = EPERM, .denied = true},
    {.what = "userfaultfd", .act = open_fault_descriptor, .expected = EPERM, .denied = true},
    {.what = "keyctl", .act = ask_keys, .expected = EPERM, .denied = true},
    {.what = "bpf", .act = load_program, .expected = EPERM, .denied = true},
    {.what = "open_by_handle_at", .act = open_by_handle, .expected = EPERM, .denied = true},
    {.what = "mount", .act = mount_something, .expected = EPERM, .denied = true},
    {.what = "truncate", .act = truncate_by_name, .expected = EPERM, .denied = true},
    {.what = "clone3", .act = clone_by_pointer, .expected = ENOSYS, .denied = true},
};

static void test_nothing_becomes_executable_and_the_kernel_is_left_alone(void **state)
{
    (void)state;
    attempt_all(corners, COUNT(corners), enter_for_uploads);
}

/* Uploads */

static int remove_file(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(unlinkat(AT_FDCWD, "root/file", 0));
}

static int make_directory(const struct attempt_scene *s)
{
    (void)s;
    return attempt_result(mkdirat(AT_FDCWD, "root/made", 0755));
}

static const struct attempt writing[] = {
    {.what = "unlinkat", .act = remove_file, .expected = EPERM, .denied = true},
    {.what = "mkdirat", .act = make_directory, .expected = EPERM, .denied = true},
};

static void test_calls_of_uploads_are_denied_where_none_are_allowed(void **state)
{
    (void)state;
    attempt_all(writing, COUNT(writing), enter_for_reads);
}

static int mode_to(mode_t mode)
{
    int fd = openat(AT_FDCWD, "root/file", O_RDWR | O_CLOEXEC);

    return fd == -1 ? ENOENT : attempt_result(fchmod(fd, mode));
}

static int usual_mode(const struct attempt_scene *s)
{
    (void)s;
    return mode_to(0640);
}

static int set_user_id(const struct attempt_scene *s)
{
    (void)s;
    return mode_to(04755);
}

static int set_group_id(const struct attempt_scene *s)
{
    (void)s;
    return mode_to(02755);
}

static const struct attempt modes[] = {
    {.what = "fchmod", .act = usual_mode, .expected = 0},
    {.what = "fchmod to set-user-ID", .act = set_user_id, .expected = EPERM, .denied = true},
    {.what = "fchmod to set-group-ID", .act = set_group_id, .expected = EPERM, .denied = true},
};

static void test_no_file_becomes_set_user_id_for_a_local_accomplice(void **state)
{
    (void)state;
    attempt_all(modes, COUNT(modes), enter_for_uploads);
}

/* The table */

static void test_each_row_has_a_reason_and_words_for_its_arguments(void **state)
{
    size_t count;
    const struct sandbox_call *calls = sandbox_calls(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(calls[i].reason) > 0);
        assert_int_equal(calls[i].only != NULL, calls[i].arguments[0].mask != 0);
    }
    assert_true(count > 50);
}

static int setup(void **state)
{
    scratch_setup(state);
    scratch_dir("root");
    scratch_file("root/file", "text");
    scratch_give("root");
    scratch_give("root/file");
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_other_processes_are_out_of_reach),
        TEST(test_no_socket_but_for_datagrams_and_none_that_listens),
        TEST(test_syslog_may_be_connected_again),
        TEST(test_nothing_becomes_executable_and_the_kernel_is_left_alone),
        TEST(test_calls_of_uploads_are_denied_where_none_are_allowed),
        TEST(test_no_file_becomes_set_user_id_for_a_local_accomplice),
        cmocka_unit_test(test_each_row_has_a_reason_and_words_for_its_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
