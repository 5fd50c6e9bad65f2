# SPDX-License-Identifier: BSD-2-Clause
wherry_test(loop LINK io)
wherry_test(pool LINK io)
wherry_test(log_writer LINK io)
# What goes to syslog is caught on its way out; the second name is what fortified builds call.
target_link_options(test_log_writer PRIVATE -Wl,--wrap=syslog -Wl,--wrap=__syslog_chk
                    -Wl,--wrap=pthread_cond_timedwait)
