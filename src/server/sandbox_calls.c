/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/sandbox_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/net.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "server/sandboxed_build.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* The kernel looks at the lower half of an int. */
#define INT UINT64_C(0xffffffff)
#define IS(number, value)                                                                          \
    {                                                                                              \
        number, INT, (uint64_t)(value)                                                             \
    }
#define NULL_POINTER(number)                                                                       \
    {                                                                                              \
        number, UINT64_MAX, 0                                                                      \
    }
#define WITHOUT(number, bits)                                                                      \
    {                                                                                              \
        number, (uint64_t)(bits), 0                                                                \
    }

/* A socket's type, whatever flags come with it. */
#define OF_TYPE(type)                                                                              \
    {                                                                                              \
        1, INT & ~(uint64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC), (uint64_t)(type)                       \
    }

/* clone(2) for a thread in this process, without a namespace, a tracer or a parent of its own. */
#ifdef __s390__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif
#define CLONE_JUDGED                                                                               \
    (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_VFORK | CLONE_PTRACE | CLONE_PARENT |         \
     CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)
#define A_THREAD                                                                                   \
    {                                                                                              \
        CLONE_FLAGS, CLONE_JUDGED, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD                         \
    }

#define CALL(call, why)                                                                            \
    {                                                                                              \
        .name = (call), .reason = (why)                                                            \
    }
#define WRITES(call, why)                                                                          \
    {                                                                                              \
        .name = (call), .when = SANDBOX_WRITE, .reason = (why)                                     \
    }
#define ONLY(call, why, words, ...)                                                                \
    {                                                                                              \
        .name = (call), .reason = (why), .only = (words), .arguments = { __VA_ARGS__ }             \
    }
#define SOCKET_OPTION(option_level, option)                                                        \
    {                                                                                              \
        .name = "setsockopt", .reason = "options of transfer ports and connections",               \
        .only = #option, .arguments = {                                                            \
            IS(1, option_level),                                                                   \
            IS(2, option)                                                                          \
        }                                                                                          \
    }
#define DESCRIPTOR_FLAG(call, command)                                                             \
    {                                                                                              \
        .name = (call), .reason = "flags of a descriptor, another descriptor of the same file",    \
        .only = #command, .arguments = {                                                           \
            IS(1, command)                                                                         \
        }                                                                                          \
    }

