/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/pace.h"

#define WHOLE_WINDOWS_TO_BURST 8u

void pace_loss(struct pace *p, uint64_t acked, uint16_t windowsize)
{
    if (windowsize == 1) {
        return;
    }
    if (p->lost && acked - p->loss_at < windowsize) {
        p->spread = true;
    }
    p->lost = true;
    p->loss_at = acked;
    p->torn = true;
    p->whole_windows = 0;
}

void pace_window_passed(struct pace *p)
{
    if (p->torn || !p->spread) {
        return;
    }
    p->whole_windows++;
    if (p->whole_windows == WHOLE_WINDOWS_TO_BURST) {
        p->spread = false;
        p->lost = false;
    }
}

void pace_window_opened(struct pace *p, uint64_t now_ns)
{
    p->opened_ns = now_ns;
    p->released = 1;
}

void pace_window_is_new(struct pace *p)
{
    p->torn = false;
}

static bool holds_back(const struct pace *p, uint32_t window, uint64_t interval_ns)
{
    return p->spread && interval_ns > 0 && p->released < window;
}

uint32_t pace_limit(const struct pace *p, uint32_t window, uint64_t interval_ns)
{
    return holds_back(p, window, interval_ns) ? p->released : window;
}

void pace_release(struct pace *p, uint32_t window, uint64_t interval_ns, uint64_t now_ns)
{
    if (holds_back(p, window, interval_ns)) {
        uint64_t due = 1 + (now_ns - p->opened_ns) / interval_ns;

        p->released = due < window ? (uint32_t)due : window;
    }
}

uint64_t pace_deadline_ns(const struct pace *p, uint32_t window, uint64_t interval_ns)
{
    return holds_back(p, window, interval_ns) ? p->opened_ns + p->released * interval_ns
                                              : UINT64_MAX;
}
