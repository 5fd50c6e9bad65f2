# SPDX-License-Identifier: BSD-2-Clause
wherry_test(addr LINK net)

# Loopback never fills a socket and never fails to route: udp_story.c plays a kernel that does.
foreach(name udp udp_share udp_receive udp_send udp_out udp_out_refused)
  wherry_test(${name} LINK net SOURCES net/udp_story.c DIR net)
  wherry_wrap(test_${name} socket sendto sendmsg sendmmsg recvmsg recvmmsg)
endforeach()
target_sources(test_udp_out PRIVATE net/out_story.c)
target_sources(test_udp_out_refused PRIVATE net/out_story.c)
wherry_wrap(test_udp_out setsockopt)
