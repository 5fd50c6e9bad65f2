# SPDX-License-Identifier: BSD-2-Clause
# The client's side of get over the file protocol.
wherry_test(partial LINK client SOURCES support/scratch.c)
wherry_test(entries LINK client)