/* clang-format off */
static const struct sandbox_call calls[] = {
    /* The loop. */
    CALL("epoll_create1", "a worker's loop"),
    CALL("epoll_ctl", "a worker's loop"),
    CALL("epoll_wait", "a worker's loop"),
    CALL("epoll_pwait", "a worker's loop"),
    CALL("eventfd2", "wakes a loop from another thread"),
    CALL("poll", "waits for a slow reader of the log"),
    CALL("ppoll", "waits for a slow reader of the log"),
    CALL("ppoll_time64", "waits for a slow reader of the log"),
    CALL("uname", "libev: which ways to wait this kernel has"),
    CALL("getuid", "libev: whether to trust the environment"),
    CALL("geteuid", "libev: whether to trust the environment"),
    CALL("getgid", "libev: whether to trust the environment"),
    CALL("getegid", "libev: whether to trust the environment"),
    CALL("getuid32", "libev: whether to trust the environment"),
    CALL("geteuid32", "libev: whether to trust the environment"),
    CALL("getgid32", "libev: whether to trust the environment"),
    CALL("getegid32", "libev: whether to trust the environment"),
    CALL("clock_gettime", "the time, where the vDSO cannot tell it"),
    CALL("clock_gettime64", "the time, where the vDSO cannot tell it"),
    CALL("gettimeofday", "the time, where the vDSO cannot tell it"),
    CALL("restart_syscall", "goes on with a wait that a signal interrupted"),

    /* Datagrams and connections. */
    ONLY("socket", "a transfer's own port", "AF_INET, SOCK_DGRAM",
        IS(0, AF_INET), OF_TYPE(SOCK_DGRAM)),
    ONLY("socket", "a transfer's own port", "AF_INET6, SOCK_DGRAM",
        IS(0, AF_INET6), OF_TYPE(SOCK_DGRAM)),
    ONLY("socketcall", "the same where libc has one call for all (i386, s390x): the family is "
        "behind a pointer", "SYS_SOCKET", IS(0, SYS_SOCKET)),
    ONLY("socketcall", "setsockopt where libc has one call for all (i386, s390x): the option is "
        "behind a pointer", "SYS_SETSOCKOPT", IS(0, SYS_SETSOCKOPT)),
    CALL("bind", "a transfer's own port; its address is behind a pointer, which no filter follows"),
    CALL("connect", "asks the route's MTU of a datagram socket (blksize-max = mtu), takes the port of "
        "one that is used again; as for bind"),
    CALL("getsockname", "which port and address it became"),
    CALL("getsockopt", "the route's MTU, granted buffers, what went wrong"),
    SOCKET_OPTION(SOL_SOCKET, SO_RCVBUF),
    SOCKET_OPTION(SOL_SOCKET, SO_KEEPALIVE),
    SOCKET_OPTION(IPPROTO_IP, IP_MTU_DISCOVER),
    SOCKET_OPTION(IPPROTO_IP, IP_RECVERR),
    SOCKET_OPTION(IPPROTO_IPV6, IPV6_MTU_DISCOVER),
    SOCKET_OPTION(IPPROTO_IPV6, IPV6_RECVERR),
    SOCKET_OPTION(IPPROTO_UDP, UDP_SEGMENT),
    SOCKET_OPTION(IPPROTO_UDP, UDP_GRO),
    SOCKET_OPTION(IPPROTO_TCP, TCP_NODELAY),
    SOCKET_OPTION(IPPROTO_TCP, TCP_NOTSENT_LOWAT),
    SOCKET_OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT),
    SOCKET_OPTION(IPPROTO_TCP, TCP_KEEPIDLE),
    SOCKET_OPTION(IPPROTO_TCP, TCP_KEEPINTVL),
    SOCKET_OPTION(IPPROTO_TCP, TCP_KEEPCNT),
    CALL("recvmmsg", "datagrams in"),
    CALL("recvmmsg_time64", "datagrams in"),
    CALL("recvmsg", "datagrams and the error queue in"),
    CALL("recvfrom", "bytes of a connection in"),
    CALL("recv", "bytes of a connection in, where libc has one call for all (i386, s390x)"),
    CALL("sendmmsg", "datagrams out"),
    CALL("sendmsg", "datagrams and bytes of a connection out"),
    CALL("sendto", "bytes of a connection out, and word to systemd"),
    CALL("send", "bytes of a connection out, where libc has one call for all (i386, s390x)"),
    CALL("sendfile", "a file into a connection"),
    CALL("sendfile64", "a file into a connection"),
    CALL("accept4", "connections of the file protocol; the listening sockets are there already"),
    CALL("shutdown", "ends a connection in good order"),
    ONLY("ioctl", "the name of the interface of a link-local peer, for the log", "SIOCGIFNAME",
        IS(1, SIOCGIFNAME)),

    /* Files. Landlock says which. */
    CALL("openat2", "a client's name, resolved in the root by the kernel"),
    CALL("openat", "a file found before, through its descriptor; temporary files; the configuration"),
    CALL("close", "every descriptor"),
    CALL("read", "files, events, the configuration"),
    CALL("pread64", "files"),
    CALL("preadv2", "files, only what is in memory"),
    CALL("write", "log, events, uploads"),
    CALL("writev", "last words of the C library before it aborts"),
    CALL("lseek", "the configuration's stream, listings"),
    CALL("_llseek", "the configuration's stream, listings"),
    CALL("fstat", "a file's version"),
    CALL("fstat64", "a file's version"),
    CALL("newfstatat", "a file's version"),
    CALL("fstatat64", "a file's version"),
    CALL("statx", "a file's version"),
    CALL("access", "may it be read or written, is /proc there"),
    CALL("faccessat", "may it be read or written, is /proc there"),
    CALL("faccessat2", "may it be read or written, is /proc there"),
    CALL("readlinkat", "where a link leads"),
    CALL("getdents64", "listings, and what earlier servers left"),
    CALL("fstatfs", "is it a tmpfs, is there room"),
    CALL("fstatfs64", "is it a tmpfs, is there room"),
    CALL("fadvise64", "a digest reads from beginning to end"),
    CALL("fadvise64_64", "a digest reads from beginning to end"),
    CALL("arm_fadvise64_64", "a digest reads from beginning to end"),
    CALL("umask", "a reload's umask"),
    DESCRIPTOR_FLAG("fcntl", F_GETFL),
    DESCRIPTOR_FLAG("fcntl", F_SETFL),
    DESCRIPTOR_FLAG("fcntl", F_GETFD),
    DESCRIPTOR_FLAG("fcntl", F_SETFD),
    DESCRIPTOR_FLAG("fcntl", F_DUPFD_CLOEXEC),
    DESCRIPTOR_FLAG("fcntl64", F_GETFL),
    DESCRIPTOR_FLAG("fcntl64", F_SETFL),
    DESCRIPTOR_FLAG("fcntl64", F_GETFD),
    DESCRIPTOR_FLAG("fcntl64", F_SETFD),
    DESCRIPTOR_FLAG("fcntl64", F_DUPFD_CLOEXEC),

    /* Uploads. */
    WRITES("nanosleep", "looks again for an upload that another writer still holds"),
    WRITES("clock_nanosleep", "looks again for an upload that another writer still holds"),
    WRITES("clock_nanosleep_time64", "looks again for an upload that another writer still holds"),
    WRITES("pwrite64", "an upload's bytes, and the record of one that is kept"),
    WRITES("ftruncate", "an upload that goes on where its safe bytes end"),
    WRITES("ftruncate64", "an upload that goes on where its safe bytes end"),
    WRITES("flock", "a running writer's temporary file is told from a dead one's"),
    /* What is made with such a mode is empty, and whoever writes to it takes the mode away. */
    {.name = "fchmod", .when = SANDBOX_WRITE, .only = "without S_ISUID and S_ISGID",
        .reason = "an upload's mode", .arguments = {WITHOUT(1, S_ISUID | S_ISGID)}},
    WRITES("fchown", "an upload keeps the owner of what it replaces"),
    WRITES("fchown32", "an upload keeps the owner of what it replaces"),
    WRITES("fsync", "an upload's bytes and name reach the disk"),
    WRITES("fdatasync", "an upload's bytes reach the disk"),
    WRITES("linkat", "gives an upload its name"),
    WRITES("renameat", "gives an upload its name"),
    WRITES("renameat2", "gives an upload its name"),
    WRITES("unlinkat", "removes temporary files, and broken uploads whose time is over"),
    WRITES("mkdirat", "MKDIR of the file protocol"),

    /* Memory. No page is ever both written and executed, nor becomes executable. */
    CALL("brk", "malloc"),
    ONLY("mmap", "malloc, stacks of threads", "without PROT_EXEC", WITHOUT(2, PROT_EXEC)),
    ONLY("mmap2", "malloc, stacks of threads", "without PROT_EXEC", WITHOUT(2, PROT_EXEC)),
    ONLY("mprotect", "malloc, stacks of threads", "without PROT_EXEC", WITHOUT(2, PROT_EXEC)),
    CALL("munmap", "malloc, stacks of threads"),
    CALL("mremap", "malloc"),
    CALL("madvise", "malloc, stacks of threads"),
    CALL("getrandom", "names of temporary files, malloc"),

    /* Threads, signals, limits. */
    ONLY("clone", "starts a thread", "CLONE_THREAD, no namespace", A_THREAD),
    {.name = "clone3", .error = ENOSYS,
        .reason = "its flags are behind a pointer: so the C library asks clone"},
    CALL("futex", "locks"),
    CALL("futex_time64", "locks"),
    CALL("set_robust_list", "start of a thread"),
    CALL("rseq", "start of a thread"),
    ONLY("prctl", "names a thread", "PR_SET_NAME", IS(0, PR_SET_NAME)),
    CALL("sched_getaffinity", "number of processors, for malloc and workers"),
    CALL("rt_sigaction", "signals that end and reload"),
    CALL("rt_sigprocmask", "a new thread hears no signal"),
    CALL("rt_sigreturn", "end of a signal's handler"),
    CALL("sigreturn", "end of a signal's handler"),
    ONLY("tgkill", "abort() when something is badly wrong", "this process",
        {0, INT, SANDBOX_SELF}),
    CALL("getpid", "libev: is this still the same process; abort()"),
    CALL("gettid", "abort()"),
    ONLY("prlimit64", "the limit of open files", "reads its own",
        IS(0, 0), NULL_POINTER(2)),
    CALL("getrlimit", "the limit of open files"),
    CALL("ugetrlimit", "the limit of open files"),
    CALL("exit", "end of a thread"),
    CALL("exit_group", "end"),

    /* The connection to syslogd, when that was started again. */
    {.name = "socket", .when = SANDBOX_SYSLOG, .only = "AF_UNIX, SOCK_DGRAM",
        .reason = "syslogd was started again",
        .arguments = {IS(0, AF_UNIX), OF_TYPE(SOCK_DGRAM)}},
    {.name = "socket", .when = SANDBOX_SYSLOG, .only = "AF_UNIX, SOCK_STREAM",
        .reason = "syslogd was started again",
        .arguments = {IS(0, AF_UNIX), OF_TYPE(SOCK_STREAM)}},
};
/* clang-format on */

