/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/remote.h"

static bool takes_requests(struct link *l)
{
    enum wherry_client_state state = wherry_client_exchange_state(link_exchange(l));

    return state == WHERRY_CLIENT_GREETING || state == WHERRY_CLIENT_OPEN;
}

bool remote_reach(struct remote *r, const struct url *url, struct outcome *why)
{
    const struct link_params params = {
        .url = url,
        .settings = r->settings,
        .console = r->console,
    };
    struct wherry_client_event event;

    if (r->link != NULL && link_leads_to(r->link, url)) {
        if (link_poll(r->link, &event, why)) {
            if (takes_requests(r->link)) {
                return true;
            }
        } else if (why->side == OUTCOME_SIGNAL) {
            return false;
        }
    }
    remote_leave(r);
    return link_open(&r->link, &params, why);
}

bool remote_lost(const struct remote *r, const struct outcome *why)
{
    return why->side == OUTCOME_SIGNAL || r->link == NULL ||
           wherry_client_exchange_state(link_exchange(r->link)) == WHERRY_CLIENT_OVER;
}

void remote_leave(struct remote *r)
{
    link_close(r->link);
    r->link = NULL;
}
