/* SPDX-License-Identifier: BSD-2-Clause */
/* server/import.h: the settings of another TFTP server, as a configuration file of wherryd. */
#ifndef SERVER_IMPORT_H
#define SERVER_IMPORT_H

#include <stdio.h>

#include <wherry/res.h>

enum import_kind {
    IMPORT_TFTPD_HPA, /* /etc/default/tftpd-hpa: shell assignments */
    IMPORT_ATFTPD,    /* /etc/default/atftpd: shell assignments */
    IMPORT_DNSMASQ    /* /etc/dnsmasq.conf: the settings of its TFTP server */
};

/* Prints a configuration to `to`, and to `complaints` one line "FILE:LINE: ..." for each setting
 * that cannot be carried over, with the reason and what to do instead. RES_OK: all were;
 * RES_UNSUPPORTED: some were not; RES_PROTOCOL: no such file's syntax, the line is told; else why
 * the file cannot be read (told, too). */
enum res import_print(enum import_kind kind, const char *path, FILE *to, FILE *complaints);

#endif
