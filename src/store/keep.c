/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/keep.h"

#include "store/upload.h"
