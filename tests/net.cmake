# SPDX-License-Identifier: BSD-2-Clause
wherry_test(addr LINK net)
