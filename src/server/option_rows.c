/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/option_rows.h"

#include <wherry/frame.h>
#include <wherry/options.h>
#include <wherry/packet.h>

#include "base/log.h"
#include "base/number.h"
#include "server/config.h"
#include "store/policy.h"

static const char *word_of_write(unsigned number)
{
    return policy_write_name((enum policy_write)number);
}

static const char *word_of_level(unsigned number)
{
    return log_level_name((enum log_level)number);
}

static const char *word_of_log(unsigned number)
{
    return number == 0 ? "stderr" : "syslog";
}

static const char *word_of_timeout(unsigned number)
{
    return number == 0 ? "honour" : "decline";
}

static const char *word_of_broadcast(unsigned number)
{
    return number == 0 ? "drop" : "answer";
}

static const char *word_of_ports(unsigned number)
{
    static const char *const words[] = {
        [TRANSFER_PORTS_AUTO] = "auto",
        [TRANSFER_PORTS_OWN] = "own",
        [TRANSFER_PORTS_SHARED] = "shared",
    };

    return words[number];
}

static const char *word_of_segments(unsigned number)
{
    return number == UDP_SEGMENTS_AUTO ? "auto" : "off";
}

static const char *word_of_sandbox(unsigned number)
{
    static const char *const words[] = {
        [CONFIG_SANDBOX_AUTO] = "auto",
        [CONFIG_SANDBOX_REQUIRED] = "required",
        [CONFIG_SANDBOX_OFF] = "off",
    };

    return words[number];
}

static const char *word_of_option(unsigned number)
{
    return wherry_option_name((enum wherry_option)number);
}

#define TO(field) offsetof(struct config, field), sizeof(((struct config *)0)->field)
#define NOWHERE 0, 0
#define SECOND NUMBER_SECOND
#define HOUR (3600 * NUMBER_SECOND)
#define KIB UINT64_C(1024)
#define GIB (KIB * KIB * KIB)
#define HIGHEST_BYTES (UINT64_C(1) << 62)

