/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/remote_get.h"
