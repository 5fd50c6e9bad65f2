/* SPDX-License-Identifier: BSD-2-Clause */
/* server/import_servers.h: the settings of each server, one file for each.
 *
 * They take the text of a file, which is written over, into a plan; what is wrong with it is told
 * there too. */
#ifndef SERVER_IMPORT_SERVERS_H
#define SERVER_IMPORT_SERVERS_H

#include "server/import_plan.h"

void import_tftpd_hpa(struct import_plan *plan, char *text);
void import_atftpd(struct import_plan *plan, char *text);
void import_dnsmasq(struct import_plan *plan, char *text);

/* What several of them have in common. A path that is served: it must be absolute. */
void import_root(struct import_plan *plan, const struct import_at *at, const char *path);
/* An address and a port, either of them empty or NULL for the default: the service's port by number
 * or name. */
void import_listen(struct import_plan *plan, const struct import_at *at, const char *address,
                   const char *port);
/* The user that the server became; usual is the one that its package sets up. */
void import_user(struct import_plan *plan, const struct import_at *at, const char *name,
                 const char *usual);

/* One variable of a file in /etc/default, as it was set last; value NULL: not set. */
struct import_variable {
    const char *name;
    char *value;
    unsigned line;
};

/* Fills in the variables from the text. Others are missed.
 * False: the file is no list of assignments, which the plan knows. */
bool import_variables(struct import_plan *plan, char *text, struct import_variable *variables,
                      size_t count);

#endif
