/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/command.h"
