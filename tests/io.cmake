# SPDX-License-Identifier: BSD-2-Clause
wherry_test(loop LINK io)
wherry_test(pool LINK io)
wherry_test(log_writer LINK io)
# What goes to syslog is caught on its way out; the second name is what fortified builds call.
wherry_wrap(test_log_writer syslog __syslog_chk pthread_cond_timedwait)
