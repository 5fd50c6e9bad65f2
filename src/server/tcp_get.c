/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/tcp_session.h"
