/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/udp_out.h"
