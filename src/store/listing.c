/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/listing.h"
