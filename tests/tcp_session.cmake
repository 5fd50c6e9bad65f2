# connections of the file protocol, over loopback; tests of other files use the sources too
set(tcp_served_sources net/tcp_served.c net/tcp_client.c support/log_lines.c support/pattern.c
  support/scratch.c)
