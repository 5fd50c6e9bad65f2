/* SPDX-License-Identifier: BSD-2-Clause */
/* server/config.h: what the server was told, from the command line and the configuration file.
 *
 * One table (option_rows.c) names every option once: key, letter, kind, where it is stored, lowest,
 * highest, default, help. The command line, the files, --help and --check read it. The command line
 * wins over the files. Rules of the policy are in files alone (server/config_rules.h). A
 * configuration does not change once it is made; a reload makes a new one. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <wherry/res.h>

#include "base/log.h"
#include "net/addr.h"
#include "net/udp_out.h"
#include "store/policy.h"

/* Where the packets of a TFTP transfer leave from: a socket of its own, or one that carries many.
 */
enum transfer_ports { TRANSFER_PORTS_AUTO, TRANSFER_PORTS_OWN, TRANSFER_PORTS_SHARED };

/* Whether the kernel is asked to hold the server to what it needs. */
enum config_sandbox { CONFIG_SANDBOX_AUTO, CONFIG_SANDBOX_REQUIRED, CONFIG_SANDBOX_OFF };

#define CONFIG_WORKERS_MAX 64
/* No upload gets others, but for what it replaces. */
#define CONFIG_UPLOAD_MODE_MAX 0640

struct config {
    char *root;
    struct endpoint *endpoints; /* at least one */
    char **endpoint_urls;       /* as written, for messages */
    size_t endpoint_count;
    bool endpoints_preset;      /* nobody chose them: IPv4 will do where there is no IPv6 */
    enum policy_write write;    /* none, if there are rules */
    struct policy_rules *rules; /* NULL: none */
    enum config_sandbox sandbox;
    char *user; /* NULL: `wherry` if it exists, else `nobody` */
    enum log_level log_level;
    bool log_syslog;      /* else standard error */
    uint16_t blksize_max; /* bytes */
    bool blksize_mtu;     /* clamp to the route's MTU too */
    uint16_t windowsize_max;
    uint32_t window_bytes_max;
    uint32_t refuse_options; /* set of 1u << enum wherry_option */
    bool timeout_decline;
    bool broadcast_answer;
    mode_t umask;
    mode_t upload_mode;
    uint64_t drain_timeout_ns;
    uint64_t patience_ns;
    uint32_t workers; /* 0: as many as processors, see config_workers() */
    enum transfer_ports transfer_ports;
    enum udp_out_segments segments;
    /* The TCP door. */
    uint32_t max_frame; /* bytes */
    uint32_t requests_max;
    uint64_t hello_timeout_ns;
    uint64_t frame_timeout_ns;
    uint32_t body_rate; /* bytes a second */
    uint64_t body_timeout_ns;
    uint64_t idle_timeout_ns;
    uint32_t output_max; /* bytes */
    uint32_t turn_max;   /* bytes */
    uint32_t connections_max;
    uint32_t connections_per_address;
    uint64_t user_timeout_ns;
    uint64_t keepalive_idle_ns;
    uint64_t keepalive_interval_ns;
    uint32_t keepalive_count;
    uint32_t listings_max;
    uint64_t upload_keep_ns;
    uint64_t upload_kept_total; /* bytes */
    /* Both doors. */
    uint64_t upload_max; /* bytes; 0: no limit */
    uint64_t disk_reserve;
    char *file; /* the main configuration file, if it or one of its conf.d was read; or NULL */
    const struct config *known; /* whose endpoints need not be resolved, while this one is read */
};

/* Read when it exists and no other is named. */
#define CONFIG_FILE "/etc/wherry/wherryd.conf"
#define CONFIG_WHY 1024 /* room enough for every message */

/* What main() is to do. */
enum config_action {
    CONFIG_SERVE,
    CONFIG_CHECK,
    CONFIG_IMPORT_TFTPD_HPA,
    CONFIG_IMPORT_ATFTPD,
    CONFIG_IMPORT_DNSMASQ,
    CONFIG_HELP,
    CONFIG_VERSION
};

/* The action, and the file to import, which belongs to argv. */
struct config_wish {
    enum config_action action;
    const char *import;
};

/* Reads the command line, the file it names (or CONFIG_FILE if that exists), and the files of the
 * directory conf.d beside that (server/config_files.h). On failure why
 * (cap bytes) holds one line that says what was wrong, where, and what is allowed. RES_PROTOCOL:
 * wrong use; RES_NOT_FOUND, RES_DENIED, ...: the file cannot be read. *ret stays as it was unless
 * the action is CONFIG_SERVE or CONFIG_CHECK. Not safe in two threads at once (getopt). */
enum res config_read(int argc, char *const argv[], struct config **ret,
                     struct config_wish *ret_wish, char *why, size_t cap);
/* The same for a reload, with the command line of the start. Endpoints that old has by the same URL
 * keep its addresses: while serving there is no resolver to ask, nor time to wait for one. For the
 * same reason a file that was a pipe is RES_UNSUPPORTED. */
enum res config_read_again(int argc, char *const argv[], const struct config *old,
                           struct config **ret, char *why, size_t cap);
void config_free(struct config *c); /* takes NULL */

/* Threads that serve: those that are asked for, or one for each processor that this process may use
 * now; from 1 to CONFIG_WORKERS_MAX. */
unsigned config_workers(const struct config *c);

/* Somebody may upload something. */
bool config_may_write(const struct config *c);
/* Whatever was said about uploads: nobody may. What was said about the rest stays. Before anybody
 * else looks at c. */
void config_forbid_write(struct config *c);
/* "none", "create", "replace", or, when rules say it, "by rules". */
const char *config_write_name(const struct config *c);

/* Every option with what is allowed and its default. */
void config_print_help(FILE *to);
/* The settings in force, as a configuration file. */
void config_print(const struct config *c, FILE *to);

#endif
