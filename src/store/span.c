/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/span.h"
