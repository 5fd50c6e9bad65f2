# SPDX-License-Identifier: BSD-2-Clause
wherry_test(bytes LINK base)
wherry_test(errno_res LINK base)
wherry_test(log LINK base)
wherry_test(number LINK base)
wherry_test(buffer LINK base)
wherry_test(hex LINK base)
wherry_test(text LINK base)
