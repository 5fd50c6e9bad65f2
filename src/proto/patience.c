/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/patience.h"

#include "base/number.h"

#define UNHEARD_NS (60 * NUMBER_SECOND)
#define TIMEOUTS 3

uint64_t patience_end_ns(uint64_t patience_ns, uint64_t timeout_ns, bool heard, uint64_t start_ns,
                         uint64_t progress_ns)
{
    uint64_t span_ns = number_max(patience_ns, TIMEOUTS * timeout_ns);
    uint64_t from_ns = heard ? progress_ns : start_ns;

    if (!heard) {
        span_ns = number_min(span_ns, UNHEARD_NS);
    }
    return span_ns > UINT64_MAX - from_ns ? UINT64_MAX : from_ns + span_ns;
}
