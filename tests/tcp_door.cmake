# SPDX-License-Identifier: BSD-2-Clause
# The way in to the file protocol: sockets, limits, the door.
wherry_test(tcp DIR net LINK net)
wherry_test(crowd LINK server)
