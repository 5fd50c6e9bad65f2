/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/json.h"
