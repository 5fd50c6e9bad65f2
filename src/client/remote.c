/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/remote.h"

enum use { USE_AS_IT_IS, USE_ANOTHER, USE_NONE };

/* Servers close what is idle for long. What has not been greeted is as good as new: if it fails,
 * the next would too. */
static enum use judge(struct link *l, struct outcome *why)
{
    enum wherry_client_state before = wherry_client_exchange_state(link_exchange(l));
    struct wherry_client_event event;

    if (!link_poll(l, &event, why)) {
        return before == WHERRY_CLIENT_GREETING || why->side == OUTCOME_SIGNAL ? USE_NONE
                                                                               : USE_ANOTHER;
    }
    if (before == WHERRY_CLIENT_GREETING ||
        wherry_client_exchange_state(link_exchange(l)) == WHERRY_CLIENT_OPEN) {
        return USE_AS_IT_IS;
    }
    return USE_ANOTHER;
}

bool remote_reach(struct remote *r, const struct url *url, struct outcome *why)
{
    const struct link_params params = {
        .url = url,
        .settings = r->settings,
        .console = r->console,
    };
    enum use use = USE_ANOTHER;

    if (r->link != NULL && link_leads_to(r->link, url)) {
        use = judge(r->link, why);
    }
    if (use == USE_ANOTHER) {
        remote_leave(r);
        return link_open(&r->link, &params, why);
    }
    return use == USE_AS_IT_IS;
}

/* What was issued with this result, to its END. The event with the answer becomes *ret. */
static bool await(struct link *l, enum res issued, enum wherry_client_event_kind kind,
                  struct wherry_client_event *ret, struct outcome *why)
{
    struct wherry_client_event event = {.kind = WHERRY_CLIENT_NONE};

    if (issued != RES_OK) {
        link_explain(l, issued, why);
        return false;
    }
    while (event.kind != WHERRY_CLIENT_END) {
        if (!link_next(l, &event, why)) {
            return false;
        }
        if (event.kind == kind) {
            *ret = event; /* of fields of fixed size, no views */
        }
    }
    if (event.end.result != RES_OK) {
        outcome_set_end(why, &event.end);
        return false;
    }
    return true;
}

/* Asks about a path, and waits for the answer of this kind. */
static bool ask(struct remote *r, const struct url *url, struct wherry_view path,
                enum res (*issue)(struct wherry_client_exchange *x, struct wherry_view path,
                                  uint64_t now_ns, uint32_t *ret),
                enum wherry_client_event_kind kind, struct wherry_client_event *ret,
                struct outcome *why)
{
    uint32_t request;
    enum res issued;

    if (!remote_reach(r, url, why)) {
        return false;
    }
    issued = issue(link_exchange(r->link), path, link_now_ns(r->link), &request);
    return await(r->link, issued, kind, ret, why);
}

bool remote_stat(struct remote *r, const struct url *url, struct wherry_view path,
                 struct wherry_message_info *ret, struct outcome *why)
{
    struct wherry_client_event event;

    if (!ask(r, url, path, wherry_client_exchange_stat, WHERRY_CLIENT_INFO, &event, why)) {
        return false;
    }
    *ret = event.info;
    return true;
}

bool remote_hash(struct remote *r, const struct url *url, struct wherry_view path,
                 struct wherry_message_hash_reply *ret, struct outcome *why)
{
    struct wherry_client_event event;

    if (!ask(r, url, path, wherry_client_exchange_hash, WHERRY_CLIENT_HASH_REPLY, &event, why)) {
        return false;
    }
    *ret = event.hash;
    return true;
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
