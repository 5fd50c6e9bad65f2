/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/link.h"
