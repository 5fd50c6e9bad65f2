# SPDX-License-Identifier: BSD-2-Clause
wherry_test(addr LINK net)

# Loopback never fills a socket and never fails to route: udp_story.c plays a kernel that does.
foreach(name udp udp_share udp_receive udp_send udp_out udp_out_refused)
  wherry_test(${name} LINK net SOURCES net/udp_story.c DIR net)
  target_link_options(test_${name} PRIVATE
    -Wl,--wrap=socket -Wl,--wrap=sendto -Wl,--wrap=sendmsg -Wl,--wrap=sendmmsg
    -Wl,--wrap=recvmsg -Wl,--wrap=recvmmsg)
endforeach()
target_sources(test_udp_out PRIVATE net/out_story.c)
target_sources(test_udp_out_refused PRIVATE net/out_story.c)
target_link_options(test_udp_out PRIVATE -Wl,--wrap=setsockopt)
