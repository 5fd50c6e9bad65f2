# SPDX-License-Identifier: BSD-2-Clause
# The sandbox: what it denies, what it allows, and what is written about it.
wherry_test(sandbox_filter DIR net SOURCES support/attempt.c support/scratch.c LINK server)
wherry_test(sandbox DIR net SOURCES support/attempt.c support/scratch.c LINK server)
