# SPDX-License-Identifier: BSD-2-Clause
wherry_test(loop LINK io)
wherry_test(pool LINK io)
