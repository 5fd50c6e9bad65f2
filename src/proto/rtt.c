/* SPDX-License-Identifier: BSD-2-Clause */
#include <wherry/rtt.h>

#include "base/number.h"

#define FIRST_NS NUMBER_SECOND                    /* RFC 6298 (2.1) */
#define FLOOR_EARLY_NS (400 * NUMBER_MILLISECOND) /* while the estimate rests on few samples */
#define FLOOR_NS (50 * NUMBER_MILLISECOND)
#define CAP_NS (8 * NUMBER_SECOND)
#define EARLY_SAMPLES 8u
#define DOUBLINGS_MAX 16u /* far beyond the cap, far below an overflow */

void wherry_rtt_init(struct wherry_rtt *r, uint64_t fixed_ns)
{
    *r = (struct wherry_rtt){.fixed_ns = fixed_ns};
}

void wherry_rtt_sample(struct wherry_rtt *r, uint64_t trip_ns)
{
    if (r->samples == 0) {
        r->mean_ns = trip_ns; /* RFC 6298 (2.2) */
        r->variance_ns = trip_ns / 2;
        r->smallest_ns = trip_ns;
    } else {
        uint64_t off_ns = r->mean_ns > trip_ns ? r->mean_ns - trip_ns : trip_ns - r->mean_ns;

        r->variance_ns = r->variance_ns - r->variance_ns / 4 + off_ns / 4; /* (2.3) */
        r->mean_ns = r->mean_ns - r->mean_ns / 8 + trip_ns / 8;
        if (trip_ns < r->smallest_ns) {
            r->smallest_ns = trip_ns;
        }
    }
    if (r->samples < UINT32_MAX) {
        r->samples++;
    }
    r->doublings = 0;
}

void wherry_rtt_answered(struct wherry_rtt *r)
{
    r->doublings = 0;
}

void wherry_rtt_expired(struct wherry_rtt *r)
{
    if (r->doublings < DOUBLINGS_MAX) {
        r->doublings++;
    }
}

uint64_t wherry_rtt_timeout_ns(const struct wherry_rtt *r)
{
    uint64_t timeout_ns = FIRST_NS;

    if (r->fixed_ns != 0) {
        return r->fixed_ns;
    }
    if (r->samples > 0) {
        uint64_t floor_ns = r->samples < EARLY_SAMPLES ? FLOOR_EARLY_NS : FLOOR_NS;
        uint64_t margin_ns = 4 * r->variance_ns;

        /* The G of RFC 6298 (2.3): on a steady path the variance fades to nothing, and the clock
         * would run out in the very moment in which the answer arrives. */
        if (margin_ns < r->mean_ns / 4) {
            margin_ns = r->mean_ns / 4;
        }
        timeout_ns = r->mean_ns + margin_ns;
        if (timeout_ns < floor_ns) {
            timeout_ns = floor_ns;
        }
    }
    if (timeout_ns > CAP_NS >> r->doublings) {
        return CAP_NS;
    }
    return timeout_ns << r->doublings;
}