const struct sandbox_call *sandbox_calls(size_t *ret_count)
{
    *ret_count = COUNT(calls);
    return calls;
}

#ifdef WHERRY_SANDBOXED_SANITIZERS
/* clang-format off */
static const struct sandbox_call of_sanitizers[] = {
    CALL("clone", "the leak checker's tracer"),
    CALL("ptrace", "the leak checker's tracer"),
    CALL("wait4", "the leak checker's tracer"),
    CALL("prctl", "the leak checker's tracer"),
    CALL("kill", "the leak checker's tracer"),
    CALL("getppid", "the leak checker's tracer"),
    CALL("sigaltstack", "stacks of threads"),
    CALL("getrlimit", "stacks of threads"),
    CALL("prlimit64", "stacks of threads"),
    CALL("arch_prctl", "stacks of threads"),
    CALL("readlink", "the program's name"),
    CALL("pipe", "is this memory mapped"),
    CALL("pipe2", "is this memory mapped"),
    CALL("getuid", "reports"),
    CALL("nanosleep", "locks"),
    CALL("clock_nanosleep", "locks"),
    CALL("process_vm_readv", "is this memory mapped"),
    CALL("open", "the C library is not asked"),
    CALL("stat", "the C library is not asked"),
    CALL("lstat", "the C library is not asked"),
    CALL("getdents", "the C library is not asked"),
    CALL("sched_yield", "locks"),
};
/* clang-format on */

const struct sandbox_call *sandbox_calls_of_sanitizers(size_t *ret_count)
{
    *ret_count = COUNT(of_sanitizers);
    return of_sanitizers;
}
#else
const struct sandbox_call *sandbox_calls_of_sanitizers(size_t *ret_count)
{
    *ret_count = 0;
    return NULL;
}
#endif