/* clang-format off */
static const struct option_row rows[] = {
    /* name      letter kind              stored in             lowest  highest
     *     words  default  argument  help */
    {"root",        'r', OPTION_TEXT,      TO(root),             0,      0,
        NULL, "/srv/tftp", "DIR", "directory to serve"},
    {"listen",      'l', OPTION_ENDPOINTS, NOWHERE,              0,      0,
        NULL, "tftp://[::]:69 wherry://[::1]:7069 wherry://127.0.0.1:7069", "URL",
        "endpoint to serve, as tftp://ADDR:PORT or wherry://ADDR:PORT; repeatable"},
    {"write",       'w', OPTION_WORD,      TO(write),            POLICY_WRITE_NONE,
        POLICY_WRITE_REPLACE,
        word_of_write, "none", "POLICY", "uploads: none, new names only, or also existing ones"},
    {"user",        'u', OPTION_TEXT,      TO(user),             0,      0,
        NULL, NULL, "NAME", "user to become when started as root (wherry, else nobody)"},
    {"sandbox",     0,   OPTION_WORD,      TO(sandbox),          CONFIG_SANDBOX_AUTO,
        CONFIG_SANDBOX_OFF,
        word_of_sandbox, "auto", "WORD", "have the kernel forbid all that serving does not need"},
    {"log-level",   0,   OPTION_WORD,      TO(log_level),        LOG_LEVEL_ERROR, LOG_LEVEL_DEBUG,
        word_of_level, "info", "LEVEL", "least severe lines that are logged"},
    {"log",         0,   OPTION_WORD,      TO(log_syslog),       0,      1,
        word_of_log, "stderr", "TARGET", "where the log goes"},
    {"blksize-max", 0,   OPTION_BLKSIZE,   NOWHERE,              WHERRY_BLKSIZE_MIN,
        WHERRY_BLKSIZE_MAX,
        NULL, "65464", "N|mtu", "largest block granted, in bytes; mtu: what the route carries whole"},
    {"windowsize-max", 0, OPTION_NUMBER,   TO(windowsize_max),   1,      WHERRY_WINDOWSIZE_MAX,
        NULL, "64", "N", "largest window granted, in blocks"},
    {"window-bytes-max", 0, OPTION_BYTES,  TO(window_bytes_max), 512,    GIB,
        NULL, "4MiB", "SIZE", "largest window granted, in bytes; one block is always granted"},
    {"refuse-options", 0, OPTION_SET,      TO(refuse_options),   0,      WHERRY_OPTION_COUNT - 1,
        word_of_option, "", "LIST", "TFTP options that are never granted, separated by commas"},
    {"timeout-option", 0, OPTION_WORD,     TO(timeout_decline),  0,      1,
        word_of_timeout, "honour", "WORD", "what to do with the options timeout and utimeout"},
    {"broadcast",   0,   OPTION_WORD,      TO(broadcast_answer), 0,      1,
        word_of_broadcast, "drop", "WORD", "requests sent to a broadcast or multicast address"},
    {"umask",       0,   OPTION_MODE,      TO(umask),            0,      0777,
        NULL, "0022", "MODE", "permission bits that no uploaded file gets"},
    {"upload-mode", 0,   OPTION_MODE,      TO(upload_mode),      0,      CONFIG_UPLOAD_MODE_MAX,
        NULL, "0640", "MODE", "permission bits of uploaded files, less umask"},
    {"drain-timeout", 0, OPTION_TIME,      TO(drain_timeout_ns), 0,      HOUR,
        NULL, "10s", "TIME", "grace for running transfers at shutdown"},
    {"patience",    0,   OPTION_TIME,      TO(patience_ns),      SECOND, HOUR,
        NULL, "60s", "TIME", "a transfer without progress is given up after this"},
    {"workers",     0,   OPTION_COUNT,     TO(workers),          1,      CONFIG_WORKERS_MAX,
        NULL, "auto", "N|auto", "threads that serve TFTP; auto: one for each processor"},
    {"transfer-ports", 0, OPTION_WORD,     TO(transfer_ports),   TRANSFER_PORTS_AUTO,
        TRANSFER_PORTS_SHARED,
        word_of_ports, "auto", "WORD", "a socket for each TFTP transfer, or one for many"},
    {"segments",    0,   OPTION_WORD,      TO(segments),         UDP_SEGMENTS_AUTO,
        UDP_SEGMENTS_OFF,
        word_of_segments, "auto", "WORD", "whether the kernel cuts windows into packets"},
    {"upload-max",  0,   OPTION_BYTES,     TO(upload_max),       0,      HIGHEST_BYTES,
        NULL, "0", "SIZE", "largest upload; 0: no limit"},
    {"disk-reserve", 0,  OPTION_BYTES,     TO(disk_reserve),     0,      HIGHEST_BYTES,
        NULL, "0", "SIZE", "free space that no upload may use"},
    {"upload-keep", 0,   OPTION_TIME,      TO(upload_keep_ns),   0,      720 * HOUR,
        NULL, "24h", "TIME", "how long a broken upload may be resumed (wherry://)"},
    {"upload-kept-total", 0, OPTION_BYTES, TO(upload_kept_total), 0,     HIGHEST_BYTES,
        NULL, "1GiB", "SIZE", "broken uploads kept for one network, oldest first out"},
    {"listings-max", 0,  OPTION_NUMBER,    TO(listings_max),     1,      65536,
        NULL, "64", "N", "directories whose listings are held at a time"},
    {"connections-max", 0, OPTION_NUMBER,  TO(connections_max),  1,      1000000,
        NULL, "1024", "N", "connections served at a time (wherry://)"},
    {"connections-per-address", 0, OPTION_NUMBER, TO(connections_per_address), 1, 1000000,
        NULL, "64", "N", "of these from one address, loopback excepted"},
    {"hello-timeout", 0, OPTION_TIME,      TO(hello_timeout_ns), SECOND / 10, HOUR,
        NULL, "5s", "TIME", "from a connection's begin to its HELLO"},
    {"frame-timeout", 0, OPTION_TIME,      TO(frame_timeout_ns), SECOND / 10, HOUR,
        NULL, "10s", "TIME", "from a frame's first byte to the whole of it, DATA excepted"},
    {"body-rate",   0,   OPTION_BYTES,     TO(body_rate),        1,      GIB,
        NULL, "1KiB", "SIZE", "bytes a second that a client has to send or take of a body ..."},
    {"body-timeout", 0,  OPTION_TIME,      TO(body_timeout_ns),  SECOND / 10, HOUR,
        NULL, "30s", "TIME", "... measured over this time"},
    {"idle-timeout", 0,  OPTION_TIME,      TO(idle_timeout_ns),  SECOND / 10, 24 * HOUR,
        NULL, "120s", "TIME", "a connection that asks nothing is closed after this"},
    {"max-frame",   0,   OPTION_BYTES,     TO(max_frame),        WHERRY_MAX_FRAME_LOWEST,
        WHERRY_MAX_FRAME_HIGHEST,
        NULL, "1MiB", "SIZE", "largest frame"},
    {"requests-max", 0,  OPTION_NUMBER,    TO(requests_max),     1,      1024,
        NULL, "16", "N", "requests that may wait on one connection"},
    {"output-max",  0,   OPTION_BYTES,     TO(output_max),       32 * KIB, GIB,
        NULL, "64KiB", "SIZE", "bytes that may wait to be sent on one connection"},
    {"turn-max",    0,   OPTION_BYTES,     TO(turn_max),         4 * KIB, GIB,
        NULL, "1MiB", "SIZE", "bytes sent for one connection before the others have their turn"},
    {"user-timeout", 0,  OPTION_TIME,      TO(user_timeout_ns),  SECOND, HOUR,
        NULL, "30s", "TIME", "a peer that acknowledges nothing for so long is dead"},
    {"keepalive-idle", 0, OPTION_TIME,     TO(keepalive_idle_ns), SECOND, 9 * HOUR,
        NULL, "60s", "TIME", "silence before the kernel asks whether the peer is there"},
    {"keepalive-interval", 0, OPTION_TIME, TO(keepalive_interval_ns), SECOND, 9 * HOUR,
        NULL, "10s", "TIME", "between two such questions"},
    {"keepalive-count", 0, OPTION_NUMBER,  TO(keepalive_count),  1,      127,
        NULL, "3", "N", "questions without an answer before the peer is dead"},
    {"config",      'c', OPTION_FILE,      TO(file),             0,      0,
        NULL, NULL, "FILE", "configuration file instead of " CONFIG_FILE},
    {"check",       0,   OPTION_ACTION,    NOWHERE,              CONFIG_CHECK, 0,
        NULL, NULL, NULL, "check the configuration, print it and exit"},
    {"import-tftpd-hpa", 0, OPTION_ACTION, NOWHERE,              CONFIG_IMPORT_TFTPD_HPA, 0,
        NULL, NULL, "FILE", "print /etc/default/tftpd-hpa as a configuration of wherryd and exit"},
    {"import-atftpd", 0, OPTION_ACTION,    NOWHERE,              CONFIG_IMPORT_ATFTPD, 0,
        NULL, NULL, "FILE", "the same for /etc/default/atftpd"},
    {"import-dnsmasq", 0, OPTION_ACTION,   NOWHERE,              CONFIG_IMPORT_DNSMASQ, 0,
        NULL, NULL, "FILE", "the same for the TFTP part of /etc/dnsmasq.conf"},
    {"version",     'V', OPTION_ACTION,    NOWHERE,              CONFIG_VERSION, 0,
        NULL, NULL, NULL, "print the version and exit"},
    {"help",        'h', OPTION_ACTION,    NOWHERE,              CONFIG_HELP, 0,
        NULL, NULL, NULL, "print this help and exit"},
};
/* clang-format on */

const struct option_row *option_rows(size_t *ret_count)
{
    *ret_count = sizeof(rows) / sizeof(rows[0]);
    return rows;
}

bool option_in_file(const struct option_row *row)
{
    return row->kind != OPTION_FILE && row->kind != OPTION_ACTION;
}

bool option_is_write(const struct option_row *row)
{
    return row->size != 0 && row->offset == offsetof(struct config, write);
}

bool option_is_list(const struct option_row *row)
{
    return row->kind == OPTION_ENDPOINTS || row->kind == OPTION_SET;
}
