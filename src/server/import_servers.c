/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/import_servers.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "server/import_shell.h"

#define URL_BYTES 512

void import_root(struct import_plan *plan, const struct import_at *at, const char *path)
{
    if (path[0] != '/') {
        import_plan_miss(plan, at,
                         "no absolute path: give the directory to serve as root = \"/...\"");
        return;
    }
    if (strlen(path) >= PATH_MAX) {
        import_plan_miss(plan, at, "longer than any path may be: look for a typing error");
        return;
    }
    import_plan_carry(plan, at, "root", path);
}

/* A port by its name stands for the number that /etc/services has. */
static const char *port_number(const char *port, char *buf, size_t cap)
{
    const struct servent *service =
        port[strspn(port, "0123456789")] == '\0' ? NULL : getservbyname(port, "udp");

    if (service == NULL) {
        return port;
    }
    snprintf(buf, cap, "%u", ntohs((uint16_t)service->s_port));
    return buf;
}

void import_listen(struct import_plan *plan, const struct import_at *at, const char *address,
                   const char *port)
{
    bool bare6 = address != NULL && address[0] != '[' && strchr(address, ':') != NULL;
    bool no_address = address == NULL || address[0] == '\0';
    char number[8];
    char url[URL_BYTES];
    int len;

    port = port == NULL || port[0] == '\0' ? "69" : port_number(port, number, sizeof(number));
    if (no_address && strcmp(port, "69") == 0) {
        import_plan_remark(plan, at,
                           "port 69 of every address, as wherryd does by default (beside the file "
                           "protocol over TCP, for this machine alone)");
        return;
    }
    len = snprintf(url, sizeof(url), "tftp://%s%s%s:%s", bare6 ? "[" : "",
                   no_address ? "[::]" : address, bare6 ? "]" : "", port);
    if (len >= (int)sizeof(url)) {
        import_plan_miss(plan, at, "longer than any address: look for a typing error");
        return;
    }
    import_plan_carry(plan, at, "listen", url);
}

void import_user(struct import_plan *plan, const struct import_at *at, const char *name,
                 const char *usual)
{
    if (strcmp(name, usual) == 0) {
        import_plan_remark(
            plan, at,
            "wherryd runs as the user wherry of its own, who must be allowed to read "
            "the files, and for uploads to write");
        return;
    }
    import_plan_miss(
        plan, at,
        "the service runs as the user wherry: give that user the files, or set User= "
        "with `systemctl edit wherryd`; the key user is for a wherryd that root starts");
}

bool import_variables(struct import_plan *plan, char *text, struct import_variable *variables,
                      size_t count)
{
    struct import_shell shell = {.at = text, .line = 1};
    struct import_assignment a;

    while (import_shell_next(&shell, &a)) {
        struct import_variable *v = variables;

        while (v < variables + count && strcmp(v->name, a.name) != 0) {
            v++;
        }
        if (v < variables + count) {
            v->value = a.value;
            v->line = a.line;
        } else {
            const struct import_at at = {a.line, a.name, a.value};

            import_plan_miss(plan, &at,
                             "not read by that server: leave it out, or look for a typing error");
        }
    }
    if (shell.wrong != NULL) {
        import_plan_broken(plan, shell.line, shell.wrong, RES_PROTOCOL);
    }
    return shell.wrong == NULL;
}
