# SPDX-License-Identifier: BSD-2-Clause
wherry_test(tcp_get DIR net LINK server SOURCES ${tcp_served_sources})
wherry_test(tcp_ask DIR net LINK server SOURCES ${tcp_served_sources})
# No machine here is cold, and no disk fails.
wherry_wrap(test_tcp_get preadv2 preadv64v2 exact_open_file tcp_send_file)
wherry_wrap(test_tcp_ask exact_stat)
