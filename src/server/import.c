/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/import.h"

#include <stdlib.h>

#include "server/import_plan.h"
#include "server/import_servers.h"
#include "server/settings_text.h"

#define WHY_BYTES 256

enum res import_print(enum import_kind kind, const char *path, FILE *to, FILE *complaints)
{
    static void (*const servers[])(struct import_plan * plan, char *text) = {
        [IMPORT_TFTPD_HPA] = import_tftpd_hpa,
        [IMPORT_ATFTPD] = import_atftpd,
        [IMPORT_DNSMASQ] = import_dnsmasq,
    };
    struct import_plan *plan = NULL;
    char *text = NULL;
    char why[WHY_BYTES];
    enum res r = import_plan_new(&plan, path, complaints);

    if (r != RES_OK) {
        fprintf(complaints, "%s\n", wherry_res_text(r));
        return r;
    }
    r = settings_text_read(path, &text, why, sizeof(why));
    if (r != RES_OK) {
        import_plan_broken(plan, 0, why, r);
    } else {
        servers[kind](plan, text);
        r = import_plan_print(plan, to);
    }
    free(text);
    import_plan_free(plan);
    return r;
}
